"""How far UVs stretch a surface: L2 and L∞ stretch, angle and area distortion, and texels a metre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from tasks.topology import F64

CAP = 1e4  # times: what a face that is flat in the UV square counts as, which would be infinite


@dataclass(frozen=True)
class Stretch:
    """Measures over all faces with an area, each weighted by its area; 1 is an isometry in each of them."""

    l2: float  # root mean square stretch (Sander, Snyder, Gortler & Hoppe 2001, §3)
    worst: float  # largest singular value of any face's map from the UV square, times the square root of the scale
    angle: float  # (σ1/σ2 + σ2/σ1) / 2, the conformal (MIPS) energy (Hormann & Greiner 2000), halved
    area: float  # (r + 1/r) / 2 of the ratio r of areas, at the common scale (Degener, Meseth & Klein 2003)
    scale: float  # UV units a metre: the square root of the areas' ratio


def stretch(points: F64, corners: F64) -> Stretch:
    """Stretch of faces (m, 3, 3) in metres drawn at UVs (m, 3, 2).

    L² is normalised as in Sander et al.: times the root of UV area over surface area, so that no scale changes it and
    1 is the least. A face without area in space counts nowhere, one without area in the square as CAP.
    """
    l2, worst, angle, area, uv_area, surface = _measure(points, corners, CAP)
    if surface == 0.0 or uv_area == 0.0:
        return Stretch(1.0, 1.0, 1.0, 1.0, 0.0)
    scale = float(np.sqrt(uv_area / surface))
    return Stretch(float(np.sqrt(l2 / surface)), worst, angle / surface, area / surface, scale)


@njit(cache=True, nogil=True)
def _flat(points: F64, f: int) -> tuple[float, float, float]:
    """A face laid into the plane: its first edge from (0, 0) to (x1, 0), its third corner at (x2, y2)."""
    ux, uy, uz = points[f, 1, 0] - points[f, 0, 0], points[f, 1, 1] - points[f, 0, 1], points[f, 1, 2] - points[f, 0, 2]
    vx, vy, vz = points[f, 2, 0] - points[f, 0, 0], points[f, 2, 1] - points[f, 0, 1], points[f, 2, 2] - points[f, 0, 2]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    x1 = np.sqrt(ux * ux + uy * uy + uz * uz)
    if x1 == 0.0:
        return 0.0, 0.0, 0.0
    return x1, (ux * vx + uy * vy + uz * vz) / x1, np.sqrt(nx * nx + ny * ny + nz * nz) / x1


@njit(cache=True, nogil=True)
def _measure(points: F64, corners: F64, cap: float) -> tuple[float, float, float, float, float, float]:
    """Sums over the faces at the common scale: squared stretch, worst, angle, area, then UV area and surface."""
    surface = uv_area = 0.0
    for f in range(len(points)):
        x1, _, y2 = _flat(points, f)
        if x1 * y2 > 0.0:
            surface += 0.5 * x1 * y2
            ux, uy = corners[f, 1, 0] - corners[f, 0, 0], corners[f, 1, 1] - corners[f, 0, 1]
            vx, vy = corners[f, 2, 0] - corners[f, 0, 0], corners[f, 2, 1] - corners[f, 0, 1]
            uv_area += 0.5 * abs(ux * vy - uy * vx)
    l2 = worst = angle = area = 0.0
    if uv_area == 0.0:
        return l2, worst, angle, area, uv_area, surface
    unit = np.sqrt(surface / uv_area)
    for f in range(len(points)):
        x1, x2, y2 = _flat(points, f)
        if not x1 * y2 > 0.0:
            continue
        weight = 0.5 * x1 * y2
        ux, uy = unit * (corners[f, 1, 0] - corners[f, 0, 0]), unit * (corners[f, 1, 1] - corners[f, 0, 1])
        vx, vy = unit * (corners[f, 2, 0] - corners[f, 0, 0]), unit * (corners[f, 2, 1] - corners[f, 0, 1])
        a, b = ux / x1, uy / x1  # the map from the surface to the square: columns (a, b) and (c, d)
        c, d = (vx - a * x2) / y2, (vy - b * x2) / y2
        det = abs(a * d - b * c)
        squares = a * a + b * b + c * c + d * d  # σ1² + σ2²
        big = np.sqrt(0.5 * (squares + np.sqrt(max(squares * squares - 4.0 * det * det, 0.0))))
        small = det / big if big > 0.0 else 0.0
        # Singular values of the map back are 1/small and 1/big.
        most = min(1.0 / small, cap) if small > 0.0 else cap
        least = min(1.0 / big, cap) if big > 0.0 else cap
        l2 += weight * 0.5 * (most * most + least * least)
        worst = max(worst, most)
        angle += weight * min(0.5 * (most / least + least / most), cap)
        ratio = most * least
        area += weight * min(0.5 * (ratio + 1.0 / ratio), cap)
    return l2, worst, angle, area, uv_area, surface
