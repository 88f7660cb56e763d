"""Holes: fans over all small boundaries for a remesh, and the triangles of least area over each small hole for good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.fans import Rims, corner_fans, joined, rims
from tasks.topology import F64, Bool, face_components, half_edges

MAX_RIM = 256  # edges: n³ / 6 triangles are weighed, 30 ms at 256; wider rims get a fan
# What a patch would need a fifth of, or less, of to cover the whole component again is no hole but a sheet's outline.
SHEET = 1.2


@dataclass(frozen=True)
class Patches:
    """What closes some holes."""

    points: F64  # (a, 3) m, numbered after the mesh's own
    faces: I32  # (p, 3)
    beside: I32  # (p,) a half-edge on the rim that each face helps to close
    holes: int  # how many are closed


def hole_fans(points: F64, faces: I32, size: float) -> tuple[F64, I32, int]:
    """The mesh with a fan from the centroid over each boundary whose box diagonal is at most `size` metres; how many.

    Boundaries that touch at a vertex count as one. A flat sheet's own outline is covered by a fan in its plane, which
    changes nothing for a remesh. Faces without a neighbour on any side are a soup, not the rim of a hole.
    """
    offsets, halves = half_edges(faces, len(points))
    rim = halves[offsets[:-1][np.diff(offsets) == 1]]
    lonely = np.bincount(rim // 3, minlength=len(faces)) == 3
    rim = rim[~lonely[rim // 3]]
    start, end = faces[rim // 3, rim % 3], faces[rim // 3, (rim + 1) % 3]
    labels = joined(start, end, len(points))
    count = int(labels.max(initial=-1)) + 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, labels, points[start])
    np.maximum.at(high, labels, points[start])
    edges = np.bincount(labels, minlength=count)
    small = (np.linalg.norm(high - low, axis=1) <= size) & (edges >= 3)
    centres = [np.bincount(labels, points[start, axis], minlength=count) for axis in range(3)]
    chosen = small[labels]
    apex = (len(points) + np.cumsum(small) - 1)[labels[chosen]]
    fans = np.column_stack([end[chosen], start[chosen], apex]).astype(np.int32)
    added = np.column_stack(centres)[small] / edges[small, None]
    return np.concatenate([points, added]), np.concatenate([faces, fans]), int(small.sum())


def fill_holes(points: F64, faces: I32, size: float) -> Patches:
    """Triangles over each hole whose box diagonal is at most `size` metres, wound like the faces around it.

    Those of least total area between the rim's own vertices (Barequet & Sharir 1995, "Filling gaps in the boundary of
    a polyhedron"), without edges that the mesh has already; a fan from the centroid where there are none or the rim is
    long. Holes whose rim is not consistently wound stay, and so does the outline of a sheet.
    """
    offsets, halves = half_edges(faces, len(points))
    found = rims(points, faces, offsets, halves, corner_fans(faces, offsets, halves)[0])
    labels = face_components(faces, offsets, halves)
    areas = np.bincount(labels[labels >= 0], _areas(points, faces[labels >= 0]), minlength=1)
    neighbours = _Neighbours(faces, offsets, halves)
    added: list[F64] = []
    patches: list[I32] = []
    beside: list[int] = []
    many = np.bincount(labels[labels >= 0], minlength=1) > 2  # faces enough to leave a hole rather than an outline
    of_hole = labels[found.halves[found.start[:-1]] // 3]
    for hole in np.flatnonzero(found.ordered & many[of_hole]):
        half, loop = _loop(found, faces, int(hole))
        if np.linalg.norm(np.ptp(points[loop], axis=0)) > size:
            continue
        apex = len(points) + len(added)
        patch, fan = _patch(points, loop, neighbours, apex)
        ends = np.concatenate([points, points[loop].mean(axis=0, keepdims=True)]) if fan else points
        covered = float(_areas(ends, np.where(patch == apex, len(points), patch)).sum())
        if areas[labels[half // 3]] < SHEET * covered:
            continue
        if fan:
            added.append(points[loop].mean(axis=0))
        patches.append(patch)
        beside.append(half)
    sizes = [len(patch) for patch in patches]
    return Patches(
        np.array(added).reshape(-1, 3),
        np.concatenate([np.zeros((0, 3), np.int32), *patches]),
        np.repeat(np.array(beside, np.int32), sizes),
        len(patches),
    )


class _Neighbours:
    """Which vertices share an edge, asked for a few at a time."""

    def __init__(self, faces: I32, offsets: I32, halves: I32) -> None:
        half = halves[offsets[:-1]]
        start, end = faces[half // 3, half % 3], faces[half // 3, (half + 1) % 3]
        self.low, self.high = np.minimum(start, end), np.maximum(start, end)  # in order, as half_edges has them

    def among(self, loop: I32) -> Bool:
        """(n, n) True where two vertices of the loop share an edge."""
        where = {int(v): i for i, v in enumerate(loop)}
        linked = np.zeros((len(loop), len(loop)), np.bool_)
        first, last = np.searchsorted(self.low, loop), np.searchsorted(self.low, loop, side="right")
        for i in range(len(loop)):
            for w in self.high[first[i] : last[i]].tolist():
                if w in where:
                    linked[i, where[w]] = linked[where[w], i] = True
        return linked


def _loop(found: Rims, faces: I32, hole: int) -> tuple[int, I32]:
    """A half-edge of the hole's rim, and the rim's vertices in order."""
    halves = found.halves[found.start[hole] : found.start[hole + 1]]
    return int(halves[0]), faces[halves // 3, halves % 3]


def _patch(points: F64, loop: I32, neighbours: _Neighbours, apex: int) -> tuple[I32, bool]:
    """Faces over a rim, and whether they need a new point `apex` in the middle."""
    if len(loop) <= MAX_RIM:
        corners = _least_area(points[loop], neighbours.among(loop))
        if len(corners):
            return loop[corners], False
    ahead = np.roll(loop, -1)
    return np.column_stack([ahead, loop, np.full(len(loop), apex)]).astype(np.int32), True


def _areas(points: F64, faces: I32) -> F64:
    """(m,) m² of each face."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    areas: F64 = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return areas


