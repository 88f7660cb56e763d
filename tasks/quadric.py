"""Error quadrics: the planes around each vertex, where an edge best collapses to, and what that costs."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, Bool, face_cross

# xx xy xz yy yz zz, x y z, constant, weight: the sum of weighted squared distances to planes (Garland & Heckbert 1997).
TERMS = 11
# Weight of the plane that stands on a border, seam or non-manifold edge and keeps it in place, relative to the faces
# (Garland & Heckbert 1997 §6 only say 'large'): at 10 borders move as little as creases do.
BORDER_WEIGHT = 10.0
# The same for seams, where the surface goes on: 10 costs 8 % of the mean distance (200k to 20k faces in 24 charts),
# 0.03 gains 6 % but doubles the share of the surface drawn from beyond its seam (0.4 %; pymeshlab 2.7 %).
SEAM_WEIGHT = 0.3
# Share of the squared edge length added to the squared distance: orders the collapses of flat regions, where every
# quadric is zero, from short to long, and is too small to matter anywhere else.
LENGTH_SHARE = 1e-5


@njit(cache=True, nogil=True)
def add_plane(quadrics: F64, v: int, x: float, y: float, z: float, d: float, weight: float) -> None:
    """Add a plane of unit normal (x, y, z) and offset d to the quadric of vertex v; kernel code."""
    q = quadrics[v]
    q[0] += weight * x * x
    q[1] += weight * x * y
    q[2] += weight * x * z
    q[3] += weight * y * y
    q[4] += weight * y * z
    q[5] += weight * z * z
    q[6] += weight * x * d
    q[7] += weight * y * d
    q[8] += weight * z * d
    q[9] += weight * d * d
    q[10] += weight


@njit(cache=True, nogil=True)
def vertex_quadrics(points: F64, faces: I32, offsets: I32, halves: I32, curve: Bool) -> F64:
    """(n, TERMS) area-weighted planes of the faces at each vertex, and planes that stand on the edges of `curve` (e,).

    Edges as from topology.half_edges.
    """
    quadrics = np.zeros((len(points), TERMS))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        length = math.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            x, y, z = x / length, y / length, z / length
            p = points[faces[f, 0]]
            for k in range(3):
                add_plane(quadrics, faces[f, k], x, y, z, -(x * p[0] + y * p[1] + z * p[2]), 0.5 * length)
    for e in range(len(offsets) - 1):
        weight = SEAM_WEIGHT if offsets[e + 1] - offsets[e] == 2 else BORDER_WEIGHT
        for i in range(offsets[e], offsets[e + 1] if curve[e] else offsets[e]):
            f, k = halves[i] // 3, halves[i] % 3
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
            u, v, w = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
            x, y, z = y * w - z * v, z * u - x * w, x * v - y * u
            length = math.sqrt(x * x + y * y + z * z)
            if length > 0.0:
                x, y, z = x / length, y / length, z / length
                d = -(x * points[a, 0] + y * points[a, 1] + z * points[a, 2])
                for end in (a, b):
                    add_plane(quadrics, end, x, y, z, d, weight * (u * u + v * v + w * w))
    return quadrics


@njit(cache=True, nogil=True, forceinline=True)
def quadric_error(q: F64, x: float, y: float, z: float) -> float:
    """Weighted sum of squared distances from a point to the quadric's planes; kernel code."""
    squares = q[0] * x * x + q[3] * y * y + q[5] * z * z
    products = q[1] * x * y + q[2] * x * z + q[4] * y * z
    error: float = squares + 2.0 * (products + q[6] * x + q[7] * y + q[8] * z) + q[9]
    return error


@njit(cache=True, nogil=True, forceinline=True)
def least_error(q: F64, x: float, y: float, z: float, reach: float) -> tuple[float, float, float]:
    """The point of least error near (x, y, z), or that point itself where the least lies farther than √reach; kernel.

    The minimum is taken about the point with a little damping, so that flat and straight surroundings, whose minimum
    is a plane or a line, give the place nearest to it.
    """
    damping = 1e-7 * (q[0] + q[3] + q[5]) + 1e-300
    xx, yy, zz = q[0] + damping, q[3] + damping, q[5] + damping
    gx = q[0] * x + q[1] * y + q[2] * z + q[6]
    gy = q[1] * x + q[3] * y + q[4] * z + q[7]
    gz = q[2] * x + q[4] * y + q[5] * z + q[8]
    cxx, cxy, cxz = yy * zz - q[4] * q[4], q[2] * q[4] - q[1] * zz, q[1] * q[4] - q[2] * yy
    cyy, cyz, czz = xx * zz - q[2] * q[2], q[1] * q[2] - q[4] * xx, xx * yy - q[1] * q[1]
    det = xx * cxx + q[1] * cxy + q[2] * cxz
    if det > 0.0:
        scale = -1.0 / det
        dx = (cxx * gx + cxy * gy + cxz * gz) * scale
        dy = (cxy * gx + cyy * gy + cyz * gz) * scale
        dz = (cxz * gx + cyz * gy + czz * gz) * scale
        if dx * dx + dy * dy + dz * dz <= reach:
            return x + dx, y + dy, z + dz
    return x, y, z
