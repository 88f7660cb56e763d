"""Packing of charts into the unit square: none mirrored, none overlapping, a gap between any two."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

GRIDS = (512, 1024)  # cells along the square; the finer one only where charts are too many for the first
MOST_ON_GRID = 20_000  # charts; more are boxes in rows: on the grid 100,000 would be a cell or two each
CELLS_FILLED = 0.4  # of a grid that charts of a single cell with their gaps may take
FIRST_DENSITY = 0.95  # of the square under charts and gaps at the first try; most sets end at 0.75–0.9
COARSE, ROUGH_LOSS = 0.5, 1.08  # a grid this much coarser finds a first scale, and what its wider gaps cost there
FINE, FINE_GAINS = 2, (1.03, 1.01)  # a grid this much finer, and what its narrower gaps may gain
REFINED = 1500  # charts up to which that is tried
STEP, CLOSE_ENOUGH = 0.94, 1.035  # between scales tried, and between one that fits and one that fails at the end
ALL = np.uint64(2**64 - 1)
REMEMBERED = 48  # cells: smaller charts of one size follow each other, and look no lower than the one before


def pack_charts(corners: F32, chart: I32, gap: float) -> F32:
    """Triangles (m, 3, 2) at one scale to UVs in 0–1, charts at least `gap` (share of the side) from each other.

    `chart` (m,) numbers the charts from 0. A chart is turned by quarters and, where it is mirrored, flipped: in an
    image, whose v grows downward, triangles run counter-clockwise as they do seen from outside. Charts go in order of
    size to the lowest free place on a grid, at the largest scale at which all find one, and what is left over at the
    right and the top is shared out. Where charts are so many that gaps would take most of the square, gaps shrink;
    more than MOST_ON_GRID charts lie as boxes in rows.
    """
    order = np.argsort(chart, kind="stable")
    starts = np.searchsorted(chart[order], np.arange(int(chart.max(initial=-1)) + 2)).astype(np.int64)
    shapes = _upright(np.nan_to_num(corners.astype(np.float64)), chart)[order]  # NaN would never fit
    low = np.minimum.reduceat(shapes.min(axis=1), starts[:-1], axis=0)
    shapes = np.ascontiguousarray(shapes - low[chart[order]][:, None])
    size = np.maximum.reduceat(shapes.max(axis=1), starts[:-1], axis=0)
    if len(size) > MOST_ON_GRID:
        placed = shapes + in_rows(size, gap)[chart[order]][:, None]
    else:
        grid, cells = _grid(len(size), gap)
        scale, grid, places = _largest_fit(shapes, starts, size, grid, min(gap, cells / grid))
        placed = _placed(shapes * scale, size * scale, places, chart[order])
    packed = np.empty(shapes.shape)
    packed[order] = placed / np.maximum(placed.max(axis=(0, 1)), 1e-300)
    return np.clip(packed, 0.0, 1.0).astype(np.float32)  # rounding leaves −1e-19


def in_rows(size: F64, gap: float) -> F64:
    """(n, 2) places of boxes in rows of a square, the highest first; gaps take as much area as the boxes at most."""
    width, height = size[:, 0], size[:, 1]
    area, rims = float((width * height).sum()), float((width + height).sum())
    side = math.sqrt(2.0 * area)
    between = min(gap * side, area / max(rims, 1e-300))
    side = max(math.sqrt(float(((width + between) * (height + between)).sum())), float(width.max()) + between)
    order = np.argsort(-height, kind="stable")
    along = np.cumsum(width[order] + between)
    row = np.floor((along - 0.5 * width[order]) / side).astype(np.int64)
    first = np.searchsorted(row, np.arange(int(row[-1]) + 1))
    first = np.minimum(first, len(row) - 1)  # a row without a box takes no height: the next one's is asked for
    heights = np.where(row[first] == np.arange(len(first)), height[order][first] + between, 0.0)
    starts = np.concatenate([[0.0], np.cumsum(heights)[:-1]])
    places = np.empty((len(size), 2))
    places[order, 0] = along - (width[order] + between) - (along[first] - width[order][first] - between)[row]
    places[order, 1] = starts[row]
    return places


def kept_gap(charts: int, gap: float) -> float:
    """The gap that `pack_charts` keeps between so many charts when asked for `gap`, as a share of the side."""
    if charts > MOST_ON_GRID:
        return 0.0
    grid, cells = _grid(charts, gap)
    return cells / grid if cells < math.ceil(gap * grid) else gap


def _upright(corners: F64, chart: I32) -> F64:
    """The corners with u negated in charts whose triangles mostly run clockwise in an image."""
    mirrored = np.bincount(chart, _signed(corners)) > 0
    upright = corners.copy()
    upright[mirrored[chart], :, 0] *= -1.0
    return upright


def _signed(corners: F64) -> F64:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area: F64 = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return area


def _grid(charts: int, gap: float) -> tuple[int, int]:
    """Cells along the square and along the gap: the first grid with room for all gaps, else gaps as wide as fit."""
    widest = [int(math.sqrt(CELLS_FILLED * grid**2 / max(charts, 1))) - 1 for grid in GRIDS]
    for grid, room in zip(GRIDS, widest, strict=True):
        if math.ceil(gap * grid) <= room:
            return grid, math.ceil(gap * grid)
    return next(((grid, room) for grid, room in zip(GRIDS, widest, strict=True) if room > 0), (GRIDS[-1], 0))


def _largest_fit(shapes: F64, starts: I64, size: F64, grid: int, gap: float) -> tuple[float, int, I32]:
    """The scale in cells a unit, the grid it counts on, and the place (turn, x, y) of each chart there.

    A coarse grid finds where to begin on `grid`, and what fits there is tried a little larger on a finer one.
    """
    # Charts widened by the gap cover scale²·area + scale·gap·(widths + heights) + charts·gap²: solved for the scale.
    area, cells = max(float(np.abs(_signed(shapes)).sum()), 1e-300), math.ceil(gap * grid)
    rims, corners = cells * float(size.sum()), len(size) * cells**2 - FIRST_DENSITY * (grid + cells) ** 2
    most = -2.0 * corners / (rims + math.sqrt(rims**2 - 4.0 * area * corners))
    most = min(most, grid / max(float(size.max()), 1e-300))
    order = np.argsort(-size.min(axis=1), kind="stable")

    def fit(scale: float, level: float = 1.0) -> I32 | None:
        places, side = np.zeros((len(size), 3), np.int32), round(grid * level)
        fits = _pack(shapes, starts, size, order, scale * level, side, math.ceil(gap * side), places)
        return places if fits else None

    rough = most
    if len(size) * (1 + math.ceil(gap * grid * COARSE)) ** 2 <= CELLS_FILLED * (grid * COARSE) ** 2:
        while fit(rough, COARSE) is None:
            rough *= 0.9
    scale, best = _search(fit, min(most, rough * ROUGH_LOSS), most)
    if len(size) <= REFINED:
        for gain in FINE_GAINS:
            places = fit(scale * gain, FINE)
            if places is not None:
                return scale * gain * FINE, grid * FINE, places
    return scale, grid, best


def _search(fit: Callable[[float], I32 | None], scale: float, most: float) -> tuple[float, I32]:
    """The largest scale up to `most` that fits, to about 2 %, and its places: in steps from `scale`, then halfway."""
    fails, best = math.inf, fit(scale)
    while best is None:
        fails, scale = scale, scale * STEP
        best = fit(scale)
    while fails > scale * CLOSE_ENOUGH and scale < most:
        tried = min(scale / STEP, most) if fails == math.inf else math.sqrt(scale * fails)
        places = fit(tried)
        if places is None:
            fails = tried
        else:
            scale, best = tried, places
    return scale, best


def _placed(shapes: F64, size: F64, places: I32, chart: I32) -> F64:
    """Shapes in cells, turned by quarters within the box of whole cells that holds them, and moved to their places."""
    box = np.maximum(np.ceil(size), 1.0)
    turn = places[chart, 0]
    x, y = (shapes[..., axis] + (0.5 * (box - size))[chart, axis, None] for axis in (0, 1))
    width, height = box[chart, 0, None], box[chart, 1, None]
    turned_x = np.choose(turn[:, None], [x, height - y, width - x, y])
    turned_y = np.choose(turn[:, None], [y, x, height - y, width - x])
    return np.stack([turned_x, turned_y], axis=2) + places[chart, None, 1:]


@njit(cache=True, nogil=True)
def _touched(shapes: F64, start: int, stop: int, scale: float, size: F64) -> Bool:
    """(h, w) cells of the chart's box, True where a triangle touches the cell's square."""
    w, h = max(1, math.ceil(size[0] * scale)), max(1, math.ceil(size[1] * scale))
    cells = np.zeros((h, w), np.bool_)
    left, low = 0.5 * (w - size[0] * scale), 0.5 * (h - size[1] * scale)
    for f in range(start, stop):
        ax, ay = shapes[f, 0, 0] * scale + left, shapes[f, 0, 1] * scale + low
        bx, by = shapes[f, 1, 0] * scale + left, shapes[f, 1, 1] * scale + low
        cx, cy = shapes[f, 2, 0] * scale + left, shapes[f, 2, 1] * scale + low
        sign = 1.0 if (bx - ax) * (cy - ay) - (cx - ax) * (by - ay) >= 0.0 else -1.0
        for y in range(int(min(ay, by, cy)), min(h - 1, int(max(ay, by, cy))) + 1):
            for x in range(int(min(ax, bx, cx)), min(w - 1, int(max(ax, bx, cx))) + 1):
                px, py = x + 0.5, y + 0.5
                ab = sign * ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) + 0.5 * (abs(bx - ax) + abs(by - ay))
                bc = sign * ((cx - bx) * (py - by) - (cy - by) * (px - bx)) + 0.5 * (abs(cx - bx) + abs(cy - by))
                ca = sign * ((ax - cx) * (py - cy) - (ay - cy) * (px - cx)) + 0.5 * (abs(ax - cx) + abs(ay - cy))
                if ab >= 0.0 and bc >= 0.0 and ca >= 0.0:
                    cells[y, x] = True
    return cells


@njit(cache=True, nogil=True)
def _turned(cells: Bool) -> Bool:
    """The cells turned by a quarter as `_placed` turns the shape: (x, y) goes to (h − y, x)."""
    h, w = cells.shape
    turned = np.empty((w, h), np.bool_)
    for y in range(h):
        for x in range(w):
            turned[x, h - 1 - y] = cells[y, x]
    return turned


@njit(cache=True, nogil=True)
def _outline(cells: Bool) -> I32:
    """(k, 2) x and y of the cells with a free side."""
    h, w = cells.shape
    found = np.empty((h * w, 2), np.int32)
    count = 0
    for y in range(h):
        for x in range(w):
            inner = 0 < y < h - 1 and 0 < x < w - 1
            if cells[y, x] and not (
                inner and cells[y - 1, x] and cells[y + 1, x] and cells[y, x - 1] and cells[y, x + 1]
            ):
                found[count, 0], found[count, 1] = x, y
                count += 1
    stride = int(0.618 * count) + 1
    while math.gcd(stride, count) != 1:
        stride += 1
    mixed = np.empty((count, 2), np.int32)
    for k in range(count):
        mixed[k] = found[k * stride % count]
    return mixed


@njit(cache=True, nogil=True)
def _turned_outline(outline: I32, height: int) -> I32:
    """The outline of cells `height` high, turned with them."""
    turned = np.empty_like(outline)
    for k in range(len(outline)):
        turned[k, 0], turned[k, 1] = height - 1 - outline[k, 1], outline[k, 0]
    return turned


@njit(cache=True, nogil=True)
def _is_free(taken: U64, cells: Bool, turn: int, x: int, y: int) -> bool:
    """Whether none of the turned cells is taken: an outline hits nothing where it holds another chart whole."""
    h, w = cells.shape
    for j in range(h):
        for i in range(w):
            if cells[j, i]:
                across = (i, h - 1 - j, w - 1 - i, j)[turn] + x
                down = (j, i, h - 1 - j, w - 1 - i)[turn] + y
                if taken[down, across >> 6] >> np.uint64(across & 63) & np.uint64(1):
                    return False
    return True


@njit(cache=True, nogil=True)
def _blocks_row(taken: U64, outline: I32, y: int, blocked: U64, alive: I32) -> bool:
    """Set bit x of `blocked` where the outline, starting in column x of row y, hits; True once that is everywhere.

    `alive` is scratch for the words that have a free bit left: the others need no more looking at.
    """
    count = 0
    for i in range(len(blocked)):
        if blocked[i] != ALL:
            alive[count] = i
            count += 1
    for k in range(len(outline)):
        row, word, bit = y + outline[k, 1], outline[k, 0] >> 6, np.uint64(outline[k, 0] & 63)
        left = 0
        for a in range(count):
            i = alive[a]
            hits = taken[row, i + word] >> bit
            if bit:
                hits |= taken[row, i + word + 1] << (np.uint64(64) - bit)
            blocked[i] |= hits
            alive[left] = i
            left += blocked[i] != ALL
        count = left
        if count == 0:
            return True
    return False


@njit(cache=True, nogil=True)
def _lowest(
    taken: U64, grid: int, cells: Bool, turn: int, outline: I32, start: int, limit: int, blocked: U64
) -> tuple[int, int]:
    """(x, y) of the lowest, then leftmost place of the cells, turned by `turn` quarters like their outline, between
    rows `start` and `limit`; (−1, −1) for none.
    """
    h, w = (cells.shape[0], cells.shape[1]) if turn % 2 == 0 else (cells.shape[1], cells.shape[0])
    alive = np.empty(len(blocked), np.int32)
    for y in range(start, min(grid, limit) - h + 1):
        for i in range(len(blocked)):
            columns = min(max(grid - w + 1 - 64 * i, 0), 64)  # of this word's, those where the chart does not stick out
            blocked[i] = ALL if columns == 0 else ALL << np.uint64(columns) if columns < 64 else np.uint64(0)
        if not _blocks_row(taken, outline, y, blocked, alive):
            for x in range(grid - w + 1):
                if not blocked[x >> 6] >> np.uint64(x & 63) & np.uint64(1) and _is_free(taken, cells, turn, x, y):
                    return x, y
    return -1, -1


@njit(cache=True, nogil=True)
def _take(taken: U64, grid: int, cells: Bool, x: int, y: int, gap: int) -> None:
    """Mark the cells, placed at (x, y), and those within `gap` of them."""
    left = max(0, x - gap) >> 6
    words = ((x + cells.shape[1] + gap) >> 6) - left + 1
    row = np.empty(words, np.uint64)
    for j in range(cells.shape[0]):
        row[:] = 0
        free_from = 0
        for i in range(cells.shape[1]):
            if cells[j, i]:
                for c in range(max(free_from, x + i - gap), min(grid, x + i + gap + 1)):
                    row[(c >> 6) - left] |= np.uint64(1) << np.uint64(c & 63)
                free_from = x + i + gap + 1
        for up in range(max(0, y + j - gap), min(grid, y + j + gap + 1)):
            for i in range(words):
                if left + i < taken.shape[1]:
                    taken[up, left + i] |= row[i]


@njit(cache=True, nogil=True)
def _pack(shapes: F64, starts: I64, size: F64, order: I64, scale: float, grid: int, gap: int, places: I32) -> bool:
    """Place every chart on a square of `grid` cells, into `places` (turn, x, y); False when one finds no room."""
    words = (grid + 63) // 64
    taken = np.zeros((grid, 2 * words + 1), np.uint64)  # bit x of row y: within the gap of a placed chart
    blocked = np.empty(words, np.uint64)
    floor = np.zeros((REMEMBERED, REMEMBERED), np.int32)
    for chart in order:
        cells = _touched(shapes, starts[chart], starts[chart + 1], scale, size[chart])
        short, long = min(cells.shape), max(cells.shape)
        start = floor[short, long] if long < REMEMBERED else 0
        top = grid + 1
        outline = _outline(cells)
        for turn in range(4):
            x, y = _lowest(taken, grid, cells, turn, outline, start, top - 1, blocked)
            height = cells.shape[turn % 2]
            if x >= 0:
                top = y + height
                places[chart, 0], places[chart, 1], places[chart, 2] = turn, x, y
            outline = _turned_outline(outline, height)
        if top > grid:
            return False
        if long < REMEMBERED:
            floor[short, long] = places[chart, 2]
        for _ in range(places[chart, 0]):
            cells = _turned(cells)
        _take(taken, grid, cells, places[chart, 1], places[chart, 2], gap)
    return True
