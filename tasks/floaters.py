"""Floaters: pieces that touch neither the rest of an asset nor the ground."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.bvh import build_bvh, closest_point
from tasks.shells import closed_components, depths
from tasks.stance import CONTACT_BAND
from tasks.subject import Subject
from tasks.topology import F64, I64, join

# Side of a cell, as a share of the diagonal; pieces that pass neighbouring cells touch. A knob 5 mm off a cupboard of
# 1 m is how modellers place it; cells of half the size cost four times as much.
REACH = 0.008
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
    count, cell = int(labels.max(initial=-1)) + 1, REACH * subject.diagonal
    none = np.full(len(labels), -1, np.int32)
    if count <= 1 or not cell > 0.0:
        return none
    group = np.where(labels < 0, -1, _groups(subject.points, subject.faces, labels, count, cell)[labels])
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
        floats &= ~(depths(subject.points, subject.faces, labels, closed) > 0)[names]
    return np.where(np.isin(group, names[floats]), group, -1).astype(np.int32)


def _farthest(subject: Subject, group: I32, names: I32) -> float:
    """Metres from the floater that is farthest from all that does not float."""
    loose = group >= 0
    corners, owner = subject.faces[loose].reshape(-1), np.repeat(group[loose], 3)
    bvh = build_bvh(subject.points, subject.faces[~loose])
    nearest = np.full(int(group.max()) + 1, np.inf)
    np.minimum.at(nearest, owner, closest_point(bvh, subject.points[corners])[2])
    return float(nearest[names].max()) / subject.scale


def _groups(points: F64, faces: I32, labels: I32, count: int, cell: float) -> I32:
    """(count,) the lowest piece that each piece touches, by way of others too."""
    low = points[faces.reshape(-1)].min(axis=0)
    groups: I32 = _touching(points, faces, labels, count, low, cell)
    return groups


@njit(cache=True, nogil=True)
def _touching(points: F64, faces: I32, labels: I32, count: int, low: F64, cell: float) -> I32:
    """Every face marks the cells it passes, at points half a cell apart; pieces in one cell or in neighbours touch."""
    parent = np.arange(count).astype(np.int32)
    size = 1 << 16
    keys, marks = np.full(size, -1, np.int64), np.empty(size, np.int32)
    used = 0
    at = np.empty(3)
    for f in range(len(faces)):
        label = labels[f]
        if label < 0:
            continue
        a, b, c = faces[f]
        longest = 0.0
        for i, j in ((a, b), (b, c), (c, a)):
            length = 0.0
            for axis in range(3):
                length += (points[j, axis] - points[i, axis]) ** 2
            longest = max(longest, length)
        steps = int(np.ceil(np.sqrt(longest) / (0.7 * cell)))
        steps = max(steps, 1)
        for i in range(steps + 1):
            for j in range(steps + 1 - i):
                u, v = i / steps, j / steps
                for axis in range(3):
                    p = points[a, axis]
                    at[axis] = (p + u * (points[b, axis] - p) + v * (points[c, axis] - p) - low[axis]) / cell
                used = _mark(keys, marks, used, at, label, parent)
                if 2 * used > len(keys):
                    keys, marks = _grown(keys, marks)
    for i in range(count):
        root = i
        while parent[root] != root:
            root = parent[root]
        parent[i] = root
    return parent


@njit(cache=True, nogil=True)
def _key(x: int, y: int, z: int) -> int:
    return (x + 1) | (y + 1) << 20 | (z + 1) << 40


@njit(cache=True, nogil=True)
def _slot(keys: I64, key: int) -> int:
    """Where the key is, or the free place where it belongs."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = int(mixed >> np.uint64(20)) & (len(keys) - 1)
    while keys[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & (len(keys) - 1)
    return slot


@njit(cache=True, nogil=True)
def _mark(keys: I64, marks: I32, used: int, at: F64, label: int, parent: I32) -> int:
    """Unite the piece with that in its cell or, where it is the first there, with those around; cells used now."""
    x, y, z = int(at[0]), int(at[1]), int(at[2])
    own = _slot(keys, _key(x, y, z))
    if keys[own] >= 0:
        if marks[own] != label:
            join(parent, marks[own], label)
        return used
    keys[own], marks[own] = _key(x, y, z), label
    for i in range(-1, 2):
        for j in range(-1, 2):
            for k in range(-1, 2):
                slot = _slot(keys, _key(x + i, y + j, z + k))
                if keys[slot] >= 0 and marks[slot] != label:
                    join(parent, marks[slot], label)
    return used + 1


@njit(cache=True, nogil=True)
def _grown(keys: I64, marks: I32) -> tuple[I64, I32]:
    """The table twice as large."""
    wider, copied = np.full(2 * len(keys), -1, np.int64), np.empty(2 * len(keys), np.int32)
    for slot in range(len(keys)):
        if keys[slot] >= 0:
            place = _slot(wider, keys[slot])
            wider[place], copied[place] = keys[slot], marks[slot]
    return wider, copied
