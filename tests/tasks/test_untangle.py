"""Moved surfaces neither turn over nor cross themselves; crossings are told from touching neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks.untangle as module
from ml.asset import I32
from tasks.crossings import mark_crossing
from tasks.self_intersections import self_intersections
from tasks.topology import F64
from tasks.watertight import remesh

GRID = ((2, 2, 2), np.arange(8, dtype=np.int32))


def crossing(points: F64, faces: I32) -> int:
    """Corners marked when the first face is in question."""
    bad = np.zeros(len(points), np.bool_)
    looks = np.zeros(len(faces), np.uint16)
    blocks = np.array([0, *[len(faces)] * 8], np.int32)
    mark_crossing(points, faces, blocks, np.zeros(1, np.int32), looks, 16.0, GRID, bad)
    return int(bad.sum())


def test_only_crossing_faces_are_marked() -> None:
    low = [[4, 4, 4], [6, 4, 4], [4, 6, 4], [4.5, 4.5, 3], [4.5, 4.5, 5], [7, 7, 4], [5, 4.5, 6]]
    flat = np.array([*low, [4.5, 4.5, 4], [7, 5, 4], [5, 7, 4]], np.float64)
    assert crossing(flat, np.array([[0, 1, 2], [3, 4, 5]], np.int32)) == 6  # a side through the face
    assert crossing(flat, np.array([[0, 1, 2], [0, 3, 4]], np.int32)) == 5  # and with a corner in common
    assert crossing(flat, np.array([[0, 1, 2], [2, 1, 4]], np.int32)) == 0  # neighbours over an edge
    assert crossing(flat, np.array([[0, 1, 2], [1, 5, 2]], np.int32)) == 0  # in one plane
    assert crossing(flat, np.array([[0, 1, 2], [7, 8, 9]], np.int32)) == 6  # in one plane, one over the other
    assert crossing(flat, np.array([[0, 1, 2], [1, 2, 7]], np.int32)) == 4  # and folded over an edge
    assert crossing(flat, np.array([[0, 1, 2], [4, 5, 6]], np.int32)) == 0  # above
    assert crossing(flat, np.array([[0, 1, 2], [1, 4, 5]], np.int32)) == 0  # over one corner


def sheets(seed: int) -> tuple[F64, I32]:
    """Large triangles at random: sheets, sharp rims, crossing lines and deep creases, all that moving can tangle."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (3 * int(rng.integers(1, 20)), 3)) * rng.choice([0.1, 1.0], 3)
    return points, np.arange(len(points), dtype=np.int32).reshape(-1, 3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_faithful_surfaces_do_not_cross_themselves(seed: int) -> None:
    made = remesh(*sheets(seed), 64, faithful=True)
    assert not self_intersections(made.vertices.astype(np.float64), made.faces).faces.any()


def test_without_the_guard_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mark_crossing", lambda *given: None)
    made = [remesh(*sheets(seed), 64, faithful=True) for seed in range(5)]
    assert any(self_intersections(m.vertices.astype(np.float64), m.faces).faces.any() for m in made)
