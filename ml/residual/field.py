"""A map over the UV square as a hash grid: a few levels of features, so that a point costs the same on any shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32

U64 = npt.NDArray[np.uint64]
LEVELS = (16, 32, 64, 128, 256, 512)  # cells along the square's side, up to that of the map
TABLE = 1 << 16  # entries a level; more grid points than that share them by a hash
SWEEPS = 3  # over all levels: each corrects what the ones before left


@dataclass(frozen=True)
class ResidualField:
    """R(u, v) as the sum of bilinear values of grids of growing fineness (Müller et al. 2022, Instant NGP)."""

    tables: F32  # (levels, TABLE)
    cells: npt.NDArray[np.int64]  # (levels,)

    def values(self, uv: F32) -> F32:
        """(n,) residuals at (n, 2) places of the UV square: four reads a level."""
        found = np.zeros(len(uv), np.float32)
        for table, cells in zip(self.tables, self.cells, strict=True):
            _read(table, int(cells), np.ascontiguousarray(uv, np.float32), found)
        return found


def fit_field(residual: F32, mask: F32) -> ResidualField:
    """The field of a map (size, size), row 0 at v = 0, from its texels where the mask is 1.

    Each level takes the mean of what is left around its grid points, from coarse to fine, SWEEPS times over.
    """
    size = len(residual)
    rows, columns = np.nonzero(mask > 0.0)
    uv = np.stack([(columns + 0.5) / size, (rows + 0.5) / size], axis=1).astype(np.float32)
    cells = np.array([level for level in LEVELS if level <= size] or [size])
    left = residual[rows, columns].astype(np.float32)
    tables = np.zeros((len(cells), TABLE), np.float32)
    for _ in range(SWEEPS):
        for table, side in zip(tables, cells, strict=True):
            added = _mean_around(int(side), uv, left)
            shown = np.zeros(len(uv), np.float32)
            _read(added, int(side), uv, shown)
            if np.square(left - shown).sum() < np.square(left).sum():  # where entries are shared it may be more
                table += added
                left = left - shown
    return ResidualField(tables, cells)


@njit(cache=True, nogil=True, inline="always")
def _slot(x: int, y: int, cells: int) -> int:
    """Where a grid point's value is: in order where all have room, else by the hash of Teschner et al. (2003)."""
    if cells * cells <= TABLE:
        return y * cells + x
    return (x ^ (y * 2654435761)) & (TABLE - 1)


@njit(cache=True, nogil=True, inline="always")
def _place(u: float, v: float, cells: int) -> tuple[float, float, int, int]:
    """A place among grid points, which are in the middles of the cells as a map's values are, and the point before."""
    px = min(max(u * cells - 0.5, 0.0), cells - 1.0)
    py = min(max(v * cells - 0.5, 0.0), cells - 1.0)
    return px, py, min(int(px), cells - 2), min(int(py), cells - 2)


@njit(cache=True, nogil=True)
def _read(table: F32, cells: int, uv: F32, found: F32) -> None:
    for i in range(len(uv)):
        px, py, x, y = _place(uv[i, 0], uv[i, 1], cells)
        fx, fy = px - x, py - y
        low = (1.0 - fx) * table[_slot(x, y, cells)] + fx * table[_slot(x + 1, y, cells)]
        high = (1.0 - fx) * table[_slot(x, y + 1, cells)] + fx * table[_slot(x + 1, y + 1, cells)]
        found[i] += (1.0 - fy) * low + fy * high


@njit(cache=True, nogil=True)
def _mean_around(cells: int, uv: F32, left: F32) -> F32:
    """(TABLE,) means of `left` (n,) around each grid point, by bilinear weights."""
    sums, weights = np.zeros(TABLE), np.zeros(TABLE)
    for i in range(len(uv)):
        px, py, x, y = _place(uv[i, 0], uv[i, 1], cells)
        fx, fy = px - x, py - y
        for dy in range(2):
            for dx in range(2):
                weight = (fx if dx else 1.0 - fx) * (fy if dy else 1.0 - fy)
                slot = _slot(x + dx, y + dy, cells)
                sums[slot] += weight * left[i]
                weights[slot] += weight
    means = np.zeros(TABLE, np.float32)
    for slot in range(TABLE):
        if weights[slot] > 0.0:
            means[slot] = sums[slot] / weights[slot]
    return means
