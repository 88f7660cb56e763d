"""Faithful vertices: those of a shell brought back towards the triangles it was drawn around."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.bits import U64, popcount
from tasks.flood_fill import NONE, ONE
from tasks.isosurface import Surface
from tasks.narrow_band import Band, apart
from tasks.topology import F64
from tasks.triangle_frame import FRAME_SIZE, box_of, closest_side, form, frame_of

# A vertex lies at share t of an edge from an inner point at distance d ≤ thickness to an outer one at distance
# e ≤ d + 1, where the line between them meets the thickness. So it is at most min(d + t, e + 1 − t) from the
# triangles, which is largest, thickness + 1/2, for d and e both near the thickness.
SLACK = 0.52
FIRST_SLACK = 0.06
# Bit y of eight moved to bit 8·y.
SPREAD = np.array([sum((row >> y & 1) << 8 * y for y in range(8)) for row in range(256)], np.uint64)


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
    """Every triangle over the vertices in reach of it: the number of triangles a block holds does not matter."""
    box, frame = np.empty(6), np.empty(FRAME_SIZE)
    radius = 4.0 * np.sqrt(3.0) + reach
    masks = np.empty(3, np.uint64)
    waiting = np.zeros(len(todo), np.bool_)
    for k in range(len(todo)):
        for word in range(24):
            waiting[k] |= todo[k, word] != NONE
    for i in range(len(order)):
        f = order[i]
        box_of(points, faces, f, box)
        x0, x1 = int(np.ceil(box[0] - reach)), int(box[3] + reach)
        y0, y1 = int(np.ceil(box[1] - reach)), int(box[4] + reach)
        z0, z1 = int(np.ceil(box[2] - reach)), int(box[5] + reach)
        a = faces[f, 0]
        ready = False
        for bz in range(max(0, z0 - 1) >> 3, (min(shape[2] * 8 - 1, z1) >> 3) + 1):
            for by in range(max(0, y0 - 1) >> 3, (min(shape[1] * 8 - 1, y1) >> 3) + 1):
                for bx in range(max(0, x0 - 1) >> 3, (min(shape[0] * 8 - 1, x1) >> 3) + 1):
                    k = slot[(bz * shape[1] + by) * shape[0] + bx]
                    if k < 0 or not waiting[k]:
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
                                _approach(points, a, box, frame, vertices, closest, best, v)


@njit(cache=True, nogil=True)
def _window(low: int, high: int) -> np.uint64:
    """Eight bits, of which those from low to high are set."""
    low, high = max(low, 0), min(high, 7)
    return np.uint64((2 << high) - (1 << low)) if low <= high else NONE


@njit(cache=True, nogil=True, inline="always")
def _approach(points: F64, a: int, box: F64, frame: F64, vertices: F64, closest: F64, best: F64, v: int) -> None:
    """Take the triangle's closest point for a vertex where that is nearer than the best so far."""
    px, py, pz = vertices[v, 0], vertices[v, 1], vertices[v, 2]
    bx = max(max(box[0] - px, px - box[3]), 0.0)
    by = max(max(box[1] - py, py - box[4]), 0.0)
    bz = max(max(box[2] - pz, pz - box[5]), 0.0)
    if bx * bx + by * by + bz * bz >= best[v]:
        return
    x, y, z = px - points[a, 0], py - points[a, 1], pz - points[a, 2]
    height = form(frame, 0, x, y, z)
    if height * height >= best[v]:
        return
    beyond = min(min(form(frame, 4, x, y, z), form(frame, 5, x, y, z)), form(frame, 6, x, y, z))
    if beyond < 0.0 and height * height + beyond * beyond >= best[v]:
        return
    beside, side = closest_side(frame, x, y, z)
    if height * height + beside >= best[v]:
        return
    best[v] = height * height + beside
    closest[v, 0], closest[v, 1], closest[v, 2] = px - height * frame[1], py - height * frame[2], pz - height * frame[3]
    if side >= 0:
        along, across = form(frame, 1 + side, x, y, z), form(frame, 4 + side, x, y, z)
        over = along - min(max(along, 0.0), frame[28 + side])
        for axis in range(3):
            closest[v, axis] -= over * frame[5 + 4 * side + axis] + across * frame[17 + 4 * side + axis]
