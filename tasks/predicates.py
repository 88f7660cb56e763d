"""Exact signs for kernels: orientation of points in space and in the plane, and whether a segment meets a triangle."""

from __future__ import annotations

import numpy as np
from numba import njit

from tasks.topology import F64

# Error bounds of the plain determinants as shares of the sum of their terms' sizes, ε = 2⁻⁵³: (7 + 56ε)ε in space and
# (3 + 16ε)ε in the plane (Shewchuk 1997, "Adaptive precision floating-point arithmetic and fast robust predicates").
SPACE_ERROR = 7.771561172376103e-16
PLANE_ERROR = 3.330669073875472e-16
SPLIT = 134217729.0  # 2²⁷ + 1
TERMS = np.array([[0, 1, 2, 1], [1, 2, 0, 1], [2, 0, 1, 1], [0, 2, 1, -1], [1, 0, 2, -1], [2, 1, 0, -1]])


@njit(cache=True, nogil=True)
def orient3d(x: F64, a: int, b: int, c: int, d: int) -> int:
    """Sign of det [a − d, b − d, c − d] over rows of x (n, 3): 1 where d lies below the plane of a, b, c seen
    counter-clockwise, 0 exactly on it. Exact unless a product underflows (differences below about 1e-100).
    """
    ax, ay, az = x[a, 0] - x[d, 0], x[a, 1] - x[d, 1], x[a, 2] - x[d, 2]
    bx, by, bz = x[b, 0] - x[d, 0], x[b, 1] - x[d, 1], x[b, 2] - x[d, 2]
    cx, cy, cz = x[c, 0] - x[d, 0], x[c, 1] - x[d, 1], x[c, 2] - x[d, 2]
    det = az * (bx * cy - cx * by) + bz * (cx * ay - ax * cy) + cz * (ax * by - bx * ay)
    size = (
        abs(az) * (abs(bx * cy) + abs(cx * by))
        + abs(bz) * (abs(cx * ay) + abs(ax * cy))
        + abs(cz) * (abs(ax * by) + abs(bx * ay))
    )
    if abs(det) > SPACE_ERROR * size:
        return 1 if det > 0.0 else -1
    if size == 0.0:  # every term has an exact zero, as in planes along an axis
        return 0
    return int(_exact_orient3d(x, a, b, c, d))


