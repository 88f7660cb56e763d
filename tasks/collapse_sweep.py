"""The fast pass of simplification: vertices in memory order go to their cheapest neighbour, under a rising limit."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.collapse import (
    closes_curve,
    on_curve,
    record,
    squared_length,
    stays_near,
    three_corners,
    turns,
    unlink,
)
from tasks.quadric import LENGTH_SHARE, TERMS, quadric_error
from tasks.shrinking import FIXED, FREE, State
from tasks.topology import F64

MOST_CORNERS = 32  # a vertex with more waits for the careful pass


@njit(cache=True, nogil=True, forceinline=True)
def _gather(state: State, v: int, ring: I32) -> int:
    """Corners of v into ring[0], the vertices after and before v into ring[1] and [2]; their number, −1 if too many."""
    count = 0
    h = state.head[v]
    while h >= 0:
        if count == MOST_CORNERS:
            return -1
        f, k = h // 3, h % 3
        ring[0, count] = h
        ring[1, count] = state.faces[f, (k + 1) % 3]
        ring[2, count] = state.faces[f, (k + 2) % 3]
        count += 1
        h = state.following[h]
    return count


@njit(cache=True, nogil=True, forceinline=True)
def _cheapest(state: State, v: int, ring: I32, count: int) -> tuple[int, float, float]:
    """The neighbour onto which v goes at least cost, that cost and its error; −1 where none is open.

    The error is that of v's planes at the neighbour, added to what the neighbour's own planes have there.
    """
    best, least, error = -1, np.inf, np.inf
    q, points, kind = state.quadrics[v], state.points, state.kind
    for side in range(1, 2 if kind[v] == FREE else 3):
        for i in range(count):
            w = ring[side, i]
            if kind[w] >= kind[v]:
                e = max(quadric_error(q, points[w, 0], points[w, 1], points[w, 2]), 0.0) + state.errors[w]
                cost = e + LENGTH_SHARE * q[10] * squared_length(points, v, w)
                if cost < least:
                    best, least, error = w, cost, e
    return best, least, error


@njit(cache=True, nogil=True)
def sampled_costs(state: State, step: int) -> F64:
    """Cheapest costs of every step-th vertex that may go."""
    costs = np.empty(len(state.points) // step + 1)
    ring = np.empty((3, MOST_CORNERS), np.int32)
    found = 0
    for v in range(0, len(state.points), step):
        if state.head[v] >= 0 and state.kind[v] != FIXED:
            count = _gather(state, v, ring)
            if count > 0:
                costs[found] = _cheapest(state, v, ring, count)[1]
                found += 1
    return costs[:found]


@njit(cache=True, nogil=True, forceinline=True)
def _keeps_topology(state: State, v: int, w: int, ring: I32, count: int) -> bool:
    """The same as collapse.keeps_topology, over the gathered ring of v."""
    mark, faces = state.mark, state.faces
    near = state.counts[0] + 1
    across = near + 1
    state.counts[0] = across
    for i in range(count):
        mark[ring[1, i]] = mark[ring[2, i]] = near
    shared, corner = 0, False
    for i in range(count):
        if ring[1, i] == w or ring[2, i] == w:
            opposite = ring[2, i] if ring[1, i] == w else ring[1, i]
            mark[opposite] = across
            shared += 1
            if state.kind[opposite] != FREE:
                corner = True
            elif three_corners(state, opposite):
                return False
    mark[v] = mark[w] = across
    total = count
    h = state.head[w]
    while h >= 0:
        f, k = h // 3, h % 3
        total += 1
        if mark[faces[f, (k + 1) % 3]] == near or mark[faces[f, (k + 2) % 3]] == near:
            return False
        h = state.following[h]
    if shared == 0 or total <= 2 * shared:
        return False
    return state.kind[v] == FREE or (on_curve(state, v, w) and not (corner and closes_curve(state, v, w)))


@njit(cache=True, nogil=True, forceinline=True)
def _keeps_shape(state: State, v: int, w: int, ring: I32, count: int) -> bool:
    x, y, z = state.points[w, 0], state.points[w, 1], state.points[w, 2]
    for i in range(count):
        b, c = ring[1, i], ring[2, i]
        if b != w and c != w and turns(state.points, v, b, c, x, y, z):
            return False
    return True


@njit(cache=True, nogil=True, forceinline=True)
def _move_onto(state: State, v: int, w: int, ring: I32, count: int) -> int:
    """Give v's faces and quadric to w, drop the faces of their edge; how many went."""
    faces, wedges, following = state.faces, state.wedges, state.following
    gone = 0
    for i in range(count):
        h = ring[0, i]
        f, k = h // 3, h % 3
        if ring[1, i] == w or ring[2, i] == w:
            at = (k + 1) % 3 if ring[1, i] == w else (k + 2) % 3
            opposite = 3 - k - at
            old, new = wedges[f, k], wedges[f, at]
            unlink(state, w, 3 * f + at)
            unlink(state, faces[f, opposite], 3 * f + opposite)
            state.alive[f] = False
            gone += 1
            for j in range(count):
                g = ring[0, j]
                if wedges[g // 3, g % 3] == old:
                    wedges[g // 3, g % 3] = new
    for i in range(count):
        h = ring[0, i]
        if state.alive[h // 3]:
            faces[h // 3, h % 3] = w
            following[h] = state.head[w]
            state.head[w] = h
    state.head[v] = -1
    for i in range(TERMS):
        state.quadrics[w, i] += state.quadrics[v, i]
    return gone


@njit(cache=True, nogil=True)
def sweep(state: State, left: int, target: int, dearest: float, limit: float) -> int:
    """Visit every vertex once and collapse it onto its cheapest neighbour if that costs at most `dearest`; faces left.

    A vertex that took another in stays for this sweep, which spreads the collapses evenly.
    """
    taken = np.zeros(len(state.points), np.bool_)
    ring = np.empty((3, MOST_CORNERS), np.int32)
    for v in range(len(state.points)):
        if left <= target:
            break
        if state.head[v] < 0 or taken[v] or state.kind[v] == FIXED:
            continue
        count = _gather(state, v, ring)
        if count < 0:
            continue
        w, cost, error = _cheapest(state, v, ring, count)
        weight = state.quadrics[v, 10] + state.quadrics[w, 10]
        if w < 0 or cost > dearest or not stays_near(state, v, w, error, weight, limit):
            continue
        if _keeps_shape(state, v, w, ring, count) and _keeps_topology(state, v, w, ring, count):
            left -= _move_onto(state, v, w, ring, count)
            taken[w] = True
            record(state, w, v, error)
    return left
