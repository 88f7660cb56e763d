"""The careful pass of simplification: edges collapse from cheap to dear, off a queue of buckets."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.collapse import collapse, keeps_shape, keeps_topology, place, squared_length, stays_near
from tasks.quadric import LENGTH_SHARE, TERMS
from tasks.shrinking import State
from tasks.topology import F64, I64

# Costs are sorted into eight buckets per power of two: within 12 % of the exact order at none of a heap's cache misses.
LOWEST_EXPONENT, BUCKETS_PER_OCTAVE, BUCKETS = -140, 8, 8 * 160


@njit(cache=True, nogil=True, forceinline=True)
def _bucket(cost: float) -> int:
    mantissa, exponent = math.frexp(cost)
    if cost <= 0.0 or exponent < LOWEST_EXPONENT:
        return 0
    return min((exponent - LOWEST_EXPONENT) * BUCKETS_PER_OCTAVE + int((mantissa - 0.5) * 16.0), BUCKETS - 1)


@njit(cache=True, nogil=True, forceinline=True)
def _push(entries: I32, bottom: I64, state: State, a: int, b: int, limit: float, out: F64) -> I32:
    """Queue an edge that stays within `limit`.

    bottom[BUCKETS] heads the free entries, bottom[BUCKETS + 1] counts used ones, bottom[BUCKETS + 2] is the lowest
    bucket in use.
    """
    error = place(state, a, b, out)
    if not stays_near(state, a, b, error, out[2 + TERMS], limit):
        return entries
    slot = bottom[BUCKETS]
    if slot >= 0:
        bottom[BUCKETS] = entries[slot, 3]
    else:
        slot = bottom[BUCKETS + 1]
        bottom[BUCKETS + 1] += 1
        if slot == len(entries):
            grown = np.empty((2 * len(entries), 4), np.int32)
            grown[: len(entries)] = entries
            entries = grown
    k = _bucket(error + LENGTH_SHARE * out[2 + TERMS] * squared_length(state.points, a, b))
    entries[slot, 0], entries[slot, 1], entries[slot, 2] = a, b, state.stamp[a] + state.stamp[b]
    entries[slot, 3] = bottom[k]
    bottom[k] = slot
    bottom[BUCKETS + 2] = min(bottom[BUCKETS + 2], k)
    return entries


@njit(cache=True, nogil=True)
def collapse_in_order(state: State, left: int, target: int, limit: float) -> int:
    """Collapse edges from cheap to dear until `target` of the `left` faces remain, or no queued edge may; what remains.

    Edges whose collapse would move the surface by more than about `limit` stay. An edge that may not collapse is
    forgotten until one of its ends changes; another pass queues it again.
    """
    entries = np.empty((left * 3 // 2 + 64, 4), np.int32)
    bottom = np.full(BUCKETS + 3, -1, np.int64)
    bottom[BUCKETS + 1], bottom[BUCKETS + 2] = 0, BUCKETS
    out = np.empty(3 + TERMS)
    faces, following = state.faces, state.following
    for f in range(len(faces)):
        if state.alive[f]:
            for k in range(3):
                a, b = faces[f, k], faces[f, (k + 1) % 3]
                if a < b or (state.kind[a] and state.kind[b]):
                    entries = _push(entries, bottom, state, a, b, limit, out)
    while left > target and bottom[BUCKETS + 2] < BUCKETS:
        k = bottom[BUCKETS + 2]
        slot = bottom[k]
        if slot < 0:
            bottom[BUCKETS + 2] += 1
            continue
        a, b, stamp = entries[slot, 0], entries[slot, 1], entries[slot, 2]
        bottom[k], entries[slot, 3] = entries[slot, 3], bottom[BUCKETS]
        bottom[BUCKETS] = slot
        if state.head[a] < 0 or state.head[b] < 0 or state.stamp[a] + state.stamp[b] != stamp:
            continue
        error = place(state, a, b, out)
        x, y, z = out[0], out[1], out[2]
        if not (
            keeps_topology(state, a, b) and keeps_shape(state, a, b, x, y, z) and keeps_shape(state, b, a, x, y, z)
        ):
            continue
        left -= collapse(state, a, b, x, y, z, error)
        h = state.head[a]
        while h >= 0:
            for step in (1, 2):
                v = faces[h // 3, (h % 3 + step) % 3]
                if step == 1 or state.kind[v]:
                    entries = _push(entries, bottom, state, a, v, limit, out)
            h = following[h]
    return left
