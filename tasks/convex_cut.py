"""Where to cut a solid of grid cells in two: the axis plane at which the hulls of all loose parts are smallest."""

from __future__ import annotations

import numpy as np
import scipy  # ndimage loads on first use: its 0.2 CPU-s are for those who split
from numba import njit

from ml.asset import I32
from ml.union_find import join
from tasks.convex_hull import hull_volume
from tasks.topology import F64, I64

WHOLE, LOOSE = 0, 1  # what a cut makes small
BALANCE = 0.05  # share of the volume that the most lopsided cut is worse by: no slices off an even surface


def best_cut(cells: I32, ways: F64, kind: int) -> tuple[int, int]:
    """Axis and last plane of the lower side for cells (n, 3); axis −1 where there is but one cell.

    Hulls are measured over the extreme corners in the directions `ways` (d, 3), at every plane: a sweep from either
    end adds slice after slice. WHOLE counts one hull on each side, LOOSE one for each part that is loose there.
    """
    low = cells.min(axis=0)
    local = cells - low
    grid = np.zeros(local.max(axis=0) + 1, np.bool_)
    grid[tuple(local.T)] = True
    best, axis, plane = np.inf, -1, 0
    for k in range(3):
        if grid.shape[k] > 1:
            labels, count = _slice_parts(grid, k)
            volumes = _cut_volumes(cells, labels, labels[tuple(local.T)] - 1, count, k, ways)[kind]
            s = int(volumes.argmin())
            if volumes[s] < best:
                best, axis, plane = float(volumes[s]), k, s + int(low[k])
    return axis, plane


def _cut_volumes(cells: I32, labels: I32, part: I32, count: int, axis: int, ways: F64) -> F64:
    """(2, planes) across the axis: volumes of one hull on each side, and of one for each loose part, balanced."""
    home, reach, corner = _reach(cells, part, count, axis, ways)
    pairs = _neighbours(np.moveaxis(labels, axis, 0))
    slices = labels.shape[axis]
    up, down = (_sweep(home, reach, corner, pairs, slices, step) for step in (1, -1))
    below = np.cumsum(np.bincount(home[part], minlength=slices))[:-1] / len(cells)
    volumes: F64 = (up[:, :-1] + down[:, 1:]) * (1.0 + BALANCE * np.abs(2.0 * below - 1.0))
    return volumes


def _slice_parts(grid: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], axis: int) -> tuple[I32, int]:
    """Labels from 1 of the parts of each slice across the axis, and their number."""
    within = np.zeros((3, 3, 3), np.bool_)
    within[tuple(1 if k == axis else slice(None) for k in range(3))] = True
    labels, count = scipy.ndimage.label(grid, within)
    return labels.astype(np.int32), int(count)


@njit(cache=True, nogil=True)
def _reach(cells: I32, part: I32, count: int, axis: int, ways: F64) -> tuple[I64, F64, I64]:
    """Of each part: its plane, how far it reaches in each direction (p, d), and the cell corner there (p, d, 3)."""
    home = np.zeros(count, np.int64)
    reach = np.full((count, len(ways)), -np.inf)
    corner = np.zeros((count, len(ways), 3), np.int64)
    low = cells[0, axis]
    for i in range(len(cells)):
        low = min(low, cells[i, axis])
    for i in range(len(cells)):
        p = part[i]
        home[p] = cells[i, axis] - low
        for d in range(len(ways)):
            far = ways[d, 0] * cells[i, 0] + ways[d, 1] * cells[i, 1] + ways[d, 2] * cells[i, 2]
            if far > reach[p, d]:
                reach[p, d] = far
                for k in range(3):
                    corner[p, d, k] = cells[i, k] + (ways[d, k] > 0.0)
    return home, reach, corner


@njit(cache=True, nogil=True)
def _neighbours(labels: I32) -> I64:
    """(q, 2) parts of one slice and of the next that touch at a face, an edge or a corner, with repeats."""
    pairs = np.empty((64, 2), np.int64)
    count = 0
    slices, height, width = labels.shape
    for s in range(slices - 1):
        for y in range(height):
            for x in range(width):
                a = labels[s, y, x]
                for j in range(max(y - 1, 0), min(y + 2, height) if a else 0):
                    for i in range(max(x - 1, 0), min(x + 2, width)):
                        b = labels[s + 1, j, i]
                        known = count > 0 and pairs[count - 1, 0] == a - 1 and pairs[count - 1, 1] == b - 1
                        if b == 0 or known:
                            continue
                        if count == len(pairs):
                            pairs = np.concatenate((pairs, pairs))
                        pairs[count, 0], pairs[count, 1] = a - 1, b - 1
                        count += 1
    return pairs[:count].copy()


@njit(cache=True, nogil=True)
def _sweep(home: I64, reach: F64, corner: I64, pairs: I64, slices: int, step: int) -> F64:
    """(2, slices) volume of the hull, and of the hulls of all loose parts, of the slices from one end to each."""
    parent = np.arange(len(home)).astype(np.int32)
    far, at = reach.copy(), corner.copy()
    outer, rim = np.full(reach.shape[1], -np.inf), np.zeros((reach.shape[1], 3), np.int64)
    volume, stale = np.zeros(len(home)), np.ones(len(home), np.bool_)
    sums = np.zeros((2, slices))
    total, q = 0.0, 0 if step > 0 else len(pairs) - 1
    for i in range(slices):
        s = i if step > 0 else slices - 1 - i
        while 0 <= q < len(pairs) and home[pairs[q, 1 if step > 0 else 0]] == s:
            a, b = _root(parent, pairs[q, 0]), _root(parent, pairs[q, 1])
            if a != b:
                join(parent, a, b)
                kept, gone = min(a, b), max(a, b)
                total -= volume[a] + volume[b]
                volume[a] = volume[b] = 0.0
                stale[kept] = True
                _take_in(far[kept], at[kept], far[gone], at[gone])
            q += step
        for p in range(len(home)):
            if home[p] == s:
                _take_in(outer, rim, reach[p], corner[p])
                root = _root(parent, p)
                if stale[root]:
                    stale[root] = False
                    volume[root] = hull_volume(at[root], at.shape[1])
                    total += volume[root]
        sums[0, s], sums[1, s] = hull_volume(rim, len(rim)), total
    return sums


@njit(cache=True, nogil=True)
def _take_in(far: F64, at: I64, other: F64, corners: I64) -> None:
    """Keep the farther of two corners in each direction."""
    for d in range(len(far)):
        if other[d] > far[d]:
            far[d] = other[d]
            for k in range(3):
                at[d, k] = corners[d, k]


@njit(cache=True, nogil=True)
def _root(parent: I32, i: int) -> int:
    while parent[i] != i:
        i = parent[i]
    return i
