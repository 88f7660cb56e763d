"""Normal maps of a row's own views, as a model predicts them from its pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.asset import F32, U8
from ml.normal_predictor import predicted_normals
from ml.sources import Source
from ml.views import View
from tasks.camera import Camera
from tasks.normal_maps import NormalMaps

MOST_VIEWS = 256
BACKGROUND = 255  # of what a model is shown around the object: photographs for sale stand on white


def predicted_maps(images: Sequence[Source], size: int, model: str, device: str) -> NormalMaps:
    """Maps of `size` pixels that the model sees in views with cameras; both are read as `visual-hull` reads them.

    The frame is the cameras' world, so the asset has to stand in it still. Raises InputError `images.*`, `image.*`,
    `input.*`, `normals.unsupported-pipeline` and `model.missing-…`.
    """
    from ml.generators.visual_hull import read_shots  # brings scipy

    shots = read_shots(images, MOST_VIEWS, size)
    shown = [_centred(shot.pixels[..., :3], shot.mask, size) for shot in shots]
    normals = predicted_normals(model, [picture for picture, _ in shown], device)
    maps = np.zeros((len(shots), size, size, 4), np.float32)
    for at, (shot, (_, covered)) in enumerate(zip(shots, shown, strict=True)):
        world = normals[at] @ shot.view.pose[:3, :3].T.astype(np.float32)
        maps[at, ..., :3], maps[at, ..., 3] = world * covered[..., None], covered
    return NormalMaps(tuple(_camera(shot.view, shot.focal, size) for shot in shots), maps)


def _centred(pixels: U8, mask: npt.NDArray[np.bool_], size: int) -> tuple[U8, F32]:
    """A picture in the middle of a square of `size`, on a plain background, and how much of each pixel it covers."""
    height, width = mask.shape
    shift = (1.0, 0.0, 0.5 * (width - size), 0.0, 1.0, 0.5 * (height - size))  # half a pixel where parities differ
    cut = [Image.fromarray(each) for each in (pixels, np.where(mask, np.uint8(255), np.uint8(0)))]
    picture, covered = (
        np.asarray(each.transform((size, size), Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR), np.float32)
        for each in cut
    )
    share = covered / np.float32(255.0)
    blended = picture * share[..., None] + BACKGROUND * (1.0 - share[..., None])
    return np.rint(blended).astype(np.uint8), share


def _camera(view: View, focal: float, size: int) -> Camera:
    """The view's camera over a square of `size` pixels."""
    eye, (_, up, back) = view.pose[:3, 3], view.pose[:3, :3].T
    eyes, target, above = ((float(at[0]), float(at[1]), float(at[2])) for at in (eye, eye - back, up))
    if view.angle_x > 0.0:
        return Camera(eyes, target, above, fov=2.0 * math.degrees(math.atan(0.5 * size / focal)))
    return Camera(eyes, target, above, fov=0.0, extent=size / focal)
