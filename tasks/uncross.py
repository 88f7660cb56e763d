"""Faces that a fit has pushed through each other, smoothed apart again."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.self_intersections import self_intersections
from tasks.topology import F64, I64, Bool

ROUNDS = 12  # each takes in a ring of faces more


def uncross(points: F64, faces: I32, movable: Bool, allowed: int) -> F64:
    """Points (n, 3), in float32's digits, whose crossing faces are smoothed until at most `allowed` pairs cross.

    Only `movable` (n,) vertices move, to the middle of their neighbours, those of crossing faces and in round k those
    up to k edges around them.
    """
    moved = points.copy()
    for ring in range(ROUNDS):
        crossing = self_intersections(moved, faces)
        if len(crossing.pairs) <= allowed:
            break
        chosen = np.zeros(len(points), np.bool_)
        chosen[faces[crossing.faces]] = True
        for _ in range(ring):
            chosen[faces[chosen[faces].any(axis=1)]] = True
        _smooth(moved, faces, np.flatnonzero(chosen & movable), 2 + ring)
        moved = moved.astype(np.float32).astype(np.float64)
    return moved


@njit(cache=True, nogil=True)
def neighbour_sums(points: F64, faces: I32) -> tuple[F64, F64]:
    """(n, 3) sums of the places of each vertex' neighbours on a closed surface, and (n,) how many there are."""
    summed, count = np.zeros_like(points), np.zeros(len(points))
    for f in range(len(faces)):
        for k in range(3):
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            count[a] += 1.0
            for axis in range(3):
                summed[a, axis] += points[b, axis]
    return summed, count


@njit(cache=True, nogil=True)
def _smooth(points: F64, faces: I32, chosen: I64, times: int) -> None:
    """Move chosen vertices to the middle of their neighbours, `times` over."""
    for _ in range(times):
        summed, count = neighbour_sums(points, faces)
        for v in chosen:
            for axis in range(3):
                points[v, axis] = summed[v, axis] / count[v]
