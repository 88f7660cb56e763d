"""The outlines that framed pictures show, and how well a cloud of places fills one from a direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # ndimage loads on first use
from numba import njit

from ml.asset import F32, U8
from ml.shapes.example import SKETCH
from ml.shapes.pictures import GROUND, MARGIN, PAPER

Mask = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]

SLOPE = math.tan(math.radians(30.0) / 2.0)  # of half the field of view of training's pictures: tasks/portraits.py
BARE = 3  # of 255: a framed photograph's ground is exact, what is half on it is not bare
FAINT = 60  # of 255: paper, and the palest of a line's edge
ENCLOSED = 0.3  # of a pixel's weight: paper that lines enclose is the object or a hole in it


@dataclass(frozen=True)
class Outline:
    """What a picture of (side, side) pixels says of where the object is."""

    inside: Mask
    weight: F32  # how much each pixel counts
    view: int  # 0 for an unknown direction, else 1–4 as `ml.shapes.asked.view_number`


def outline_of(picture: U8, kind: int, view: int) -> Outline:
    """The outline in a (side, side, 3) picture that `ml.shapes.pictures` framed, or a sketch that it did: ink, and what
    ink encloses."""
    pixels = picture.astype(np.int16)
    if kind != SKETCH:
        inside = np.asarray((np.abs(pixels - GROUND) > BARE).any(axis=2))
        return Outline(inside, np.ones(inside.shape, np.float32), view)
    bare = (pixels >= PAPER - FAINT).all(axis=2)
    label, _ = scipy.ndimage.label(bare)
    border = np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])
    inside = np.asarray(~np.isin(label, border[border > 0]))
    return Outline(inside, np.where(bare & inside, ENCLOSED, 1.0).astype(np.float32), view)


@dataclass(frozen=True)
class Camera:
    """Where an outline is seen from, in the isotropic frame; axes are right, up and back, as (3, 3) rows."""

    eye: F64
    axes: F64

    def ways(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], side: int) -> F64:
        """(m, 3) from the eye through the middles of pixels."""
        across, down = ((2.0 * each + 1.0 - side) / side * SLOPE for each in (columns, rows))
        return np.stack([across, -down, np.full(len(rows), -1.0)], axis=1) @ self.axes


def framing(places: F32, extents: F32, azimuth: float, elevation: float) -> Camera:
    """The camera at azimuth and elevation, in degrees, that frames (n, 3) places of the box frame as `overlap` does."""
    turned = math.radians(azimuth), math.radians(elevation)
    (sin, up), (cos, level) = np.sin(turned), np.cos(turned)
    axes = np.array([[cos, 0.0, -sin], [-up * sin, level, -up * cos], [level * sin, up, level * cos]])
    _, away, x, y = _framed(places, extents, *turned, SLOPE)
    return Camera(np.array([x, y, away]) @ axes, axes)


def overlap(places: F32, extents: F32, azimuth: float, elevation: float, outline: Outline) -> float:
    """Intersection over union, 0–1, of an outline and (n, 3) places of the box frame as a camera at azimuth and
    elevation, in degrees, frames them; 0.1 ms for 10,000. Both touch every pixel that they reach into."""
    turned = math.radians(azimuth), math.radians(elevation)
    return float(_overlap(places, extents, *turned, outline.inside, outline.weight, SLOPE))


@njit(cache=True, nogil=True, error_model="numpy")
def _framed(
    places: F32, extents: F32, azimuth: float, elevation: float, slope: float
) -> tuple[F64, float, float, float]:
    """(n, 3) places along the camera's axes and where it stands along them: how far away, and its x and y; as
    tasks/camera.py's `orbit` frames them: both frustum planes touch the places."""
    sin, cos, up, level = math.sin(azimuth), math.cos(azimuth), math.sin(elevation), math.cos(elevation)
    fit = slope / MARGIN
    seen = np.empty((len(places), 3))
    left = low = np.inf
    right = high = -np.inf
    for i in range(len(places)):
        px, py, pz = places[i, 0] * extents[0], places[i, 1] * extents[1], places[i, 2] * extents[2]
        near = px * sin + pz * cos
        x, y, z = px * cos - pz * sin, py * level - near * up, near * level + py * up
        seen[i, 0], seen[i, 1], seen[i, 2] = x, y, z
        left, right = min(left, x - fit * z), max(right, x + fit * z)
        low, high = min(low, y - fit * z), max(high, y + fit * z)
    away = max(right - left, high - low) / (2.0 * fit)
    return seen, away, (left + right) / 2.0, (low + high) / 2.0


@njit(cache=True, nogil=True, error_model="numpy")
def _overlap(
    places: F32, extents: F32, azimuth: float, elevation: float, inside: Mask, weight: F32, slope: float
) -> float:
    """`overlap` in radians."""
    side = len(inside)
    seen, away, x0, y0 = _framed(places, extents, azimuth, elevation, slope)
    zoom = 0.5 * side / slope
    covered = np.zeros((side, side), np.bool_)
    for i in range(len(places)):
        scale = zoom / (away - seen[i, 2])
        column = int(0.5 * side + (seen[i, 0] - x0) * scale)
        row = int(0.5 * side - (seen[i, 1] - y0) * scale)
        if 0 <= row < side and 0 <= column < side:
            covered[row, column] = True
    both = either = 0.0
    for row in range(side):
        for column in range(side):
            if inside[row, column] or covered[row, column]:
                either += weight[row, column]
                if inside[row, column] and covered[row, column]:
                    both += weight[row, column]
    return both / max(either, 1e-9)
