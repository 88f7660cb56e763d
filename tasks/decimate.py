"""Decimation: a fast pass down to some multiple of the target, then careful ones that start afresh now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ml.asset import I32
from tasks.collapse_queue import collapse_in_order
from tasks.collapse_sweep import sampled_costs, sweep
from tasks.morton import morton_order
from tasks.shrinking import State, restarted, shrinking
from tasks.topology import F64, I64, duplicate_faces

# The fast pass stops at this multiple of the target. From 200k to 20k faces 4 gives 4 % less mean error for 40 % more
# CPU, 2.5 another 2 % more for 12 % less.
FAST_FACTOR = 3.0
# The same for the first of several levels: pictures of 8,000 of 20,000 faces are as near at 2 as at 3 (0.93 % and
# 0.96 %, 1.88 % and 1.84 %) for 12 % less CPU, at 1.2 they are not (2.15 %).
CHAIN_FACTOR = 2.0
# Each sweep takes what costs less than this quantile of all vertices' cheapest collapses: 0.5 costs a quarter more and
# gives 1 to 2 % less error.
SWEEP_QUANTILE = 0.7
SWEEP_SAMPLE = 8192  # vertices that tell the quantile
# Quadrics are made anew whenever the mesh has shrunk by this factor: mean error 8 % below that of one start after the
# fast pass (1M to 20k faces: 5.8e-4 against 6.25e-4 on [-1, 1]; never afresh 6.9e-4), for 0.03 s.
RESTART_FACTOR = 2.0**0.5
SCATTERED = 0.02  # of the vertex count: where edges span more, vertices are renumbered along a curve through space
NO_LIMIT = 1e30  # of the distance


class Decimated(NamedTuple):
    """What is left of a mesh."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    wedges: I32  # (m, 3) into values
    values: F64  # (w, d)
    origin: I32  # (m,) the face that it was


def collapse_edges(
    points: F64, faces: I32, wedges: I32, values: F64, target: int, limit: float = NO_LIMIT
) -> Decimated:
    """At most `target` of the faces (m, 3) over points (n, 3), where possible, by quadric-error edge collapse.

    An edge collapses to the point of least quadric error (Garland & Heckbert 1997) unless that would change the
    topology (see collapse.keeps_topology), turn a face by more than MIN_COSINE allows, make a sliver, or move the
    surface by more than about `limit`, in the unit of the points. What is left above the target is held by those alone.
    Borders, non-manifold edges and seams, which are edges across which `wedges` (m, 3) differ, keep their place and
    may collapse along themselves; where they end or meet, vertices stay. `values` (w, d) are the wedges' attributes,
    interpolated along collapsed edges (Hoppe 1999).
    """
    return collapse_levels(points, faces, wedges, values, [(target, limit)])[0]


def collapse_levels(
    points: F64, faces: I32, wedges: I32, values: F64, goals: Sequence[tuple[int, float]]
) -> list[Decimated]:
    """The mesh after each of `goals` in one run of collapses: falling targets, each with the limit on the way to it.

    Everything as in `collapse_edges`. The fast pass stops above the first target, so that every level is a careful one.
    """
    first_factor = FAST_FACTOR if len(goals) == 1 else CHAIN_FACTOR
    low, size = _frame(points, faces)
    scaled = (points - low) / size
    order = _scattered_order(scaled, faces)
    by_vertex: I64 | None = None
    if order is None:
        state = shrinking(scaled, faces, wedges, values.copy())
    else:
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order))
        by_vertex = np.argsort(rank[faces].min(axis=1), kind="stable")
        state = shrinking(scaled[order], rank[faces[by_vertex]], wedges[by_vertex], values.copy())
    levels = []
    for target, limit in goals:
        state = shrunk(state, target, limit / size, first_factor * goals[0][0])
        levels.append(_snapshot(state, by_vertex, low, size))
    return levels


def _frame(points: F64, faces: I32) -> tuple[F64, float]:
    """Low corner and longest side of what faces use: quadrics want coordinates of order one."""
    used = np.zeros(len(points), np.bool_)
    used[faces] = True
    low, high = (np.array([extreme(points[used, k]) for k in range(3)]) for extreme in (np.min, np.max))
    return low, float((high - low).max())


def _snapshot(state: State, by_vertex: I64 | None, low: F64, size: float) -> Decimated:
    """What is left in the unit of the input, every array a copy."""
    used = np.flatnonzero(state.head >= 0)
    position = np.zeros(len(state.head), np.int32)
    position[used] = np.arange(len(used))
    left = position[state.faces[state.alive]]
    unique = ~duplicate_faces(left)  # a wrongly wound body can shrink to two equal faces
    kept = np.flatnonzero(state.alive)[unique]
    origin = state.origin[kept]
    origin = origin if by_vertex is None else by_vertex[origin].astype(np.int32)
    return Decimated(state.points[used] * size + low, left[unique], state.wedges[kept], state.values.copy(), origin)


def collapse_sequence(points: F64, faces: I32, targets: list[int]) -> tuple[I32, F64]:
    """The collapses of one run through falling `targets`: kept and removed vertex (c, 2), new place of the kept (c, 3).

    The fast pass stops above the first target, so that every level is a careful one. Points and faces as in
    `collapse_edges`.
    """
    state = shrinking(points, faces, faces, np.zeros((len(points), 0)), logged=True)
    for target in targets:
        state = shrunk(state, target, NO_LIMIT, FAST_FACTOR * targets[0])
    count = int(state.counts[1])
    return state.log[:count], state.places[:count]


def shrunk(state: State, target: int, limit: float, fast_target: float) -> State:
    """The state after collapses down to `target` faces, the fast ones down to `fast_target` only."""
    stage = int(fast_target)
    left = before = started = int(state.alive.sum())
    while left > stage:
        dearest = _dearest(state)
        before, left = left, sweep(state, left, stage, dearest, 0.25 * limit)
        if left < started / 2:
            state, started = restarted(state), left
        if left > 0.9 * before:
            break
    while left > target:
        goal = int(left / RESTART_FACTOR)
        goal = target if goal < 1.1 * target else goal
        if left < started:
            state, started = restarted(state), left
        before, left = left, collapse_in_order(state, left, goal, limit)
        if left > 0.98 * before:
            break
    return state


def _dearest(state: State) -> float:
    costs = sampled_costs(state, max(1, len(state.points) // SWEEP_SAMPLE))
    costs = costs[np.isfinite(costs)]
    return float(np.quantile(costs, SWEEP_QUANTILE)) if len(costs) else 0.0


def _scattered_order(points: F64, faces: I32) -> I32 | I64 | None:
    """Vertices along a Morton curve, where the order given jumps about: 5 times the time on 1M faces at random."""
    sample = faces[:: max(1, len(faces) // 1000)]
    span = np.median(np.abs(sample[:, 0] - sample[:, 1])) if len(sample) else 0
    return morton_order(points) if len(points) > 10_000 and span > SCATTERED * len(points) else None
