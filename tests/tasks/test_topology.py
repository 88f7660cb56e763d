"""The counting kernels against shapes whose numbers are known, and against plain numpy on random soups."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.topology import degenerate_faces, duplicate_faces, face_components, half_edges, topology, weld

BOX = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float32)
BOX_FACES = np.array(
    [0, 2, 3, 0, 3, 1, 4, 5, 7, 4, 7, 6, 0, 1, 5, 0, 5, 4, 2, 6, 7, 2, 7, 3, 0, 4, 6, 0, 6, 2, 1, 3, 7, 1, 7, 5],
    np.int32,
).reshape(-1, 3)


def soup(seed: int, vertices: int, faces: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, vertices, (faces, 3)).astype(np.int32)


def test_box_is_closed_with_unit_volume_anywhere() -> None:
    for shift in (0.0, 1000.0):
        found = topology(BOX + np.float32(shift), BOX_FACES)
        assert found.closed
        assert (found.components, found.euler, found.boundary_edges, found.degenerate_faces) == (1, 2, 0, 0)
        assert found.volume == pytest.approx(1.0, abs=1e-12)
        assert found.area == pytest.approx(6.0)


def test_missing_flipped_and_repeated_faces_are_counted() -> None:
    open_box = topology(BOX, BOX_FACES[1:])
    assert (open_box.boundary_edges, open_box.closed, open_box.euler) == (3, False, 1)
    flipped = BOX_FACES.copy()
    flipped[0] = flipped[0, ::-1]
    assert topology(BOX, flipped).inconsistent_edges == 3
    repeated = np.concatenate([BOX_FACES, BOX_FACES[:1, [1, 2, 0]], BOX_FACES[1:2, ::-1], [[4, 4, 5]]]).astype(np.int32)
    found = topology(BOX, repeated)
    assert (found.duplicate_faces, found.nonmanifold_edges, found.degenerate_faces) == (1, 5, 1)


def test_components_join_over_edges_not_corners() -> None:
    two = np.concatenate([BOX_FACES, BOX_FACES + 7]).astype(np.int32)  # they share vertex 7 alone
    points = np.concatenate([BOX, BOX[1:] + 1])
    assert topology(points, two).components == 2
    assert topology(np.zeros((0, 3)), np.zeros((0, 3), np.int32)).components == 0


def test_flat_faces_are_relative_to_their_size() -> None:
    for scale in (1e-6, 1.0, 1e6):
        points = np.array([[0, 0, 0], [1, 0, 0], [0.5, 1e-3, 0], [0.5, 1e-8, 0]]) * scale
        assert degenerate_faces(points, np.array([[0, 1, 2], [0, 1, 3], [0, 0, 1]], np.int32)).tolist() == [
            False,
            True,
            True,
        ]


def test_weld_merges_positions_and_keeps_order() -> None:
    split = BOX[BOX_FACES].reshape(-1, 3)
    faces = np.arange(len(split), dtype=np.int32).reshape(-1, 3)
    vertices, welded, inverse = weld(split, faces)
    assert vertices.dtype == np.float32
    assert len(vertices) == 8
    assert np.array_equal(vertices[inverse], split)
    assert topology(vertices, welded).closed
    assert len(weld(np.array([[0.0, 0, 0], [-0.0, 0, 0]]), np.zeros((0, 3), np.int32))[0]) == 1


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=30, deadline=None)
def test_weld_tolerance_finds_every_neighbour(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(-3, 4, (40, 3)) * scale
    noisy = np.repeat(corners, 4, axis=0) + rng.uniform(-0.02, 0.02, (160, 3)) * scale
    vertices, _, inverse = weld(noisy, np.zeros((0, 3), np.int32), 0.1 * scale)
    assert len(vertices) == len(np.unique(corners, axis=0))
    assert np.abs(vertices[inverse] - noisy).max() <= 0.1 * scale


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_counts_match_plain_numpy(seed: int, vertices: int, count: int) -> None:
    faces = soup(seed, vertices, count)
    points = np.random.default_rng(seed).normal(size=(vertices, 3))
    found = topology(points, faces)
    ok = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    pairs = np.concatenate([faces[ok][:, [i, (i + 1) % 3]] for i in range(3)]) if ok.any() else np.zeros((0, 2))
    lengths = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)[1]
    assert found.boundary_edges == (lengths == 1).sum()
    assert found.nonmanifold_edges == (lengths > 2).sum()
    turned = np.array([np.roll(face, -int(np.argmin(face))) for face in faces]).reshape(-1, 3)
    if found.nonmanifold_edges + found.inconsistent_edges:
        assert duplicate_faces(faces).sum() == len(faces) - len(np.unique(turned, axis=0))
    offsets, halves = half_edges(faces, vertices)
    assert sorted(halves) == [3 * f + k for f in np.flatnonzero(ok) for k in range(3)]
    labels = face_components(faces, offsets, halves)
    for first, last in pairwise(offsets):
        assert len(set(labels[halves[first:last] // 3])) == 1
