"""Farthest-point sampling is the greedy rule itself, whatever the points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from tasks.farthest_points import farthest_points


def replay(points: np.ndarray, picks: np.ndarray) -> None:
    """Each pick is as far from those before it as any point is, in the same float32 arithmetic; none comes twice."""
    low = points.min(axis=0)
    scaled = ((points - low) * (1.0 / max(float((points.max(axis=0) - low).max()), 1e-300))).astype(np.float32)
    distance = np.full(len(points), np.inf, np.float32)
    for pick in picks:
        assert distance[pick] == distance.max()
        d = scaled - scaled[pick]
        distance = np.minimum(distance, d[:, 0] * d[:, 0] + d[:, 1] * d[:, 1] + d[:, 2] * d[:, 2])
        distance[pick] = -1.0


@given(st.integers(0, 2**32), st.integers(1, 400), st.sampled_from(["volume", "surface", "grid", "line", "clusters"]))
@settings(max_examples=80, deadline=None)
def test_each_pick_is_the_farthest(seed: int, size: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(size, 3))
    if kind == "surface":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    elif kind == "grid":
        points = np.round(points)  # many equal points and equal distances
    elif kind == "line":
        points[:, 1:] = 0.0
    elif kind == "clusters":
        points = points * 1e-4 + random.integers(0, 2, (size, 3))
    count, start = int(random.integers(1, size + 1)), int(random.integers(size))
    picks = farthest_points(points, count, start)
    assert picks[0] == start
    assert len(np.unique(picks)) == count
    replay(points, picks)


def test_all_points_in_one_place() -> None:
    """Every box holds every pick, and still nothing is searched twice: a few ms, where all pairs would be 20 s."""
    picks = farthest_points(np.full((200_000, 3), 3.0), 100_000)
    assert len(np.unique(picks)) == 100_000


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_and_place_do_not_matter(scale: float) -> None:
    points = np.random.default_rng(1).integers(0, 1024, (500, 3)).astype(float)
    assert np.array_equal(farthest_points(points * scale, 100), farthest_points(points, 100))


@pytest.mark.parametrize(
    ("points", "count", "start", "code"),
    [
        (np.zeros((0, 3)), 1, 0, "sampling.bad-count"),
        (np.zeros((4, 3)), 5, 0, "sampling.bad-count"),
        (np.zeros((4, 3)), 0, 0, "sampling.bad-count"),
        (np.zeros((4, 3)), 1, 4, "sampling.bad-count"),
        (np.array([[0, 0, 0], [0, np.nan, 0]]), 1, 0, "mesh.not-finite"),
        (np.array([[0, 0, 0], [0, np.inf, 0]]), 1, 0, "mesh.not-finite"),
    ],
)
def test_what_cannot_be_chosen_is_refused(points: np.ndarray, count: int, start: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        farthest_points(points, count, start)
    assert caught.value.code == code
