"""Similarity to a picture: how well an asset's outline and colours fit a reference from the view that fits best."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.asset import F32, U8, Asset, InputError, Material, decode_image, make_part
from ml.color_space import decode, to_oklab
from ml.silhouette import photo_silhouette, sketch_silhouette
from ml.sources import Source
from tasks.camera import Camera, orbit
from tasks.simplify import decimate
from tasks.views import render_views

Direction = tuple[float, float]  # azimuth and elevation, degrees
Mask = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]

SIDE = 128  # pixels of the compared pictures: at 64 a lamp post fitted its own picture to 0.89, here to 0.94
MOST_PICTURES = 8  # of a row are compared
SEEN = 1024  # pixels a picture is reduced to first, as the generators do
# Where pictures of objects are taken from. Steps of 15° leave the best view 7.5° off at most, which costs a chair 0.05
# of its IoU; the finer turns around the best bring that to 1°.
AZIMUTHS = tuple(np.arange(0.0, 360.0, 15.0).tolist())
ELEVATIONS = (0.0, 20.0, 40.0)
FINER = (7.5, 3.75, 1.875)
CLIMBS = 4  # turns of one size at most
OUTLINE_FACES = 3000
LIGHT = 0.15  # of OKLab's 0–1: a matt grey in a studio photograph comes out that much brighter or darker than it is
FOV = 30.0  # degrees, of a lens that portrays objects: about 65 mm on full frame


@dataclass(frozen=True)
class Reference:
    """The picture's object, cut out, centred and as large as a square of SIDE pixels holds it."""

    mask: Mask  # (SIDE, SIDE)
    lab: F32 | None  # (SIDE, SIDE, 3) OKLab; None for a drawing
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom, as shares of the picture


@dataclass(frozen=True)
class Fit:
    """The best view of an asset against a reference."""

    silhouette: float  # intersection over union of the outlines, 0–1
    color: float  # mean OKLab distance where both are, lightness aligned; 0 for a drawing
    azimuth: float  # degrees
    elevation: float

    @property
    def similarity(self) -> float:
        """Outline times colour: 1 is the same picture. In OKLab black and white are 1 apart, red and green 0.5."""
        return self.silhouette * max(0.0, 1.0 - self.color)


def compared(asset: Asset, pictures: Sequence[tuple[Source, bool]]) -> Asset:
    """The asset with the metrics similarity.* as means over its pictures, each (source, whether it is a drawing).

    The view that fits each picture best stands in the note `pictures`. A picture whose object cannot be told from its
    background is left out, with a note.
    """
    readable, numbers, unread = [], [], []
    for number, (source, drawn) in enumerate(pictures[:MOST_PICTURES], start=1):
        try:
            readable.append(read_reference(source, drawn))
            numbers.append(number)
        except InputError as error:
            unread.append(error.code)
    noted = asset.noted(similarity=f"pictures not compared: {', '.join(unread)}") if unread else asset
    if not readable:
        return noted
    fits = best_fits(asset, readable)
    metrics = {
        "similarity.reference": float(np.mean([fit.similarity for fit in fits])),
        "similarity.silhouette": float(np.mean([fit.silhouette for fit in fits])),
        "similarity.color": float(np.mean([fit.color for fit in fits])),
    }
    views = [_view(number, fit, each) for number, fit, each in zip(numbers, fits, readable, strict=True)]
    return noted.noted(pictures=json.dumps(views, separators=(",", ":"))).measured(metrics)


def _view(number: int, fit: Fit, picture: Reference) -> dict[str, object]:
    """What laying a picture over its asset takes: the camera's degrees, and where in the picture the object is."""
    seen = {"azimuth": fit.azimuth, "elevation": fit.elevation, "similarity": fit.similarity}
    rounded = {name: round(value, 4) for name, value in seen.items()}
    return {"number": number, **rounded, "box": [round(edge, 4) for edge in picture.box]}


@lru_cache(maxsize=8)
def read_reference(source: Source, drawn: bool) -> Reference:
    """The object in a photograph, or inside the outline of a drawing; raises InputError as `ml.silhouette` does."""
    image = Image.fromarray(decode_image(source.read()))
    image.thumbnail((SEEN, SEEN))
    return reference(np.asarray(image), drawn)


def reference(pixels: U8, drawn: bool = False) -> Reference:
    """The object in (h, w, 4) RGBA; raises InputError `image.*` or `sketch.*` where none can be told."""
    found = (sketch_silhouette if drawn else photo_silhouette)(pixels)
    mask, picked = _fitted(found.mask)
    return Reference(mask, None if drawn else _lab(pixels[picked], mask), _box(found.mask))


