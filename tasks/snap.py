"""Faithful vertices: those of a shell brought back towards the triangles it was drawn around."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ml.asset import I32, U8
from ml.bits import NONE, ONE, U64, popcount
from ml.block_surface import Surface
from tasks.lanes import WIDTH, fill, least, less, load, lowest, most, store, where_less
from tasks.narrow_band import Band, apart
from tasks.topology import F64
from tasks.triangle_frame import FRAME_SIZE, box_of, frame_of

# A vertex lies at share t of an edge from an inner point at distance d ≤ thickness to an outer one at distance
# e ≤ d + 1, where the line between them meets the thickness. So it is at most min(d + t, e + 1 − t) from the
# triangles, which is largest, thickness + 1/2, for d and e both near the thickness.
SLACK = 0.52
FIRST_SLACK = 0.06
IN_BLOCK = 24 * 64  # vertices in the 24 words of a block
ROOM = 2 * IN_BLOCK
# Bit y of eight moved to bit 8·y.
SPREAD = np.array([sum((row >> y & 1) << 8 * y for y in range(8)) for row in range(256)], np.uint64)

HALVES = ((0b01010101, 0b10101010), (0b00110011, 0b11001100), (0b00001111, 0b11110000))
# For eight bits along an axis, the octants of a block that they lie in, as in `_octants`.
OCTANTS = np.array(
    [[low * (row & 15 != 0) | high * (row >> 4 != 0) for row in range(256)] for low, high in HALVES], np.uint8
)


def closest_points(points: F64, faces: I32, band: Band, surface: Surface, thickness: float) -> F64:
    """(n, 3) the point of the faces (m, 3) over points in voxels that is closest to each vertex of the surface.

    Nearly all vertices lie at the thickness itself: a search with little slack settles those, a second the others.
    """
    closest = surface.vertices.copy()
    best = np.full(len(closest), (thickness + FIRST_SLACK) ** 2)
    todo = surface.crossed
    for slack in (FIRST_SLACK, SLACK):
        grid = (band.shape, band.slot, todo, surface.crossed, surface.first)
        _project(points, faces, band.order, *grid, thickness + slack, surface.vertices, closest, best)
        todo = _unsettled(surface.crossed, surface.first, best, (thickness + slack) ** 2, (thickness + SLACK) ** 2)
    return closest


@njit(cache=True, nogil=True)
def _unsettled(crossed: U64, first: I32, best: F64, limit: float, start: float) -> U64:
    """The bits of vertices whose best is still the limit, which is raised to `start`."""
    todo = np.zeros_like(crossed)
    for k in range(len(crossed)):
        for word in range(24):
            v = first[k, word]
            bits = crossed[k, word]
            while bits != NONE:
                lowest = bits & (~bits + ONE)
                bits ^= lowest
                if best[v] >= limit:
                    todo[k, word] |= lowest
                    best[v] = start
                v += 1
    return todo


@njit(cache=True, nogil=True)
def _project(
    points: F64,
    faces: I32,
    order: I32,
    shape: tuple[int, int, int],
    slot: I32,
    todo: U64,
    crossed: U64,
    first: I32,
    reach: float,
    vertices: F64,
    closest: F64,
    best: F64,
) -> None:
    """Every triangle over the vertices in reach of it, eight at a time: how many a block holds does not matter."""
    box, frame = np.empty(6), np.empty(FRAME_SIZE)
    which, spots, moves = np.empty(ROOM, np.int32), np.empty((4, ROOM)), np.empty((4, WIDTH))
    radius = 4.0 * np.sqrt(3.0) + reach
    masks = np.empty(3, np.uint64)
    waiting = _octants(todo)
    for i in range(len(order)):
        f = order[i]
        box_of(points, faces, f, box)
        x0, x1 = int(np.ceil(box[0] - reach)), int(box[3] + reach)
        y0, y1 = int(np.ceil(box[1] - reach)), int(box[4] + reach)
        z0, z1 = int(np.ceil(box[2] - reach)), int(box[5] + reach)
        a = faces[f, 0]
        ready, count = False, 0
        for bz in range(max(0, z0 - 1) >> 3, (min(shape[2] * 8 - 1, z1) >> 3) + 1):
            for by in range(max(0, y0 - 1) >> 3, (min(shape[1] * 8 - 1, y1) >> 3) + 1):
                for bx in range(max(0, x0 - 1) >> 3, (min(shape[0] * 8 - 1, x1) >> 3) + 1):
                    k = slot[(bz * shape[1] + by) * shape[0] + bx]
                    if k < 0 or waiting[k] == 0:
                        continue
                    wanted = OCTANTS[0, _window(x0 - 8 * bx - 1, x1 - 8 * bx)]
                    wanted &= OCTANTS[1, _window(y0 - 8 * by - 1, y1 - 8 * by)]
                    wanted &= OCTANTS[2, _window(z0 - 8 * bz - 1, z1 - 8 * bz)]
                    if waiting[k] & wanted == 0:
                        continue
                    if not ready:
                        frame_of(points, faces, f, frame)
                        ready = True
                    x, y, z = 8.0 * bx - points[a, 0], 8.0 * by - points[a, 1], 8.0 * bz - points[a, 2]
                    if apart(frame, x + 4.0, y + 4.0, z + 4.0, radius):
                        continue
                    thin_x, thin_y = _window(x0 - 8 * bx, x1 - 8 * bx), SPREAD[_window(y0 - 8 * by, y1 - 8 * by)]
                    masks[0] = _window(x0 - 8 * bx - 1, x1 - 8 * bx) * thin_y
                    masks[1] = thin_x * SPREAD[_window(y0 - 8 * by - 1, y1 - 8 * by)]
                    masks[2] = thin_x * thin_y
                    for layer in range(max(0, z0 - 8 * bz - 1), min(7, z1 - 8 * bz) + 1):
                        for axis in range(0 if layer >= z0 - 8 * bz else 2, 3):
                            word = 8 * axis + layer
                            bits = todo[k, word] & masks[axis]
                            while bits != NONE:
                                lowest = bits & (~bits + ONE)
                                bits ^= lowest
                                v = first[k, word] + popcount(crossed[k, word] & (lowest - ONE))
                                which[count], spots[3, count] = v, best[v]
                                spots[0, count] = vertices[v, 0] - points[a, 0]
                                spots[1, count] = vertices[v, 1] - points[a, 1]
                                spots[2, count] = vertices[v, 2] - points[a, 2]
                                count += 1
                    if count > ROOM - IN_BLOCK - WIDTH:
                        _approach(frame, which, spots, count, moves, vertices, closest, best)
                        count = 0
        _approach(frame, which, spots, count, moves, vertices, closest, best)


@njit(cache=True, nogil=True)
def _octants(todo: U64) -> U8:
    """(k,) bit x + 2·y + 4·z is set where the block's octant of 4³ points holds one of the marked vertices."""
    octants = np.zeros(len(todo), np.uint8)
    for k in range(len(todo)):
        for word in range(24):
            bits = todo[k, word]
            rows = np.uint8(bits & np.uint64(0x0F0F0F0F) != NONE) | np.uint8(bits & np.uint64(0xF0F0F0F0) != NONE) << 1
            bits >>= np.uint64(32)
            rows |= np.uint8(bits & np.uint64(0x0F0F0F0F) != NONE) << 2
            rows |= np.uint8(bits & np.uint64(0xF0F0F0F0) != NONE) << 3
            octants[k] |= rows << (4 if word & 4 else 0)
    return octants


