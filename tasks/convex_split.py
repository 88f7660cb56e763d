"""Approximate convex decomposition of voxels: cut along axis planes where hulls shrink most, then merge what fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import label

from ml.asset import I32
from tasks.convex_hull import directions, hull_volume
from tasks.topology import F64, I64

# Hulls are measured over the extreme grid points in so many directions: 5 % below the true volume for a ball.
DIRECTIONS = 48
CUTS = 16  # planes tried along each axis
BALANCE = 0.05  # share of the hull's volume that the most lopsided cut is worse by: no slices off an even surface
SMALLEST = 1e-3  # share of all voxels below which a loose piece stays with the nearest other one
OVERSPLIT = 2  # pieces cut for each body asked for; merging them undoes cuts that later ones made useless


@dataclass(frozen=True)
class Piece:
    """Some grid points and what their hull has beyond them."""

    cells: I32  # (n, 3)
    extremes: I64  # (e, 3) corners of cells
    excess: float  # cells' volume of the hull that no cell fills


def convex_pieces(cells: I32, most: int, allowed: float) -> list[I32]:
    """The cells (n, 3) in at most `most` groups, and as few as leave `allowed` cells in all their hulls empty.

    Cut from the worst piece on, as V-HACD does (Mamou & Ghorbel 2009), but with hulls
    measured over extreme points in fixed directions, which a sweep along each axis gives for every plane at once.
    """
    ways = directions(DIRECTIONS)
    pieces = [_piece(part, ways) for part in _loose_pieces(cells, len(cells), most * OVERSPLIT)]
    done: list[Piece] = []
    while pieces and len(pieces) + len(done) < OVERSPLIT * most:
        if sum(piece.excess for piece in pieces + done) <= allowed:
            break
        worst = pieces.pop(max(range(len(pieces)), key=lambda i: pieces[i].excess))
        axis, plane = _best_cut(worst.cells, ways, BALANCE)
        if axis < 0:
            done.append(worst)
            continue
        low = worst.cells[:, axis] <= plane
        room = max(1, OVERSPLIT * most - len(pieces) - len(done) - 1)
        for side in (worst.cells[low], worst.cells[~low]):
            pieces += [_piece(part, ways) for part in _loose_pieces(side, len(cells), room)]
    return [piece.cells for piece in _merged(pieces + done, most, allowed, ways)]


def _piece(cells: I32, ways: F64) -> Piece:
    extremes = _extremes(cells, ways)
    return Piece(cells, extremes, hull_volume(extremes, len(extremes)) - len(cells))


def _loose_pieces(cells: I32, total: int, most: int) -> list[I32]:
    """The parts of the cells that do not touch, small ones with the nearest large one."""
    low = cells.min(axis=0)
    local = cells - low
    grid = np.zeros(local.max(axis=0) + 1, np.bool_)
    grid[tuple(local.T)] = True
    labels = label(grid, np.ones((3, 3, 3)))[0][tuple(local.T)] - 1
    sizes = np.bincount(labels)
    large = np.argsort(-sizes, kind="stable")[:most]
    large = large[(sizes[large] >= SMALLEST * total) | (np.arange(len(large)) == 0)]
    home = np.full(len(sizes), -1)
    home[large] = np.arange(len(large))
    centres = np.stack([np.bincount(labels, cells[:, k]) / sizes for k in range(3)], axis=1)
    for small in np.flatnonzero(home < 0):
        home[small] = int(np.linalg.norm(centres[large] - centres[small], axis=1).argmin())
    group = home[labels]
    return [cells[group == index] for index in range(len(large))]


def _merged(pieces: list[Piece], most: int, allowed: float, ways: F64) -> list[Piece]:
    """Pieces joined in pairs, those first whose common hull is least emptier, while they are too many or it fits."""
    pieces = list(pieces)
    gains = {(i, j): _loss(pieces[i], pieces[j]) for i in range(len(pieces)) for j in range(i)}
    alive = set(range(len(pieces)))
    excess = sum(piece.excess for piece in pieces)
    while len(alive) > 1:
        pair = min(gains, key=lambda key: gains[key])
        if len(alive) <= most and excess + gains[pair] > allowed:
            break
        a, b = pieces[pair[0]], pieces[pair[1]]
        excess += gains[pair]
        alive -= set(pair)
        gains = {key: loss for key, loss in gains.items() if key[0] in alive and key[1] in alive}
        pieces.append(_piece(np.concatenate([a.cells, b.cells]), ways))
        gains |= {(len(pieces) - 1, other): _loss(pieces[-1], pieces[other]) for other in sorted(alive)}
        alive.add(len(pieces) - 1)
    return [pieces[index] for index in sorted(alive)]


def _loss(a: Piece, b: Piece) -> float:
    """Emptiness that one hull around both has more than two."""
    both = np.concatenate([a.extremes, b.extremes])
    volume = hull_volume(both, len(both))
    return float(volume - len(a.cells) - len(b.cells) - a.excess - b.excess)


@njit(cache=True, nogil=True)
def _extremes(cells: I32, ways: F64) -> I64:
    """(d, 3) the farthest cell corner in each direction."""
    best = np.full(len(ways), -np.inf)
    found = np.zeros((len(ways), 3), np.int64)
    for i in range(len(cells)):
        for d in range(len(ways)):
            reach = ways[d, 0] * cells[i, 0] + ways[d, 1] * cells[i, 1] + ways[d, 2] * cells[i, 2]
            if reach > best[d]:
                best[d] = reach
                for k in range(3):
                    found[d, k] = cells[i, k] + (ways[d, k] > 0.0)
    return found


@njit(cache=True, nogil=True)
def _best_cut(cells: I32, ways: F64, balance: float) -> tuple[int, int]:
    """Axis and last plane of the lower side of the cut whose two hulls are smallest; axis −1 where there is none.

    CUTS planes along each axis, then those around each axis' best: joints lie between two planes.
    """
    best, axis, plane = np.inf, -1, 0
    for k in range(3):
        low, high = cells[0, k], cells[0, k]
        for i in range(len(cells)):
            low, high = min(low, cells[i, k]), max(high, cells[i, k])
        size = high - low + 1
        reach, found, count = _slices(cells, ways, k, low, size)
        up, down, below = _swept(reach, found, 1), _swept(reach, found, -1), np.cumsum(count)
        step = max(1, size // CUTS)
        least, middle = np.inf, -1
        for s in range(step - 1, size - 1, step):
            cost = _cut_cost(up, down, below, s, balance)
            if cost < least:
                least, middle = cost, s
        for s in range(max(0, middle - step + 1), min(middle + step, size - 1) if middle >= 0 else 0):
            cost = _cut_cost(up, down, below, s, balance)
            if cost < best:
                best, axis, plane = cost, k, low + s
    return axis, plane


@njit(cache=True, nogil=True)
def _cut_cost(up: I64, down: I64, below: I64, s: int, balance: float) -> float:
    """Volume of the hulls of slices 0 to s and of the rest, and up to `balance` more where one side has all cells."""
    volume = hull_volume(up[s], up.shape[1]) + hull_volume(down[s + 1], up.shape[1])
    cost: float = volume * (1.0 + balance * abs(2.0 * below[s] / below[-1] - 1.0))
    return cost


@njit(cache=True, nogil=True)
def _slices(cells: I32, ways: F64, axis: int, low: int, size: int) -> tuple[F64, I64, I64]:
    """Of each slice across the axis: reach in each direction (s, d), the corner there (s, d, 3) and its cells (s,)."""
    reach = np.full((size, len(ways)), -np.inf)
    found, count = np.zeros((size, len(ways), 3), np.int64), np.zeros(size, np.int64)
    for i in range(len(cells)):
        s = cells[i, axis] - low
        count[s] += 1
        for d in range(len(ways)):
            far = ways[d, 0] * cells[i, 0] + ways[d, 1] * cells[i, 1] + ways[d, 2] * cells[i, 2]
            if far > reach[s, d]:
                reach[s, d] = far
                for k in range(3):
                    found[s, d, k] = cells[i, k] + (ways[d, k] > 0.0)
    return reach, found, count


@njit(cache=True, nogil=True)
def _swept(reach: F64, found: I64, step: int) -> I64:
    """The corners (s, d, 3) that reach farthest over all slices up to each, from the first or from the last."""
    swept = found.copy()
    far = reach.copy()
    start = 0 if step > 0 else len(reach) - 1
    for i in range(1, len(reach)):
        s = start + i * step
        for d in range(reach.shape[1]):
            if far[s - step, d] > far[s, d]:
                far[s, d] = far[s - step, d]
                swept[s, d] = swept[s - step, d]
    return swept
