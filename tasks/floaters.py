"""Floaters: pieces that touch neither the rest of an asset nor the ground."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from ml.union_find import join
from tasks.bvh import build_bvh, closest_point
from tasks.shells import closed_components, depths
from tasks.stance import CONTACT_BAND
from tasks.subject import Subject
from tasks.topology import F64, I64, face_cross

# Side of a cell, as a share of the diagonal; pieces that pass neighbouring cells touch. A knob 5 mm off a cupboard of
# 1 m is how modellers place it; cells of half the size cost four times as much.
REACH = 0.008
STEP = 0.7  # of a cell, between the places at which a face marks cells
STANDS = 0.01  # share of the area a piece needs to count as one that stands by itself (a cup of a set), not as debris


def floater_metrics(subject: Subject) -> dict[str, float]:
    """floaters.count, floaters.share (of the area) and floaters.distance_m, the widest gap to the rest."""
    group = floating(subject)
    names = np.unique(group[group >= 0])
    if not len(names):
        return {"floaters.count": 0.0, "floaters.share": 0.0, "floaters.distance_m": 0.0}
    return {
        "floaters.count": float(len(names)),
        "floaters.share": float(subject.areas[group >= 0].sum() / subject.areas.sum()),
        "floaters.distance_m": _farthest(subject, group, names),
    }


def floating(subject: Subject) -> I32:
    """(m,) which floater each face belongs to, by the number of its first piece; −1 for what does not float.

    The body is the largest group of touching pieces. What touches it is none, nor what lies inside a closed piece, nor
    what stands on the ground as the body does and has 1 % of the area. Touching is tested in cells of REACH, so gaps of
    one to two of them count either way.
    """
    labels = subject.components
    count = int(labels.max(initial=-1)) + 1
    none = np.full(len(labels), -1, np.int32)
    if count <= 1 or not subject.diagonal > 0.0:
        return none
    roots = touching_groups(subject, labels, count)
    group = np.where(labels < 0, -1, roots[labels])
    counted = group >= 0
    names = np.unique(group[counted])
    if len(names) < 2:
        return none
    area = np.bincount(group[counted], subject.areas[counted], count)[names]
    heights = subject.points[subject.faces, 1]
    low = np.full(count, np.inf)
    np.minimum.at(low, group[counted], heights[counted].min(axis=1))
    ground, top = float(heights.min()), float(heights.max())
    stands = low[names] <= ground + CONTACT_BAND * (top - ground)
    body = int(np.argmax(area))
    floats = ~(stands & stands[body] & (area >= STANDS * area.sum()))
    floats[body] = False
    if floats.any():  # what is hidden inside a closed piece hangs in nothing
        closed = closed_components(subject.faces, *subject.edges, labels, count)
        outside = depths(subject.points, subject.faces, labels, closed) == 0
        floats &= np.isin(names, roots[outside])  # a lamp that hangs is seen, though its bulb is inside its glass
    return np.where(np.isin(group, names[floats]), group, -1).astype(np.int32)


def _farthest(subject: Subject, group: I32, names: I32) -> float:
    """Metres from the floater that is farthest from all that does not float."""
    loose = group >= 0
    corners, owner = subject.faces[loose].reshape(-1), np.repeat(group[loose], 3)
    bvh = build_bvh(subject.points, subject.faces[~loose])
    nearest = np.full(int(group.max()) + 1, np.inf)
    np.minimum.at(nearest, owner, closest_point(bvh, subject.points[corners])[2])
    return float(nearest[names].max()) / subject.scale


def touching_groups(subject: Subject, labels: I32, count: int) -> I32:
    """(count,) the lowest piece that each of the pieces (m,) touches, by way of others too; −1 is left out."""
    used, cell = subject.points[subject.faces.reshape(-1)], REACH * subject.diagonal
    groups: I32 = _touching(subject.points, subject.faces, labels, count, used.min(axis=0), used.max(axis=0), cell)
    return groups


@njit(cache=True, nogil=True)
def _touching(points: F64, faces: I32, labels: I32, count: int, low: F64, high: F64, cell: float) -> I32:
    """(count,) root of each piece: every face marks the cells it passes, at places STEP apart; pieces in one cell or in
    neighbouring ones touch. The box has at most (1 / (√3 · REACH))³ cells, 380,000, so that they are a plain array.
    """
    parent = np.arange(count).astype(np.int32)
    side = np.empty(3, np.int64)
    for axis in range(3):
        side[axis] = int((high[axis] - low[axis]) / cell) + 3
    marks = np.full(side[0] * side[1] * side[2], -1, np.int32)
    step = STEP * cell
    for f in range(len(faces)):
        if labels[f] < 0:
            continue
        i, base, height = _longest(points, faces[f])
        a, b, c = faces[f, i], faces[f, (i + 1) % 3], faces[f, (i + 2) % 3]
        rows = int(np.ceil(height / step))
        for row in range(rows + 1):
            v = row / rows if rows else 0.0
            columns = int(np.ceil(base * (1.0 - v) / step))
            for column in range(columns + 1):
                u = (1.0 - v) * (column / columns if columns else 0.0)
                x = (_place(points, a, b, c, u, v, 0) - low[0]) / cell
                y = (_place(points, a, b, c, u, v, 1) - low[1]) / cell
                z = (_place(points, a, b, c, u, v, 2) - low[2]) / cell
                _mark(marks, side, int(x) + 1, int(y) + 1, int(z) + 1, labels[f], parent)
    for i in range(count):
        root = i
        while parent[root] != root:
            root = parent[root]
        parent[i] = root
    return parent


@njit(cache=True, nogil=True)
def _longest(points: F64, face: I32) -> tuple[int, float, float]:
    """The longest edge of a face: its first corner, its length, and how far the third corner is from it."""
    best, longest = 0, -1.0
    for i in range(3):
        length = 0.0
        for axis in range(3):
            length += (points[face[(i + 1) % 3], axis] - points[face[i], axis]) ** 2
        if length > longest:
            best, longest = i, length
    x, y, z = face_cross(points, face[0], face[1], face[2])
    base = np.sqrt(longest)
    return best, base, np.sqrt(x * x + y * y + z * z) / base if base > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _place(points: F64, a: int, b: int, c: int, u: float, v: float, axis: int) -> float:
    p = points[a, axis]
    return float(p + u * (points[b, axis] - p) + v * (points[c, axis] - p))


@njit(cache=True, nogil=True)
def _mark(marks: I32, side: I64, x: int, y: int, z: int, label: int, parent: I32) -> None:
    """Unite the piece with that in its cell or, where it is the first there, with those around."""
    own = (x * side[1] + y) * side[2] + z
    if marks[own] == label:
        return
    if marks[own] >= 0:
        join(parent, marks[own], label)
        return
    marks[own] = label
    for i in range(-1, 2):
        for j in range(-1, 2):
            for k in range(-1, 2):
                other = marks[own + (i * side[1] + j) * side[2] + k]
                if other >= 0 and other != label:
                    join(parent, other, label)
