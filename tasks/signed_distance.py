"""Signed distance of points to a mesh: exact closest triangle, sign by winding number; for labels and measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32
from tasks.bvh import Bvh, build_bvh, in_threads, search
from tasks.morton import F64, morton_order
from tasks.topology import half_edges, weld
from tasks.winding_number import dipoles, encloses, new_stack

# Two balls count as overlapping when they do by this share: distances are exact to it even 20 mesh sizes out.
OVERLAP = 2e-6


@dataclass(frozen=True)
class DistanceField:
    """What `signed_distance` asks; built once for a mesh."""

    bvh: Bvh
    dipoles: F32
    closed: bool  # whether winding numbers are whole, see `build_distance_field`


class Distances(NamedTuple):
    """The closest place on the mesh to each of n points, in the order given."""

    distance: F64  # (n,) metres, negative inside where signed
    face: I32  # (n,)
    barycentric: F64  # (n, 3) weights of that face's corners


def build_distance_field(points: npt.ArrayLike, faces: npt.ArrayLike) -> DistanceField:
    """The field of (m, 3) faces over (n, 3) points in metres: about 0.1 CPU-s for 187k faces.

    The mesh counts as closed when along every edge as many faces run one way as the other, once vertices at one
    position are welded; it may cross itself. Raises InputError `mesh.no-faces`, `mesh.bad-index`, `mesh.not-finite`.
    """
    bvh = build_bvh(points, faces)
    vertices = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    corners = np.ascontiguousarray(faces, dtype=np.int32).reshape(-1, 3)
    closed = _balanced(corners, *half_edges(corners, len(vertices)))
    if not closed:
        welded, corners, _ = weld(vertices, corners)
        closed = _balanced(corners, *half_edges(corners, len(welded)))
    return DistanceField(bvh, dipoles(bvh), closed)


def signed_distance(field: DistanceField, queries: npt.ArrayLike, threads: int = 1) -> Distances:
    """Distance of (n, 3) points to the surface, negative where its generalised winding number is above one half.

    On a closed, outward mesh that is the inside, exactly; where it crosses itself, inside any shell. Of an open mesh
    the number falls from 1 to 0 across each hole, so that inside ends at a soft lid over it (Jacobson et al. 2013).
    Components that look inward count as outside: orient first. `threads` share the points; the answer is the same.
    Raises InputError `points.not-finite`.
    """
    return _distances(field, queries, threads, True)


def unsigned_distance(field: DistanceField, queries: npt.ArrayLike, threads: int = 1) -> Distances:
    """As `signed_distance`, without a sign."""
    return _distances(field, queries, threads, False)


def _distances(field: DistanceField, queries: npt.ArrayLike, threads: int, signed: bool) -> Distances:
    bvh = field.bvh
    local = bvh.local(queries)
    walk = morton_order(local)
    local = local[walk]
    slot, barycentric, distance = search(bvh, local, None, 0.0, threads)
    if signed:

        def work(start: int, stop: int) -> None:
            tree = (field.dipoles, bvh.children, bvh.triangles)
            _sign(*tree, local, distance, start, stop, field.closed)

        in_threads(work, len(local), threads)
    found = Distances(np.empty(len(walk)), np.empty(len(walk), np.int32), np.empty((len(walk), 3)))
    found.distance[walk], found.face[walk], found.barycentric[walk] = distance / bvh.scale, bvh.order[slot], barycentric
    return found


@njit(cache=True, nogil=True)
def _sign(
    table: F32, children: I32, triangles: F64, points: F64, distance: F64, start: int, stop: int, closed: bool
) -> None:
    """Negate the distances of points inside.

    No surface lies nearer to a point than its distance, so the winding number of a closed mesh is one number over
    that ball, and over each run of neighbours along the curve whose balls overlap: seven points of eight need no sum
    of their own. It is taken at the deepest point of the run, where dipoles err least.
    """
    stack = new_stack()
    i = start
    while i < stop:
        deepest, j = i, i + 1
        while closed and j < stop and overlap(points, distance, j):
            if distance[j] > distance[deepest]:
                deepest = j
            j += 1
        x, y, z = points[deepest, 0], points[deepest, 1], points[deepest, 2]
        if encloses(table, children, triangles, x, y, z, stack):
            for k in range(i, j):
                distance[k] = -distance[k]
        i = j


@njit(cache=True, nogil=True)
def overlap(points: F64, distance: F64, j: int) -> bool:
    """Whether the empty balls around points j − 1 and j overlap."""
    x, y, z = (points[j, 0] - points[j - 1, 0], points[j, 1] - points[j - 1, 1], points[j, 2] - points[j - 1, 2])
    reach = (1.0 - OVERLAP) * (distance[j - 1] + distance[j])
    return bool(x * x + y * y + z * z < reach * reach)


@njit(cache=True, nogil=True)
def _balanced(faces: I32, offsets: I32, halves: I32) -> Any:
    """Whether every edge has as many faces in one direction as in the other: then the surface has no boundary."""
    for e in range(len(offsets) - 1):
        sense = 0
        for h in halves[offsets[e] : offsets[e + 1]]:
            sense += 1 if faces[h // 3, h % 3] < faces[h // 3, (h + 1) % 3] else -1
        if sense != 0:
            return False
    return True
