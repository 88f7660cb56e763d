"""Flattening of one chart: projection, as-rigid-as-possible relaxation, and how far the result is stretched."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64

ANGLES = 45  # 2° apart over a quarter turn: the packer turns charts by quarters only


@njit(cache=True, nogil=True)
def project(own: I32, points: F64, faces: I32, normals: F64, areas: F64, corners: I32, count: int) -> F64:
    """(count, 2) the chart seen along its mean normal, at its surface's area."""
    n = np.zeros(3)
    for f in own:
        n += areas[f] * normals[f]
    length = np.sqrt((n * n).sum())
    n = n / length if length > 0.0 else normals[own[0]].copy()
    k = int(np.argmin(np.abs(n)))
    side = -n[k] * n
    side[k] += 1.0
    side /= np.sqrt((side * side).sum())
    up = np.array([n[1] * side[2] - n[2] * side[1], n[2] * side[0] - n[0] * side[2], n[0] * side[1] - n[1] * side[0]])
    flat = np.empty((count, 2))
    for i in range(len(own)):
        for k in range(3):
            p = points[faces[own[i], k]]
            flat[corners[i, k], 0] = p[0] * side[0] + p[1] * side[1] + p[2] * side[2]
            flat[corners[i, k], 1] = p[0] * up[0] + p[1] * up[1] + p[2] * up[2]
    return flat


@njit(cache=True, nogil=True)
def jacobian(rest: F64, f: int, flat: F64, a: int, b: int, c: int) -> tuple[float, float, float, float]:
    """The map of a face from its rest shape to the plane: columns (j0, j1) and (j2, j3)."""
    ux, uy = flat[b, 0] - flat[a, 0], flat[b, 1] - flat[a, 1]
    vx, vy = flat[c, 0] - flat[a, 0], flat[c, 1] - flat[a, 1]
    j0, j1 = ux / rest[f, 0], uy / rest[f, 0]
    return j0, j1, (vx - j0 * rest[f, 1]) / rest[f, 2], (vy - j1 * rest[f, 1]) / rest[f, 2]


@njit(cache=True, nogil=True)
def distortion(own: I32, rest: F64, areas: F64, flat: F64, corners: I32) -> tuple[float, float, float]:
    """(L² stretch squared, largest stretch, scale) of a chart; (inf, inf, 0) where a face is flipped or flat.

    Both are taken at the scale at which flat and surface area are the same (Sander et al. 2001).
    """
    surface = drawn = squares = worst = 0.0
    for i in range(len(own)):
        f = own[i]
        a, b, c, d = jacobian(rest, f, flat, corners[i, 0], corners[i, 1], corners[i, 2])
        det = a * d - b * c
        if not det > 1e-6:
            return np.inf, np.inf, 0.0
        norm = a * a + b * b + c * c + d * d
        surface += areas[f]
        drawn += areas[f] * det
        squares += areas[f] * 0.5 * norm / (det * det)  # (1/σ1² + 1/σ2²) / 2
        small = 0.5 * (norm - np.sqrt(max(norm * norm - 4.0 * det * det, 0.0)))
        worst = max(worst, 1.0 / max(small, 1e-300))
    ratio = drawn / surface
    return squares / surface * ratio, np.sqrt(worst * ratio), np.sqrt(ratio)


@njit(cache=True, nogil=True)
def relax(
    own: I32, rest: F64, face_weights: F64, flat: F64, corners: I32, edges: I32, weights: F64, steps: int
) -> None:
    """One local and one global step of the as-rigid-as-possible energy, in place (Liu, Zhang, Xu, Gotsman & Gortler
    2008): the rotation nearest to each face's map, then the positions nearest to the turned faces, by `steps` of
    conjugate gradients from where they are.
    """
    right = np.zeros(flat.shape)
    for i in range(len(own)):
        f = own[i]
        a, b, c, d = jacobian(rest, f, flat, corners[i, 0], corners[i, 1], corners[i, 2])
        # Weighted by edges instead of by area the nearest rotation is the same up to the clamped weights.
        cos, sin = a + d, b - c
        length = np.sqrt(cos * cos + sin * sin)
        if length > 0.0:
            cos, sin = cos / length, sin / length
        else:
            cos, sin = 1.0, 0.0
        x = (rest[f, 0], rest[f, 1] - rest[f, 0], -rest[f, 1])
        y = (0.0, rest[f, 2], -rest[f, 2])
        for k in range(3):
            w = face_weights[f, k]
            dx, dy = w * (cos * x[k] - sin * y[k]), w * (sin * x[k] + cos * y[k])
            i0, i1 = corners[i, k], corners[i, (k + 1) % 3]
            right[i0, 0] -= dx
            right[i0, 1] -= dy
            right[i1, 0] += dx
            right[i1, 1] += dy
    solve(edges, weights, right, flat, steps, 1e-4)