@njit(cache=True, nogil=True)
def _window(low: int, high: int) -> np.uint64:
    """Eight bits, of which those from low to high are set."""
    low, high = max(low, 0), min(high, 7)
    return np.uint64((2 << high) - (1 << low)) if low <= high else NONE


@njit(cache=True, nogil=True, inline="always")
def _approach(
    frame: F64, which: I32, spots: F64, count: int, moves: F64, vertices: F64, closest: F64, best: F64
) -> None:
    """Take the triangle's closest point for those of `count` vertices to which it is nearer than the best so far.

    `spots` are their places relative to the triangle's first corner and the best squared distances.
    """
    zero = fill(0.0)
    for i in range(0, count, WIDTH):
        x, y, z = load(spots, i), load(spots, ROOM + i), load(spots, 2 * ROOM + i)
        height = _form(frame, 0, x, y, z)
        c0, c1, c2 = _form(frame, 4, x, y, z), _form(frame, 5, x, y, z), _form(frame, 6, x, y, z)
        o0, o1, o2 = _over(frame, 0, x, y, z), _over(frame, 1, x, y, z), _over(frame, 2, x, y, z)
        d0, d1, d2 = o0 * o0 + c0 * c0, o1 * o1 + c1 * c1, o2 * o2 + c2 * c2
        inner, beside = least(least(c0, c1), c2), least(least(d0, d1), d2)
        distance = height * height + where_less(zero, inner, zero, beside)
        mask = less(distance, load(spots, 3 * ROOM + i)) & np.uint32((1 << min(count - i, WIDTH)) - 1)
        if mask == 0:
            continue
        store(moves, 3 * WIDTH, distance)
        for axis in range(3):
            away = fill(frame[5 + axis]) * o0 + fill(frame[17 + axis]) * c0
            away = where_less(d1, d0, fill(frame[9 + axis]) * o1 + fill(frame[21 + axis]) * c1, away)
            away = where_less(d2, least(d0, d1), fill(frame[13 + axis]) * o2 + fill(frame[25 + axis]) * c2, away)
            store(moves, axis * WIDTH, fill(frame[1 + axis]) * height + where_less(zero, inner, zero, away))
        while mask:
            k = lowest(mask)
            mask &= mask - np.uint32(1)
            v = which[i + k]
            best[v] = moves[3, k]
            for axis in range(3):
                closest[v, axis] = vertices[v, axis] - moves[axis, k]


@njit(cache=True, nogil=True, inline="always")
def _form(frame: F64, k: int, x: Any, y: Any, z: Any) -> Any:
    """Form k of a frame at eight points."""
    o = 4 * k
    return fill(frame[o]) + fill(frame[o + 1]) * x + fill(frame[o + 2]) * y + fill(frame[o + 3]) * z


@njit(cache=True, nogil=True, inline="always")
def _over(frame: F64, side: int, x: Any, y: Any, z: Any) -> Any:
    """How far eight points lie before (negative) or beyond a side of the triangle, along it."""
    along = _form(frame, 1 + side, x, y, z)
    return along - least(most(along, fill(0.0)), fill(frame[28 + side]))