@njit(cache=True, nogil=True)
def _least_area(rim: F64, linked: Bool) -> I32:
    """Corners (n − 2, 3) of the triangulation of a closed polygon (n, 3) with the least area, against its direction;
    none when each needs a chord between vertices that are `linked` already.
    """
    n = len(rim)
    cost, split = np.zeros((n, n)), np.zeros((n, n), np.int32)
    for gap in range(2, n):
        for i in range(n - gap):
            k = i + gap
            cost[i, k] = np.inf
            if linked[i, k] and gap < n - 1:
                continue
            for j in range(i + 1, k):
                ux, uy, uz = rim[j, 0] - rim[i, 0], rim[j, 1] - rim[i, 1], rim[j, 2] - rim[i, 2]
                vx, vy, vz = rim[k, 0] - rim[i, 0], rim[k, 1] - rim[i, 1], rim[k, 2] - rim[i, 2]
                x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
                total = cost[i, j] + cost[j, k] + np.sqrt(x * x + y * y + z * z)
                if total < cost[i, k]:
                    cost[i, k], split[i, k] = total, j
    if not np.isfinite(cost[0, n - 1]):
        return np.empty((0, 3), np.int32)
    faces = np.empty((n - 2, 3), np.int32)
    stack = [(0, n - 1)]
    count = 0
    while len(stack):
        i, k = stack.pop()
        if k - i > 1:
            j = split[i, k]
            faces[count, 0], faces[count, 1], faces[count, 2] = i, k, j
            count += 1
            stack.append((i, j))
            stack.append((j, k))
    return faces
