"""Overlap of a chart with itself: flips, double winding, crossing rims, and what only touches."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.uv_overlap import overlaps


def strip(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads between points 2i, 2i + 1 and the next pair, as two triangles each, with all rims."""
    count = len(points) // 2 - 1
    i = 2 * np.arange(count)
    faces = np.stack([np.stack([i, i + 1, i + 2], 1), np.stack([i + 2, i + 1, i + 3], 1)], axis=1).reshape(-1, 3)
    edges = {tuple(sorted((f[k], f[(k + 1) % 3]))): [] for f in faces for k in range(3)}
    for f, face in enumerate(faces):
        for k in range(3):
            edges[tuple(sorted((face[k], face[(k + 1) % 3])))].append(3 * f + k)
    rims = [halves[0] for halves in edges.values() if len(halves) == 1]
    return np.asarray(points, float), faces.astype(np.int32), np.array(rims, np.int32)


def ring(turns: float, rise: float, steps: int = 60) -> np.ndarray:
    """A strip of width one along a spiral that grows by `rise` a turn."""
    a = -np.linspace(0, 2 * np.pi * turns, steps)[:, None]
    radius = 3 - rise * a / (2 * np.pi)
    rays = np.concatenate([np.cos(a), np.sin(a)], axis=1)
    return np.stack([radius * rays, (radius + 1) * rays], axis=1).reshape(-1, 2)[:, ::-1]


@settings(deadline=None)
@given(st.floats(0.1, 3.0), st.sampled_from([0.2, 1.3]))
def test_a_spiral_overlaps_where_a_turn_rises_less_than_its_width(turns: float, rise: float) -> None:
    assert overlaps(*strip(ring(turns, rise))) == (rise < 1 and turns > 1.0)


def test_a_flipped_face_and_a_fan_wound_twice_overlap() -> None:
    square = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
    assert not overlaps(*strip(square))
    assert overlaps(*strip(square * [-1, 1]))
    around = np.linspace(0, 4 * np.pi, 13)[:-1]
    fan = np.concatenate(
        [[[0, 0]], np.stack([np.cos(around), np.sin(around)], 1) * (1 + 0.01 * np.arange(12))[:, None]]
    )
    i = np.arange(12)
    faces = np.stack([0 * i, 1 + i, 1 + (i + 1) % 12], axis=1).astype(np.int32)
    assert overlaps(fan, faces, (3 * i + 1).astype(np.int32))


def test_rims_may_touch_along_a_cut_but_not_lie_on_each_other() -> None:
    closed = ring(1.0, 0.0)
    closed[-2:] = closed[:2]
    assert not overlaps(*strip(closed))
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    twice = np.array([[0, 0], [1, 0], [0, 1]] * 2, float)
    assert overlaps(twice, faces, np.arange(6, dtype=np.int32))