@njit(cache=True, nogil=True)
def laplacian(edges: I32, weights: F64, x: F64, out: F64) -> None:
    """`out` (n, 2) = the weighted graph Laplacian of the edges times `x` (n, 2)."""
    out[:] = 0.0
    for e in range(len(edges)):
        i, j, w = edges[e, 0], edges[e, 1], weights[e]
        dx, dy = w * (x[i, 0] - x[j, 0]), w * (x[i, 1] - x[j, 1])
        out[i, 0] += dx
        out[i, 1] += dy
        out[j, 0] -= dx
        out[j, 1] -= dy


@njit(cache=True, nogil=True)
def solve(edges: I32, weights: F64, right: F64, x: F64, steps: int, tolerance: float) -> None:
    """Laplacian · x = right, both columns at once, by at most `steps` of conjugate gradients preconditioned by the
    diagonal, from `x`, in place; ends where the residual has shrunk by `tolerance` against `right`.
    """
    count = len(x)
    diagonal = np.zeros(count)
    for e in range(len(edges)):
        diagonal[edges[e, 0]] += weights[e]
        diagonal[edges[e, 1]] += weights[e]
    product = np.empty((count, 2))
    laplacian(edges, weights, x, product)
    residual = right - product
    direction = np.empty((count, 2))
    rho0 = rho1 = limit = 0.0
    for i in range(count):
        inverse = 1.0 / diagonal[i]
        diagonal[i] = inverse
        direction[i, 0], direction[i, 1] = inverse * residual[i, 0], inverse * residual[i, 1]
        rho0 += residual[i, 0] * direction[i, 0]
        rho1 += residual[i, 1] * direction[i, 1]
        limit += inverse * (right[i, 0] * right[i, 0] + right[i, 1] * right[i, 1])
    limit *= tolerance * tolerance
    for _ in range(steps):
        if rho0 + rho1 <= limit:
            break
        laplacian(edges, weights, direction, product)
        d0 = d1 = 0.0
        for i in range(count):
            d0 += direction[i, 0] * product[i, 0]
            d1 += direction[i, 1] * product[i, 1]
        alpha0, alpha1 = rho0 / d0 if d0 > 0.0 else 0.0, rho1 / d1 if d1 > 0.0 else 0.0
        next0 = next1 = 0.0
        for i in range(count):
            x[i, 0] += alpha0 * direction[i, 0]
            x[i, 1] += alpha1 * direction[i, 1]
            residual[i, 0] -= alpha0 * product[i, 0]
            residual[i, 1] -= alpha1 * product[i, 1]
            next0 += diagonal[i] * residual[i, 0] * residual[i, 0]
            next1 += diagonal[i] * residual[i, 1] * residual[i, 1]
        beta0, beta1 = next0 / rho0 if rho0 > 0.0 else 0.0, next1 / rho1 if rho1 > 0.0 else 0.0
        rho0, rho1 = next0, next1
        for i in range(count):
            direction[i, 0] = diagonal[i] * residual[i, 0] + beta0 * direction[i, 0]
            direction[i, 1] = diagonal[i] * residual[i, 1] + beta1 * direction[i, 1]


@njit(cache=True, nogil=True)
def set_upright(flat: F64, corners: I32, rims: I32) -> None:
    """Turn the chart, in place, to the smallest of the boxes that lie along one of ANGLES directions."""
    least, cos, sin = np.inf, 1.0, 0.0
    for step in range(ANGLES):
        c, s = np.cos(0.5 * np.pi * step / ANGLES), np.sin(0.5 * np.pi * step / ANGLES)
        x0, x1, y0, y1 = np.inf, -np.inf, np.inf, -np.inf
        for r in rims:
            v = corners[r // 3, r % 3]
            x, y = c * flat[v, 0] + s * flat[v, 1], c * flat[v, 1] - s * flat[v, 0]
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        if (x1 - x0) * (y1 - y0) < least * (1.0 - 1e-9):
            least, cos, sin = (x1 - x0) * (y1 - y0), c, s
    for v in range(len(flat)):
        flat[v, 0], flat[v, 1] = cos * flat[v, 0] + sin * flat[v, 1], cos * flat[v, 1] - sin * flat[v, 0]
