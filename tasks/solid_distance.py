"""Signed distance of points to the boundary of a solid: as tasks.signed_distance, cheaper where it crosses nowhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32
from tasks.bvh import build_bvh, search
from tasks.morton import F64, morton_order
from tasks.signed_distance import overlap
from tasks.topology import face_cross
from tasks.winding_number import dipoles, encloses, new_stack

WITHIN = 1e-3  # least weight of a corner that the closest place counts as within its face by
UPRIGHT = 0.99  # least cosine of the way to the point with the face's normal: slivers have normals that mean nothing


def solid_distance(vertices: F64, faces: I32, queries: npt.ArrayLike) -> F64:
    """(k,) distances of (k, 3) points to a closed outward surface that does not cross itself, negative inside.

    A point whose closest place lies within a face is on the side of its normal (Bærentzen & Aanæs 2005); so are the
    neighbours whose empty balls overlap its own. The winding number decides what is left: 12,288 points around the
    outer surface of a procedural asset take 8 CPU-ms, half of what `signed_distance` needs. Both agree but where the
    surface does cross itself: 2 points of 100,000 there, none farther from it than 0.007. Raises InputError
    `mesh.no-faces`, `mesh.bad-index`, `mesh.not-finite`, `points.not-finite`.
    """
    bvh = build_bvh(vertices, faces)
    local = bvh.local(queries)
    walk = morton_order(local)
    local = local[walk]
    slot, barycentric, distance = search(bvh, local, None, 0.0, 1)
    sides = _sides(bvh.local(vertices), faces, bvh.order[slot], barycentric, local, distance)
    _sign(dipoles(bvh), bvh.children, bvh.triangles, sides, local, distance)
    found = np.empty(len(walk))
    found[walk] = distance / bvh.scale
    return found


@njit(cache=True, nogil=True)
def _sides(points: F64, faces: I32, closest: I32, barycentric: F64, queries: F64, distance: F64) -> F64:
    """(k,) 1 outside, −1 inside, 0 where the closest place is on an edge, a corner or a sliver."""
    sides = np.zeros(len(queries))
    for i in range(len(queries)):
        f, weights = closest[i], barycentric[i]
        if min(weights[0], weights[1], weights[2]) < WITHIN:
            continue
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        height = 0.0
        for axis, normal in ((0, x), (1, y), (2, z)):
            place = 0.0
            for corner in range(3):
                place += weights[corner] * points[faces[f, corner], axis]
            height += (queries[i, axis] - place) * normal
        if abs(height) >= UPRIGHT * distance[i] * np.sqrt(x * x + y * y + z * z) and height != 0.0:
            sides[i] = 1.0 if height > 0.0 else -1.0
    return sides


@njit(cache=True, nogil=True)
def _sign(table: F32, children: I32, triangles: F64, sides: F64, points: F64, distance: F64) -> None:
    """Negate the distances of points inside, one run of neighbours whose empty balls overlap after the other."""
    stack = new_stack()
    i = 0
    while i < len(points):
        deepest, side, j = i, sides[i], i + 1
        while j < len(points) and overlap(points, distance, j):
            if distance[j] > distance[deepest]:
                deepest = j
            if side == 0.0:
                side = sides[j]
            j += 1
        if side == 0.0:
            x, y, z = points[deepest, 0], points[deepest, 1], points[deepest, 2]
            side = -1.0 if encloses(table, children, triangles, x, y, z, stack) else 1.0
        if side < 0.0:
            for k in range(i, j):
                distance[k] = -distance[k]
        i = j
