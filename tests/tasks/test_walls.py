"""Wall thickness of boxes, spheres and tubes, whose walls are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.walls import Walls, walls


def measured(*meshes: trimesh.Trimesh, scale: float = 1.0, turn: np.ndarray | None = None) -> Walls:
    mesh = trimesh.util.concatenate(meshes)
    points = np.asarray(mesh.vertices) * scale
    return walls(points if turn is None else points @ turn, mesh.faces.astype(np.int32))


def inverted(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    mesh.invert()
    return mesh


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30]))
@settings(max_examples=20, deadline=None)
def test_a_box_is_as_thick_as_its_sides(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    sides = rng.uniform(0.1, 3.0, 3)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn[:, 0] *= np.linalg.det(turn)
    box = trimesh.creation.box(sides)
    found = measured(box, scale=scale, turn=turn if rng.random() < 0.7 else None)
    axis = np.abs(box.face_normals).argmax(axis=1)
    assert found.thickness / scale == pytest.approx(sides[axis])
    assert found.minimum == pytest.approx(sides.min() * scale)
    assert axis[found.face] == sides.argmin()


def test_a_ball_and_a_hollow_one() -> None:
    ball = trimesh.creation.icosphere(4, 1.0)
    assert measured(ball).thickness == pytest.approx(2.0, rel=0.01)
    shell = measured(ball, inverted(trimesh.creation.icosphere(4, 0.9)))
    assert shell.thickness == pytest.approx(0.1, rel=0.05)


def test_a_tube_has_its_wall_and_its_length() -> None:
    tube = trimesh.creation.annulus(0.8, 1.0, 5.0, sections=128)
    found = measured(tube)
    assert found.minimum == pytest.approx(0.2, rel=0.01)
    upward = np.abs(tube.face_normals[:, 2]) > 0.9
    assert found.thickness[upward] == pytest.approx(5.0)
    assert found.thickness[~upward] == pytest.approx(0.2, rel=0.02)


def test_rays_through_edges_and_corners_do_not_leak() -> None:
    """Over a grid whose two sides share their vertices exactly, many rays meet an edge of the other side."""
    n = 9
    i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    flat = np.stack([3.0 * i, 3.0 * j, 0 * i], axis=-1).reshape(-1, 3)
    a = (i[:-1, :-1] * n + j[:-1, :-1]).ravel()
    top = np.concatenate([np.stack([a, a + n, a + n + 1], 1), np.stack([a, a + n + 1, a + 1], 1)])
    below = flat - [1.0, 1.0, 2.0]  # centres of the one side lie over edges of the other
    found = walls(np.concatenate([flat, below]), np.concatenate([top, top[:, ::-1] + n * n]).astype(np.int32))
    inner = (flat[top].mean(axis=1)[:, :2] < 3.0 * (n - 1) - 1.0).all(axis=1)
    assert found.thickness[: len(top)][inner] == pytest.approx(2.0)


def test_open_and_inside_out_meshes_have_no_wall() -> None:
    box = trimesh.creation.box((1, 1, 1))
    for mesh in (inverted(box.copy()), trimesh.Trimesh(box.vertices, box.faces[:1], process=False)):
        found = measured(mesh)
        assert (found.minimum, found.face) == (np.inf, -1)
    assert walls(np.zeros((0, 3)), np.zeros((0, 3), np.int32)).face == -1