def best_fits(asset: Asset, references: Sequence[Reference]) -> list[Fit]:
    """For each reference the view of the asset that its outline fits best.

    72 views around the asset are compared with all, then turns ever finer from the best of them upward. Outlines are
    compared centred and at one size, because a picture tells neither distance nor place. Raises InputError as
    `render_views` does.
    """
    coarse = _outline_of(asset)
    around = [(azimuth, elevation) for elevation in ELEVATIONS for azimuth in AZIMUTHS]
    outlines = _outlines(coarse, around)
    found = [_climbed(coarse, picture, around, outlines) for picture in references]
    # From behind, a symmetric object has the same outline: its colours tell.
    directions = [(azimuth + turn, elevation) for azimuth, elevation in found for turn in (0.0, 180.0)]
    views = render_views(asset, _cameras(asset, directions), SIDE)
    fits = [
        _fit(views.mask[i], views.albedo[i], references[i // 2], direction) for i, direction in enumerate(directions)
    ]
    return [max(pair, key=lambda fit: fit.similarity) for pair in zip(fits[::2], fits[1::2], strict=True)]


def _climbed(coarse: Asset, picture: Reference, around: list[Direction], outlines: list[Mask]) -> Direction:
    """The direction whose outline fits best, from the best of those around the asset."""
    best, iou = _best(picture, around, outlines)
    for step in FINER:
        for _ in range(CLIMBS):
            turns = [(da, de) for da in (-step, 0.0, step) for de in (-step, 0.0, step) if da or de]
            near = [(best[0] + da, min(max(best[1] + de, -15.0), 75.0)) for da, de in turns]
            better, higher = _best(picture, near, _outlines(coarse, near))
            if higher <= iou:
                break
            best, iou = better, higher
    return best


def _best(picture: Reference, directions: list[Direction], outlines: list[Mask]) -> tuple[Direction, float]:
    ious = [_iou(outline, picture.mask) for outline in outlines]
    k = int(np.argmax(ious))
    return directions[k], ious[k]


def _outlines(asset: Asset, directions: list[Direction]) -> list[Mask]:
    return [_fitted(mask)[0] for mask in render_views(asset, _cameras(asset, directions), SIDE).mask]


def _cameras(asset: Asset, directions: list[Direction]) -> list[Camera]:
    points = np.concatenate([part.vertices[part.faces.reshape(-1)] for part in asset.parts])
    return [orbit(points, azimuth, elevation, FOV, margin=1.0) for azimuth, elevation in directions]


def _outline_of(asset: Asset) -> Asset:
    """The asset with about OUTLINE_FACES, enough for its outline in SIDE pixels and drawn ten times as fast."""
    if asset.face_count <= OUTLINE_FACES:
        return Asset(tuple(replace(part, material=Material()) for part in asset.parts))
    vertices, faces, _ = asset.merged()
    return Asset((make_part(*decimate(vertices, faces, OUTLINE_FACES)),))


def _fit(mask: Mask, albedo: U8, picture: Reference, direction: Direction) -> Fit:
    outline, picked = _fitted(mask)
    color = 0.0
    if picture.lab is not None:
        color = _color_distance(_lab(albedo[picked], outline), picture.lab, outline & picture.mask)
    return Fit(_iou(outline, picture.mask), color, direction[0] % 360.0, direction[1])


def _fitted(mask: Mask) -> tuple[Mask, tuple[npt.NDArray[np.int64], ...]]:
    """(SIDE, SIDE) the mask's box centred and as large as fits, and the (rows, columns) its pixels come from."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((SIDE, SIDE), np.bool_), np.ix_(np.zeros(SIDE, np.int64), np.zeros(SIDE, np.int64))
    low = np.array([rows[0], columns[0]], dtype=np.float64)
    size = np.array([rows[-1], columns[-1]]) - low + 1.0
    steps = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    places = [np.floor(low[k] + 0.5 * size[k] + steps * size.max()).astype(np.int64) for k in (0, 1)]
    inside = [(place >= 0) & (place < mask.shape[k]) for k, place in enumerate(places)]
    picked = np.ix_(*(np.clip(place, 0, mask.shape[k] - 1) for k, place in enumerate(places)))
    return mask[picked] & np.outer(*inside), picked


def _box(mask: Mask) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    high, wide = mask.shape
    left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    return float(left / wide), float(top / high), float(right / wide), float(bottom / high)


def _iou(first: Mask, second: Mask) -> float:
    return float((first & second).sum() / max(int((first | second).sum()), 1))


def _lab(pixels: U8, mask: Mask) -> F32:
    """(SIDE, SIDE, 3) OKLab of RGBA pixels, 0 outside the mask."""
    lab = np.zeros((*mask.shape, 3), np.float32)
    lab[mask] = to_oklab(decode(pixels[mask][:, :3]))
    return lab


def _color_distance(first: F32, second: F32, shared: Mask) -> float:
    """Mean OKLab distance over the shared pixels. A picture is lit and an albedo is not: a difference in mean
    lightness counts only beyond LIGHT."""
    if not shared.any():
        return 1.0
    difference = (first[shared] - second[shared]).astype(np.float64)
    difference[:, 0] -= np.clip(difference[:, 0].mean(), -LIGHT, LIGHT)
    return float(np.sqrt((difference**2).sum(axis=1)).mean())
