"""Lettering: whether an asset is a text or a logo, flat pieces of different outlines in a row."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from ml.union_find import join, numbered
from tasks.coordinate_maps import DepthPair, OwnFrame, depth_pairs, own_frame
from tasks.subject import Subject
from tasks.topology import F64, Bool

SIZE = 256  # pixels a side
THIN = 0.3  # of the longest extent: extruded text of three letters is below
PRISM = 0.85  # share of the surface along or across the thin axis; the rest is for bevels
ALONG, ACROSS = 0.97, 0.17  # cosines to the thin axis: within 14° of it, within 10° of the plane
LAYER = 0.1  # of the thickness: what lies as high as the highest
LEAST = 12  # pixels of a glyph
LOW, HIGH = 0.6, 1.6  # heights of glyphs of a row: x-height to capitals
ALIGNED = 0.35  # of the height that middles of a row differ by
DIFFERENT = 0.08  # of any of a glyph's five numbers


def lettering_metrics(subject: Subject) -> dict[str, float]:
    """shape.glyphs: different outlines of like height that stand in one row on a flat, extruded asset; 0 for others.

    The method is ours. Pieces are taken from three layers: what lies highest from either side, and what is sunk in it
    (engraving). Pickets of a fence are all alike, so they count once.
    """
    if not (subject.areas > 0.0).any():
        return {}
    frame = own_frame(subject)
    if frame.extents[2] > THIN * frame.extents[0] or _prism_share(subject, frame) < PRISM:
        return {"shape.glyphs": 0.0}
    pair = depth_pairs(subject, frame, SIZE, along=(2,))[0]
    return {"shape.glyphs": float(max(_glyphs(layer) for layer in _layers(pair, LAYER * float(frame.extents[2]))))}


def _prism_share(subject: Subject, frame: OwnFrame) -> float:
    """Share of the area that looks along the thin axis or across it."""
    cosine = np.abs(subject.normals @ frame.axes[2])
    return float(subject.areas[(cosine > ALONG) | (cosine < ACROSS)].sum() / subject.areas.sum())


def _layers(pair: DepthPair, band: float) -> list[Bool]:
    seen = np.isfinite(pair.near)
    layers = [depth <= depth[seen].min() + band for depth in (pair.near, pair.far) if seen.any()]
    return [*layers, *(seen & ~layer for layer in layers)]


def _glyphs(layer: Bool) -> int:
    """How many different pieces the fullest row of a layer has; along X or along Y, as a sign may hang upright."""
    labels, count = _pieces(layer)
    shapes = [_shape(labels == label) for label in range(count) if int((labels == label).sum()) >= LEAST]
    turned = [s[[1, 0, 3, 2, 4, 6, 5]] for s in shapes]
    return max((_fullest_row(np.array(each)) for each in (shapes, turned) if each), default=0)


def _shape(mask: Bool) -> F64:
    """(7,) middle x and y, width and height in pixels, fill of the box, and where the weight lies in it along x, y."""
    rows, columns = np.nonzero(mask)
    (top, left), (bottom, right) = (rows.min(), columns.min()), (rows.max() + 1, columns.max() + 1)
    width, height = float(right - left), float(bottom - top)
    fill = len(rows) / (width * height)
    weight = ((columns.mean() + 0.5 - left) / width, (rows.mean() + 0.5 - top) / height)
    return np.array([0.5 * (left + right), 0.5 * (top + bottom), width, height, fill, *weight])


def _fullest_row(shapes: F64) -> int:
    """The largest number of different shapes (k, 7) of like height at one height."""
    best = 0
    for one in shapes:
        like = (shapes[:, 3] >= LOW * one[3]) & (shapes[:, 3] <= HIGH * one[3])
        row = shapes[like & (np.abs(shapes[:, 1] - one[1]) <= ALIGNED * one[3])]
        looks = np.column_stack([row[:, 2] / one[3], row[:, 3] / one[3], row[:, 4:]])
        kept: list[F64] = []
        for look in looks:
            if all(np.abs(look - other).max() > DIFFERENT for other in kept):
                kept.append(look)
        best = max(best, len(kept))
    return best


@njit(cache=True, nogil=True)
def _pieces(mask: Bool) -> tuple[I32, int]:
    """(h, w) the piece of each pixel, side by side or corner to corner, −1 outside; and how many there are."""
    height, width = mask.shape
    parent = np.arange(height * width).astype(np.int32)
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                for dy, dx in ((0, -1), (-1, -1), (-1, 0), (-1, 1)):
                    if y + dy >= 0 and 0 <= x + dx < width and mask[y + dy, x + dx]:
                        join(parent, y * width + x, (y + dy) * width + x + dx)
    number, _ = numbered(parent)
    new = np.full(height * width, -1, np.int32)
    labels = np.full((height, width), -1, np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                root = number[y * width + x]
                if new[root] < 0:
                    new[root] = count
                    count += 1
                labels[y, x] = new[root]
    return labels, count
