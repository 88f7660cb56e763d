"""The check for closed surfaces says what the full count says, on whole, broken and random meshes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import F32, I32
from tasks.closed_surface import FEW, check_closed
from tasks.closed_surface import _same as same
from tasks.topology import topology
from tasks.watertight import remesh


@given(st.integers(0, 2**32 - 1), st.integers(4, 7), st.integers(1, 24))
@settings(max_examples=200, deadline=None)
def test_random_meshes_get_the_verdict_of_the_full_count(seed: int, vertices: int, faces: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(vertices, 3))
    triangles = np.stack([rng.permutation(vertices)[:3] for _ in range(faces)]).astype(np.int32)
    backed = np.concatenate([triangles, triangles[:, ::-1]])  # closed where no two share an edge
    for mesh in (triangles, backed, np.concatenate([triangles, triangles]), backed[:-1]):
        ours, full = check_closed(points, mesh), topology(points, mesh)
        assert (ours.unmatched == 0) == full.closed
        assert (ours.area, ours.volume) == pytest.approx((full.area, full.volume), abs=1e-12)


def surface() -> tuple[F32, I32]:
    """Two closed bodies by marching cubes."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 0, 0], [4, 0, 0], [3, 1, 0]], np.float64)
    made = remesh(points, np.array([[0, 1, 2], [0, 1, 3], [4, 5, 6]], np.int32), 64, faithful=False)
    return made.vertices, made.faces


def test_bodies_are_counted() -> None:
    vertices, faces = surface()
    found, full = check_closed(vertices, faces), topology(vertices, faces)
    assert (found.unmatched, found.components) == (0, 2) == (0, full.components)
    assert (found.area, found.volume) == pytest.approx((full.area, full.volume), rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["drop", "flip", "repeat", "tie", "collapse"]))
@settings(max_examples=50, deadline=None)
def test_one_broken_face_among_thousands_shows(seed: int, way: str) -> None:
    vertices, faces = surface()
    rng = np.random.default_rng(seed)
    f, broken = int(rng.integers(len(faces))), faces.copy()
    if way == "drop":
        broken = np.delete(broken, f, axis=0)
    elif way == "flip":
        broken[f] = broken[f, ::-1]
    elif way == "repeat":
        broken = np.concatenate([broken, broken[f : f + 1]])
    elif way == "tie":  # a corner hangs on another vertex
        broken[f, 0] = next(v for v in rng.permutation(len(vertices)) if v not in faces[f])
    else:
        broken[f, 1] = broken[f, 0]
    assert check_closed(vertices, broken).unmatched > 0


@given(st.lists(st.integers(0, 5), max_size=5), st.lists(st.integers(0, 5), max_size=5), st.integers(0, FEW))
@settings(max_examples=300, deadline=None)
def test_lists_are_the_same_when_each_number_is_in_both_once(ahead: list[int], behind: list[int], more: int) -> None:
    tail = list(range(10, 10 + more))
    verdict = same(np.array(ahead + tail, np.int32), np.array(behind + tail[::-1], np.int32))
    assert verdict == (sorted(ahead) == sorted(behind) and len(set(ahead)) == len(ahead))


def test_large_fans_are_sorted() -> None:
    count = 4 * FEW
    ring = np.arange(1, count + 1, dtype=np.int32)
    ahead = np.roll(ring, -1)
    fan = np.concatenate(
        [np.stack([np.zeros_like(ring), ring, ahead], 1), np.stack([ahead, ring, ring * 0 + count + 1], 1)]
    )
    angle = ring * 2 * np.pi / count
    points = np.concatenate([[[0, 0, 1]], np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1), [[0, 0, -1]]])
    assert check_closed(points, fan).unmatched == 0
    assert check_closed(points, fan).volume > 0
    assert check_closed(points, fan[:-1]).unmatched > 0
    fan[1] = fan[0]
    assert check_closed(points, fan).unmatched > 0


def test_nothing_is_closed_in_vain() -> None:
    found = check_closed(np.zeros((3, 3)), np.zeros((0, 3), np.int32))
    assert (found.unmatched, found.components, found.volume, found.area) == (0, 0, 0.0, 0.0)
