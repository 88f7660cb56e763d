"""The poster of an asset: a product shot on a light grey studio ground, as JPEG bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.asset import Asset, InputError
from tasks.camera import orbit
from tasks.ground import floor_shadow
from tasks.render import draw, prepare

U8 = npt.NDArray[np.uint8]

MAX_FIT_POINTS = 20_000  # framing needs the extremes; a stride through more points than this moves them < 1 pixel
BACKDROP_TOP, BACKDROP_BOTTOM = (243.0, 244.0, 246.0), (214.0, 216.0, 220.0)
QUALITIES = (90, 84, 76, 66, 54, 40)


@dataclass(frozen=True)
class ThumbnailOptions:
    """How the poster is taken."""

    size: int = field(default=512, metadata={"min": 32, "max": 2048, "help": "side in pixels"})
    azimuth: float = field(default=35.0, metadata={"min": -360.0, "max": 360.0, "help": "degrees; 0 front, 90 right"})
    elevation: float = field(default=20.0, metadata={"min": -90.0, "max": 90.0, "help": "degrees above the floor"})
    fov: float = field(default=28.0, metadata={"min": 0.0, "max": 90.0, "help": "vertical degrees; 0 orthographic"})
    supersample: int = field(default=2, metadata={"min": 1, "max": 4, "help": "samples a pixel, per axis"})
    max_bytes: int = field(default=60_000, metadata={"min": 2000, "max": 10_000_000, "help": "JPEG size limit"})


def thumbnail(asset: Asset, options: ThumbnailOptions = ThumbnailOptions()) -> bytes:
    """JPEG bytes of the poster; raises InputError `mesh.no-faces` and `image.*` for a map that cannot be decoded."""
    return encode_jpeg(shot(asset, options, (options.size, options.size)), options.max_bytes)


def shot(asset: Asset, options: ThumbnailOptions, size: tuple[int, int]) -> U8:
    """(height, width, 3) pixels of the same picture at another `size` (width, height); raises as `thumbnail` does."""
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces to draw")
    width, height = size
    points = np.concatenate([part.vertices[np.unique(part.faces)] for part in asset.parts])
    floor = float(points[:, 1].min())
    fit = points[:: max(1, len(points) // MAX_FIT_POINTS)]
    camera = orbit(fit, options.azimuth, options.elevation, options.fov, margin=1.22, aspect=width / height)
    rendering = prepare(asset, camera, size, options.supersample)
    color = draw(asset, rendering, camera, options.supersample).color
    shadow = floor_shadow(camera, rendering.studio, floor, width, height)
    return _composite(color, shadow)


def encode_jpeg(pixels: U8, max_bytes: int) -> bytes:
    """(h, w, 3) as JPEG at the best of six qualities that fits `max_bytes`; the worst one when none does."""
    image = Image.fromarray(pixels)
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, subsampling=0 if quality >= 84 else 2)
        if buffer.tell() <= max_bytes:
            break
    return buffer.getvalue()


def _composite(color: U8, shadow: npt.NDArray[np.float32]) -> U8:
    """The object over its shadow over the backdrop: a vertical sweep with a light pool in the middle."""
    height, width = shadow.shape
    y, x = np.linspace(0.0, 1.0, height)[:, None], np.linspace(-1.0, 1.0, width)[None, :]
    sweep = 1.0 / (1.0 + np.exp(-(y - 0.55) * 9.0))  # where the wall curves into the floor
    vignette = 1.0 - 0.05 * (x**2 + (2.0 * y - 1.0) ** 2)
    tone = (np.array(BACKDROP_TOP) + (np.array(BACKDROP_BOTTOM) - BACKDROP_TOP) * sweep[..., None]) * vignette[
        ..., None
    ]
    tone = tone * (1.0 - 0.62 * shadow[..., None])
    alpha = color[..., 3:].astype(np.float64) / 255.0
    return (color[..., :3] * alpha + tone * (1.0 - alpha) + 0.5).astype(np.uint8)
