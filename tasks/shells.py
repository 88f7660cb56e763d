"""Shells: which closed components of a mesh lie inside others."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, I64, Bool


def component_volumes(points: F64, faces: I32, labels: I32, count: int) -> F64:
    """(count,) signed volume in m³ of each component of `face_components`; meaningful for closed ones."""
    volumes: F64 = _volumes(points, faces, labels, count)
    return volumes


def closed_components(faces: I32, offsets: I32, halves: I32, labels: I32, count: int) -> Bool:
    """(count,) True where every edge has two faces that run along it in opposite directions."""
    closed: Bool = _closed(faces, offsets, halves, labels, count)
    return closed


def depths(points: F64, faces: I32, labels: I32, closed: Bool) -> I64:
    """(count,) how many other closed components each closed one lies in; 0 for open ones.

    A ray along X from a corner of each component crosses a component around it an odd number of times. Crossings are
    those of the projection to the YZ plane under the half-open rule, by which a ray through a shared edge or corner
    crosses exactly one of the faces there. What touches another component is decided by the corner that is asked.
    """
    count = len(closed)
    first = np.zeros(count + 1, np.int64)  # the last entry takes what label −1 writes
    first[labels[::-1]] = np.arange(len(labels) - 1, -1, -1)
    asked = np.flatnonzero(closed)
    start = points[faces[first[asked], 0]]
    found = np.zeros(count, np.int64)
    if len(asked) > 1:
        crossed = _crossed(points, faces, np.where(np.append(closed, False)[labels], labels, -1), start, asked, count)
        pairs, times = np.unique(crossed, return_counts=True)
        np.add.at(found, asked[pairs[times % 2 == 1] // count], 1)
    return found


@njit(cache=True, nogil=True)
def _volumes(points: F64, faces: I32, labels: I32, count: int) -> F64:
    volumes = np.zeros(count)
    origin = points[faces[0, 0]] if len(faces) else np.zeros(3)
    for f in range(len(faces)):
        if labels[f] >= 0:
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay, az = points[a, 0] - origin[0], points[a, 1] - origin[1], points[a, 2] - origin[2]
            bx, by, bz = points[b, 0] - origin[0], points[b, 1] - origin[1], points[b, 2] - origin[2]
            cx, cy, cz = points[c, 0] - origin[0], points[c, 1] - origin[1], points[c, 2] - origin[2]
            six = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
            volumes[labels[f]] += six / 6.0
    return volumes


@njit(cache=True, nogil=True)
def _closed(faces: I32, offsets: I32, halves: I32, labels: I32, count: int) -> Bool:
    closed = np.ones(count, np.bool_)
    for e in range(len(offsets) - 1):
        g, h = halves[offsets[e]], halves[offsets[e + 1] - 1]
        if offsets[e + 1] - offsets[e] != 2 or faces[g // 3, g % 3] == faces[h // 3, h % 3]:
            closed[labels[g // 3]] = False
    return closed


@njit(cache=True, nogil=True)
def _crossed(points: F64, faces: I32, labels: I32, start: F64, asked: I64, count: int) -> I64:
    """q · count + component for each face of another component that the ray from start q (q, 3) goes through.

    The starts lie in a square grid over YZ with about one a cell, so a face looks only at those in its own box.
    """
    side = int(np.ceil(np.sqrt(len(start))))
    y0, z0 = start[:, 1].min(), start[:, 2].min()
    y_scale = side / max(start[:, 1].max() - y0, 1e-300)
    z_scale = side / max(start[:, 2].max() - z0, 1e-300)
    cells = np.empty(len(start), np.int64)
    for q in range(len(start)):
        cells[q] = _cell(start[q, 1], y0, y_scale, side) * side + _cell(start[q, 2], z0, z_scale, side)
    order = np.argsort(cells)
    begin = np.searchsorted(cells[order], np.arange(side * side + 1))
    crossed = [np.int64(0)]
    for f in range(len(faces)):
        if labels[f] < 0:
            continue
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        z_low = _cell(min(points[a, 2], points[b, 2], points[c, 2]), z0, z_scale, side)
        z_high = _cell(max(points[a, 2], points[b, 2], points[c, 2]), z0, z_scale, side)
        y_low = _cell(min(points[a, 1], points[b, 1], points[c, 1]), y0, y_scale, side)
        y_high = _cell(max(points[a, 1], points[b, 1], points[c, 1]), y0, y_scale, side)
        for y in range(y_low, y_high + 1):
            for i in range(begin[y * side + z_low], begin[y * side + z_high + 1]):
                q = order[i]
                if labels[f] != asked[q] and _crosses(points, a, b, c, start[q, 0], start[q, 1], start[q, 2]):
                    crossed.append(q * count + labels[f])
    return np.array(crossed)[1:]


@njit(cache=True, nogil=True)
def _cell(value: float, low: float, scale: float, side: int) -> int:
    return int(min(max((value - low) * scale, 0.0), side - 1.0))


@njit(cache=True, nogil=True)
def _crosses(points: F64, a: int, b: int, c: int, x: float, y: float, z: float) -> bool:
    """Whether the ray from (x, y, z) along +X goes through the triangle."""
    inside = False
    for i, j in ((a, b), (b, c), (c, a)):
        if (points[i, 1] > y) != (points[j, 1] > y):
            low, high = (i, j) if points[i, 1] < points[j, 1] else (j, i)  # the same sum for both faces of an edge
            share = (y - points[low, 1]) / (points[high, 1] - points[low, 1])
            inside ^= points[low, 2] + share * (points[high, 2] - points[low, 2]) > z
    if not inside:
        return False
    ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    ahead = nx * (points[a, 0] - x) + ny * (points[a, 1] - y) + nz * (points[a, 2] - z)
    return bool(ahead > 0.0) if nx > 0.0 else bool(ahead < 0.0)
