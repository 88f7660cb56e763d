"""Flood fill from outside over a narrow band, 64 grid points at a time as the bits of one word."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32, I32, U8
from ml.bits import ALL, HIGH_X, HIGH_Y, LOW_X, LOW_Y, NONE, ONE, U64
from tasks.narrow_band import Band

SEVEN, EIGHT, ROWS = np.uint64(7), np.uint64(8), np.uint64(56)


def flood_fill(band: Band, thickness: float) -> tuple[U64, U8]:
    """What can be reached from outside without coming within `thickness` voxels of the surface (6-connected).

    Returns exterior bits (k, 8) of the active blocks and flags (all blocks,) that are 1 for exterior empty blocks.
    """
    exterior = np.zeros((len(band.blocks), 8), np.uint64)
    empty = np.zeros(len(band.slot), np.uint8)
    # The grid's first point will do: the padded grid's sides are free and connected.
    flood(band.shape, band.slot, free_points(band.distance, np.float32(thickness)), exterior, empty, 0, 0)
    return exterior, empty


@njit(cache=True, nogil=True)
def free_points(distance: F32, thickness: float) -> U64:
    """(k, 8) bits of the points further than the thickness from all triangles."""
    free = np.zeros((len(distance), 8), np.uint64)
    for k in range(len(distance)):
        for z in range(8):
            word = NONE
            for bit in range(64):
                if distance[k, 64 * z + bit] > thickness:
                    word |= ONE << np.uint64(bit)
            free[k, z] = word
    return free


@njit(cache=True, nogil=True)
def _fill_block(out: U64, free: U64) -> None:
    """Spread the exterior inside one block until nothing changes."""
    changed = True
    while changed:
        changed = False
        for z in range(8):
            old = out[z]
            new = old | ((old & ~HIGH_X) << ONE) | ((old & ~LOW_X) >> ONE) | (old << EIGHT) | (old >> EIGHT)
            if z > 0:
                new |= out[z - 1]
            if z < 7:
                new |= out[z + 1]
            new &= free[z]
            if new != old:
                out[z] = new
                changed = True


@njit(cache=True, nogil=True)
def _crossing(side: int, word: np.uint64) -> np.uint64:
    """The points of the neighbour's word that points of `word` touch across side 0…3 (−x, +x, −y, +y)."""
    if side == 0:
        return (word & LOW_X) << SEVEN
    if side == 1:
        return (word & HIGH_X) >> SEVEN
    if side == 2:
        return (word & LOW_Y) << ROWS
    return (word & HIGH_Y) >> ROWS


@njit(cache=True, nogil=True)
def _enter_block(side: int, source: U64, target: U64, free: U64) -> bool:
    """Carry the exterior of a block across one of its sides into its neighbour; True when that gained points."""
    gained = False
    for z in range(8):
        if side < 4:
            word = _crossing(side, source[z])
        elif side == 4:
            word = source[0] if z == 7 else NONE
        else:
            word = source[7] if z == 0 else NONE
        word &= free[z] & ~target[z]
        if word != NONE:
            target[z] |= word
            gained = True
    return gained


@njit(cache=True, nogil=True)
def flood(shape: tuple[int, int, int], slot: I32, free: U64, out: U64, empty: U8, block: int, point: int) -> None:
    """Add to `out` (k, 8) and `empty` all free points that are connected to a point of a block, breadth first."""
    nx, ny, nz = shape
    full, spare, open_space = np.full(8, ALL), np.zeros(8, np.uint64), np.full(8, ALL)
    queue = np.empty(len(slot) + 1, np.int32)  # a ring: no block is in it twice
    waiting = np.zeros(len(slot), np.bool_)
    if slot[block] >= 0:
        out[slot[block], point >> 6] |= free[slot[block], point >> 6] & ONE << np.uint64(point & 63)
    else:
        empty[block] = 1
    queue[0] = block
    head, tail = 0, 1
    while head != tail:
        b = queue[head]
        head = (head + 1) % len(queue)
        waiting[b] = False
        if slot[b] >= 0:
            _fill_block(out[slot[b]], free[slot[b]])
            source = out[slot[b]]
        else:
            source = full
        x, y, z = b % nx, b // nx % ny, b // nx // ny
        for side in range(6):
            i, j, k = x, y, z
            step = 1 if side & 1 else -1
            if side < 2:
                i += step
            elif side < 4:
                j += step
            else:
                k += step
            if i < 0 or j < 0 or k < 0 or i >= nx or j >= ny or k >= nz:
                continue
            c = (k * ny + j) * nx + i
            if slot[c] >= 0:
                gained = _enter_block(side, source, out[slot[c]], free[slot[c]])
            else:
                gained = empty[c] == 0 and _enter_block(side, source, spare, open_space)
                if gained:
                    empty[c] = 1
                    spare[:] = NONE
            if gained and not waiting[c]:
                waiting[c] = True
                queue[tail] = c
                tail = (tail + 1) % len(queue)
