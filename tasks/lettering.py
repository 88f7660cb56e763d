"""Lettering: whether an asset is a text or a logo, flat pieces of different outlines in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import I32
from ml.union_find import join, numbered
from tasks.coordinate_maps import OPEN, DepthPair, OwnFrame, depth_pairs, own_frame
from tasks.subject import Subject
from tasks.topology import F64, Bool

SIZE = 256  # pixels a side
THIN = 0.3  # of the longest extent: extruded text of three letters is below
PRISM = 0.85  # share of the surface along or across the thin axis; the rest is for bevels
ALONG, ACROSS = 0.97, 0.17  # cosines to the thin axis: within 14° of it, within 10° of the plane
LAYER = 0.1  # of the thickness: what lies as high as the highest
LEAST = 12  # pixels of a glyph
FULL = 0.85  # of its box: a rectangle is no letter
LOW, HIGH = 0.6, 1.6  # heights of glyphs of a row: x-height to capitals
ALIGNED = 0.35  # of the height that middles of a row differ by
DIFFERENT = 0.12  # mean difference of the pictures of two outlines at one size
STRETCHED = 0.4  # logarithm of how much wider one is
MOST = 64  # outlines looked at in a layer
FLAT = 0.01  # of the longest extent: what is thinner has no letters but is one sheet


def lettering_metrics(subject: Subject) -> dict[str, float]:
    """shape.glyphs: different outlines of like height that stand in one row on a flat, extruded asset; 0 for others.

    The method is ours. Pieces are taken from what lies highest from either side, and from what is sunk in it
    (engraving). Pickets of a fence are all alike, so they count once; books in a shelf fill their boxes and count not.
    """
    if not (subject.areas > 0.0).any():
        return {}
    frame = own_frame(subject)
    mean = float(np.linalg.norm(subject.areas @ subject.normals))
    closed = mean < OPEN * float(subject.areas.sum())  # letters are bodies, a scan is none
    thin = FLAT <= frame.extents[2] / frame.extents[0] <= THIN
    if not (closed and thin) or _prism_share(subject, frame) < PRISM:
        return {"shape.glyphs": 0.0}
    pair = depth_pairs(subject, frame.axes, SIZE, along=(2,))[0]
    layers = _layers(pair, LAYER * float(frame.extents[2]))
    return {"shape.glyphs": float(max(map(_glyphs, layers), default=0))}


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
    return max(_fullest_row(_outlines(layer)), _fullest_row(_outlines(np.ascontiguousarray(layer.T))))


def _outlines(layer: Bool) -> list[Outline]:
    """The pieces of a layer that may be letters."""
    labels, count = _pieces(layer)
    sizes = np.bincount(labels[labels >= 0], minlength=count)
    found = [_outline(labels == label) for label in np.flatnonzero(sizes >= LEAST)[:MOST]]
    return [each for each in found if each.fill <= FULL]


@dataclass(frozen=True)
class Outline:
    """One piece of a layer: where it is, and its picture at one size."""

    middle: float  # pixels from the top
    height: float  # pixels
    fill: float  # of its box
    picture: F64  # (8, 8) how much of each part of its box is covered
    aspect: float  # width over height


def _outline(mask: Bool) -> Outline:
    rows, columns = np.nonzero(mask)
    (top, left), (bottom, right) = (rows.min(), columns.min()), (rows.max() + 1, columns.max() + 1)
    width, height = right - left, bottom - top
    places = (np.arange(32) + 0.5) / 32
    seen = mask[np.ix_((top + places * height).astype(int), (left + places * width).astype(int))]
    picture = seen.reshape(8, 4, 8, 4).mean(axis=(1, 3))
    fill = len(rows) / float(width * height)
    return Outline(0.5 * (top + bottom), float(height), fill, picture, float(width / height))


def _fullest_row(outlines: list[Outline]) -> int:
    """The largest number of different outlines of like height at one height."""
    best = 0
    for one in outlines:
        kept: list[Outline] = []
        for other in outlines:
            beside = abs(other.middle - one.middle) <= ALIGNED * one.height
            if beside and LOW <= other.height / one.height <= HIGH and all(_differ(other, each) for each in kept):
                kept.append(other)
        best = max(best, len(kept))
    return best


def _differ(a: Outline, b: Outline) -> bool:
    return abs(np.log(a.aspect / b.aspect)) > STRETCHED or float(np.abs(a.picture - b.picture).mean()) > DIFFERENT


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
