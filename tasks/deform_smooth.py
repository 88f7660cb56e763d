"""Smoothing of a region by Taubin's filter, which does not shrink it; what lies outside and open rims stay."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32, I32, Asset
from tasks.bodies import find_bodies
from tasks.topology import F64, half_edges

# Taubin, "A signal processing approach to fair surface design", SIGGRAPH 1995: a step λ inward, a step μ outward, with
# a pass band of 1/λ + 1/μ = 0.1. The weights are uniform (the umbrella operator).
SHRINK, GROW = 0.5, -0.526
ROUNDS = 10


def smoothed(asset: Asset, weights: list[F32], amount: float) -> list[F32]:
    """New vertices after `amount` · ROUNDS rounds, each vertex moved by its weight's share; raises `mesh.no-faces`."""
    bodies = find_bodies(asset)
    share = np.zeros(len(bodies.points))
    for at, weight in zip(bodies.vertex, weights, strict=True):
        np.maximum.at(share, at, weight)
    offsets, halves = half_edges(bodies.faces, len(bodies.points))
    first, second = _ends(bodies.faces, offsets, halves)
    fixed = np.zeros(len(bodies.points), np.bool_)
    rims = np.diff(offsets) != 2
    fixed[first[rims]] = fixed[second[rims]] = True
    share[fixed] = 0.0
    moved = _filtered(bodies.points, first, second, share, round(amount * ROUNDS))
    result = []
    for part, at in zip(asset.parts, bodies.vertex, strict=True):
        vertices, own = part.vertices.copy(), share[at] > 0.0
        vertices[own] = moved[at[own]].astype(np.float32)
        result.append(vertices)
    return result


@njit(cache=True, nogil=True)
def _ends(faces: I32, offsets: I32, halves: I32) -> tuple[I32, I32]:
    """Both ends of each edge."""
    first, second = np.empty(len(offsets) - 1, np.int32), np.empty(len(offsets) - 1, np.int32)
    for e in range(len(first)):
        h = halves[offsets[e]]
        first[e], second[e] = faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3]
    return first, second


@njit(cache=True, nogil=True)
def _filtered(points: F64, first: I32, second: I32, share: F64, rounds: int) -> F64:
    moved = points.copy()
    for turn in range(2 * rounds):
        step = SHRINK if turn % 2 == 0 else GROW
        total, count = np.zeros_like(moved), np.zeros(len(moved))
        for e in range(len(first)):
            a, b = first[e], second[e]
            for k in range(3):
                total[a, k] += moved[b, k]
                total[b, k] += moved[a, k]
            count[a] += 1.0
            count[b] += 1.0
        for i in range(len(moved)):
            if share[i] > 0.0 and count[i] > 0.0:
                for k in range(3):
                    moved[i, k] += step * share[i] * (total[i, k] / count[i] - moved[i, k])
    return moved
