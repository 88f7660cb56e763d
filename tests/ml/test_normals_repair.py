"""Vertex normals and their repair: always unit, also where faces cancel out or are missing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ml.normals import repaired_normals, vertex_normals

COORDINATES = hnp.arrays(np.float32, (6, 3), elements=st.sampled_from([0.0, 1.0, -1.0, 1e-20, 1e15, 0.1]))
INDICES = hnp.arrays(np.int32, (5, 3), elements=st.integers(0, 5))


@settings(max_examples=200, deadline=None)
@given(COORDINATES, INDICES)
def test_every_normal_is_unit(vertices: np.ndarray, faces: np.ndarray) -> None:
    lengths = np.linalg.norm(vertex_normals(vertices, faces), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


def test_faces_that_cancel_out_leave_the_normal_of_one_of_them() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    normals = vertex_normals(corners, np.array([[0, 1, 2], [0, 2, 1]], np.int32))
    np.testing.assert_allclose(np.abs(normals), [[0, 0, 1]] * 3)


def test_only_wrong_normals_are_replaced() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    given_ = np.array([[0, 0, 0], [np.nan, 0, 0], [0, 3, 0]], np.float32)
    repaired = repaired_normals(given_, corners, np.array([[0, 1, 2]], np.int32))
    np.testing.assert_allclose(repaired, [[0, 0, 1], [0, 0, 1], [0, 1, 0]])
