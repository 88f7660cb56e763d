"""Heights over a silhouette: Poisson's equation on a grid whose boundary lies between its nodes."""

from __future__ import annotations

from math import pi, sin

import numba
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

NEAREST = 0.1  # of a cell: how close to a node the boundary may come


def solve_dome(field: F64, tolerance: float = 1e-5) -> F64:
    """(h, w) solution of ∆u = −4 where `field` > 0.5, u = 0 on its 0.5 contour; in cells², a disc gives R² − r².

    Successive over-relaxation, with the boundary placed on the grid edges by linear interpolation of `field`
    (Gibou, Fedkiw, Cheng and Kang 2002, 'A second-order-accurate symmetric discretization of the Poisson equation').
    `field` must be ≤ 0.5 on the grid's border.
    """
    height = np.zeros_like(field)
    size = max(field.shape)
    _relax(field, 2.0 / (1.0 + sin(pi / size)), tolerance, 6 * size, height)
    return height


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _relax(field: F64, omega: float, tolerance: float, sweeps: int, u: F64) -> None:
    rows, columns = field.shape
    for sweep in range(sweeps):
        change = peak = 0.0
        for y in range(1, rows - 1):
            for x in range(1, columns - 1):
                here = field[y, x]
                if here <= 0.5:
                    continue
                total, weight = 4.0, 0.0
                for k in range(4):
                    ny, nx = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                    there = field[ny, nx]
                    if there > 0.5:
                        total += u[ny, nx]
                        weight += 1.0
                    else:
                        weight += 1.0 / max((here - 0.5) / (here - there), NEAREST)
                step = omega * (total / weight - u[y, x])
                u[y, x] += step
                change, peak = max(change, abs(step)), max(peak, u[y, x])
        if change <= tolerance * peak and sweep > 8:
            return