@njit(cache=True, nogil=True)
def orient2d(x: F64, a: int, b: int, c: int, axis: int) -> int:
    """Sign of the turn a → b → c in the plane of the two coordinates after `axis`: 1 to the left, 0 straight on."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    left, right = (x[a, i] - x[c, i]) * (x[b, j] - x[c, j]), (x[a, j] - x[c, j]) * (x[b, i] - x[c, i])
    det, size = left - right, abs(left) + abs(right)
    if abs(det) > PLANE_ERROR * size:
        return 1 if det > 0.0 else -1
    if size == 0.0:
        return 0
    return int(_exact_orient2d(x, a, b, c, i, j))


@njit(cache=True, nogil=True)
def straight(x: F64, a: int, b: int, c: int) -> bool:
    """Whether three points lie exactly on one line: no projection along an axis turns."""
    return bool(orient2d(x, a, b, c, 0) == 0 and orient2d(x, a, b, c, 1) == 0 and orient2d(x, a, b, c, 2) == 0)


@njit(cache=True, nogil=True)
def segment_meets_triangle(x: F64, p: int, q: int, a: int, b: int, c: int) -> bool:
    """Whether segment p–q and triangle a, b, c (not straight) have a point in common, ends and rims included."""
    above, below = orient3d(x, a, b, c, p), orient3d(x, a, b, c, q)
    if above * below > 0:
        return False
    if above == 0 and below == 0:
        return bool(_meets_in_plane(x, p, q, a, b, c))
    first, second, third = orient3d(x, p, q, a, b), orient3d(x, p, q, b, c), orient3d(x, p, q, c, a)
    return bool(min(first, second, third) >= 0 or max(first, second, third) <= 0)


@njit(cache=True, nogil=True)
def _meets_in_plane(x: F64, p: int, q: int, a: int, b: int, c: int) -> bool:
    """The same in one plane: apart exactly when an edge of the triangle or the segment's line has all of the other on
    its outer side (separating axes of two convex sets), in a projection in which the triangle keeps its area.
    """
    axis = 0
    while axis < 2 and orient2d(x, a, b, c, axis) == 0:
        axis += 1
    turn = orient2d(x, a, b, c, axis)
    for i, j in ((a, b), (b, c), (c, a)):
        if orient2d(x, i, j, p, axis) * turn < 0 and orient2d(x, i, j, q, axis) * turn < 0:
            return False
    sides = (orient2d(x, p, q, a, axis), orient2d(x, p, q, b, axis), orient2d(x, p, q, c, axis))
    return not (min(sides) > 0 or max(sides) < 0)


@njit(cache=True, nogil=True)
def _exact_orient3d(x: F64, a: int, b: int, c: int, d: int) -> int:
    rows = np.empty((3, 3, 2))
    for k in range(3):
        rows[0, k] = _difference(x[a, k], x[d, k])
        rows[1, k] = _difference(x[b, k], x[d, k])
        rows[2, k] = _difference(x[c, k], x[d, k])
    return int(_exact_sign(rows))


@njit(cache=True, nogil=True)
def _exact_orient2d(x: F64, a: int, b: int, c: int, i: int, j: int) -> int:
    rows = np.zeros((3, 3, 2))
    rows[0, 0], rows[0, 1] = _difference(x[a, i], x[c, i]), _difference(x[a, j], x[c, j])
    rows[1, 0], rows[1, 1] = _difference(x[b, i], x[c, i]), _difference(x[b, j], x[c, j])
    rows[2, 2, 0] = 1.0
    return int(_exact_sign(rows))


@njit(cache=True, nogil=True)
def _difference(a: float, b: float) -> tuple[float, float]:
    """a − b as rounded difference and exact remainder (Knuth's two-sum)."""
    s = a - b
    t = s - a
    return s, (a - (s - t)) - (b + t)


@njit(cache=True, nogil=True)
def _product(a: float, b: float) -> tuple[float, float]:
    """a · b as rounded product and exact remainder (Dekker 1971)."""
    p = a * b
    t = SPLIT * a
    a1 = t - (t - a)
    t = SPLIT * b
    b1 = t - (t - b)
    a2, b2 = a - a1, b - b1
    return p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)


@njit(cache=True, nogil=True)
def _grow(expansion: F64, count: int, value: float) -> int:
    """Add a number to an expansion (parts that do not overlap, smallest first) in place; the new length."""
    q, kept = value, 0
    for i in range(count):
        s = q + expansion[i]
        t = s - q
        rest = (q - (s - t)) + (expansion[i] - t)
        q = s
        if rest != 0.0:
            expansion[kept] = rest
            kept += 1
    if q != 0.0:
        expansion[kept] = q
        kept += 1
    return kept


@njit(cache=True, nogil=True)
def _exact_sign(rows: F64) -> int:
    """Sign of a 3 × 3 determinant of entries (value, remainder): every product summed without rounding."""
    expansion = np.empty(192)
    count = 0
    for term in range(6):
        i, j, k, sign = TERMS[term]
        for part in range(8):
            u, v, w = rows[0, i, part & 1], rows[1, j, part >> 1 & 1], rows[2, k, part >> 2]
            if u != 0.0 and v != 0.0 and w != 0.0:
                high, low = _product(u, v)
                for factor in (low, high):
                    big, small = _product(factor, w)
                    count = _grow(expansion, count, sign * small)
                    count = _grow(expansion, count, sign * big)
    if count == 0:
        return 0
    return 1 if expansion[count - 1] > 0.0 else -1
