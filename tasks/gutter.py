"""Gutters: every texel outside the charts takes the nearest texel inside one, so that no mip level sees background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def nearest_covered(covered: Any) -> Any:
    """(size, size) int32: the flat index of the exactly nearest covered texel of each; −1 where there is none at all.

    Felzenszwalb & Huttenlocher 2012, "Distance transforms of sampled functions": along columns, then along rows by the
    lower envelope of parabolas. A column beyond a covered texel of the row is never nearer than that texel, so the
    second pass reads each gap between charts by itself.
    """
    height, width = covered.shape
    above = _nearest_rows(covered)
    nearest = np.empty((height, width), np.int32)
    column, start = np.empty(width + 2, np.int32), np.empty(width + 3)
    for y in range(height):
        x = 0
        while x < width:
            if covered[y, x]:
                nearest[y, x] = y * width + x
                x += 1
                continue
            stop = x
            while stop < width and not covered[y, stop]:
                stop += 1
            _fill_gap(above, y, x, stop, column, start, nearest)
            x = stop
    return nearest


@njit(cache=True, nogil=True)
def _nearest_rows(covered: Any) -> Any:
    """(h, w) int32 row of the nearest covered texel in the same column, −1 for none; the upper one wins a tie."""
    height, width = covered.shape
    rows = np.empty((height, width), np.int32)
    last = np.full(width, -1, np.int32)
    for y in range(height):
        for x in range(width):
            last[x] = y if covered[y, x] else last[x]
            rows[y, x] = last[x]
    last[:] = -1
    for y in range(height - 1, -1, -1):
        for x in range(width):
            last[x] = y if covered[y, x] else last[x]
            up, down = rows[y, x], last[x]
            rows[y, x] = down if down >= 0 and (up < 0 or down - y < y - up) else up
    return rows


@njit(cache=True, nogil=True)
def _fill_gap(rows: Any, y: int, first: int, stop: int, column: Any, start: Any, nearest: Any) -> None:
    """Columns first:stop of row y from each other and from the covered texels beside them.

    column[k] is nearest from start[k] to start[k + 1]: both are room of the width.
    """
    width, count = nearest.shape[1], 0
    for x in range(max(first - 1, 0), min(stop + 1, width)):
        if rows[y, x] < 0:
            continue
        height = _raised(rows, y, x)
        begin = -np.inf
        while count:
            other = column[count - 1]
            crossing = (height - _raised(rows, y, other)) / (2.0 * (x - other))
            if crossing > start[count - 1]:
                begin = crossing
                break
            count -= 1
        column[count], start[count] = x, begin
        count += 1
    k = 0
    for x in range(first, stop):
        while k + 1 < count and start[k + 1] < x:
            k += 1
        nearest[y, x] = rows[y, column[k]] * width + column[k] if count else -1


@njit(cache=True, nogil=True)
def _raised(rows: Any, y: int, x: int) -> Any:
    """Where the parabola of column x crosses column 0, in row y."""
    return np.float64((rows[y, x] - y) ** 2) + np.float64(x) * x


@njit(cache=True, nogil=True)
def spread(flat: Any, nearest: Any) -> None:
    """Copy to each row of a (size², c) map the row of its nearest covered texel, in place."""
    for i in range(len(flat)):
        j = nearest[i]
        if j != i and j >= 0:
            for k in range(flat.shape[1]):
                flat[i, k] = flat[j, k]
