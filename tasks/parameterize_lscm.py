"""Least squares conformal maps: a chart flattened so that angles are kept, whatever becomes of areas."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64

STEPS = 2000  # of conjugate gradients at most; a chart of 1,000 faces needs about 150
TOLERANCE = 1e-5


@njit(cache=True, nogil=True)
def conformal(own: I32, rest: F64, areas: F64, flat: F64, corners: I32) -> None:
    """Bring `flat` (n, 2), in place, to the map of least conformal energy that keeps two vertices where they are.

    Lévy, Petitjean, Ray & Maillot 2002: a face's map (a, c; b, d) is conformal where a = d and b = −c; the squares of
    both differences, weighted by area, are least. The two are far apart, so that they pull little. Solved by conjugate
    gradients on the normal equations, from the positions given.
    """
    count = len(flat)
    first, second = _far_apart(flat)
    diagonal = np.zeros(count)
    for i in range(len(own)):
        f = own[i]
        x1, x2, y2, area = rest[own[i], 0], rest[f, 1], rest[f, 2], areas[f]
        diagonal[corners[i, 0]] += area * ((x2 - x1) ** 2 + y2 * y2) / (x1 * y2) ** 2
        diagonal[corners[i, 1]] += area * (x2 * x2 + y2 * y2) / (x1 * y2) ** 2
        diagonal[corners[i, 2]] += area / (y2 * y2)
    residual = np.empty((count, 2))
    _gradient(own, rest, areas, flat, corners, residual)
    residual *= -1.0
    product = np.empty((count, 2))
    direction = np.zeros((count, 2))
    rho, limit = 0.0, 0.0
    for _ in range(STEPS):
        residual[first], residual[second] = 0.0, 0.0
        fresh = 0.0
        for v in range(count):
            fresh += (residual[v, 0] ** 2 + residual[v, 1] ** 2) / diagonal[v]
        if rho == 0.0:
            limit = fresh * TOLERANCE**2
        if fresh <= limit or fresh == 0.0:
            break
        beta = fresh / rho if rho > 0.0 else 0.0
        rho = fresh
        for v in range(count):
            direction[v, 0] = residual[v, 0] / diagonal[v] + beta * direction[v, 0]
            direction[v, 1] = residual[v, 1] / diagonal[v] + beta * direction[v, 1]
        _gradient(own, rest, areas, direction, corners, product)
        along = (direction * product).sum()
        if not along > 0.0:
            break
        flat += rho / along * direction
        residual -= rho / along * product


@njit(cache=True, nogil=True)
def _far_apart(flat: F64) -> tuple[int, int]:
    """Two vertices far from each other: from the middle to the farthest, from there to the farthest again."""
    found = [0, 0]
    x, y = flat[:, 0].mean(), flat[:, 1].mean()
    for turn in range(2):
        most = -1.0
        for v in range(len(flat)):
            apart = (flat[v, 0] - x) ** 2 + (flat[v, 1] - y) ** 2
            if apart > most:
                most, found[turn] = apart, v
        x, y = flat[found[turn], 0], flat[found[turn], 1]
    return found[0], found[1]


@njit(cache=True, nogil=True)
def _gradient(own: I32, rest: F64, areas: F64, x: F64, corners: I32, out: F64) -> None:
    """`out` = half the gradient of the conformal energy at `x` (n, 2)."""
    out[:] = 0.0
    for i in range(len(own)):
        f = own[i]
        p, q, r = corners[i, 0], corners[i, 1], corners[i, 2]
        x1, x2, y2, area = rest[f, 0], rest[f, 1], rest[f, 2], areas[f]
        a, b = (x[q, 0] - x[p, 0]) / x1, (x[q, 1] - x[p, 1]) / x1
        c, d = (x[r, 0] - x[p, 0] - a * x2) / y2, (x[r, 1] - x[p, 1] - b * x2) / y2
        stretch, shear = area * (a - d), area * (b + c)
        # Each of a, b, c, d is linear in the corners: along u the terms of a and c, along v those of b and d.
        uq, ur = stretch / x1 - shear * x2 / (x1 * y2), shear / y2
        vq, vr = shear / x1 + stretch * x2 / (x1 * y2), -stretch / y2
        out[q, 0] += uq
        out[q, 1] += vq
        out[r, 0] += ur
        out[r, 1] += vr
        out[p, 0] -= uq + ur
        out[p, 1] -= vq + vr
