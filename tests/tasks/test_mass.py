"""Mass properties against closed forms and trimesh, anywhere and at any scale."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mass import mass_properties

BOX = trimesh.creation.box((1.0, 2.0, 3.0))
F = BOX.faces.astype(np.int32)


def test_a_box_of_aluminium() -> None:
    solid = mass_properties(BOX.vertices + np.array([10.0, 20.0, 30.0]), F, 2700.0)
    assert solid is not None
    assert solid.volume == pytest.approx(6.0)
    assert solid.mass == pytest.approx(16200.0)
    assert solid.center == pytest.approx([10.0, 20.0, 30.0])
    assert solid.inertia == pytest.approx(16200.0 / 12 * np.diag([4 + 9, 1 + 9, 1 + 4]), abs=1e-8)


def test_a_tetrahedron_and_its_inside_out_twin() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    for turned in (faces, faces[:, ::-1]):
        solid = mass_properties(points, turned, 6.0)  # mass 1; about the centre: 3/80 along, 1/80 across
        assert solid is not None
        assert solid.inertia == pytest.approx(np.full((3, 3), 1 / 80) + np.eye(3) * (6 / 80 - 1 / 80))
        assert solid.center == pytest.approx([0.25] * 3)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e30]))
@settings(max_examples=40, deadline=None)
def test_turning_moving_and_scaling_agree_with_trimesh(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    shape = trimesh.creation.torus(1.0, 0.3, 12, 8)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    points = shape.vertices * rng.uniform(0.5, 2.0, 3) @ turn + rng.uniform(-5, 5, 3)
    solid = mass_properties(points * scale, shape.faces.astype(np.int32), 7.0)
    peer = trimesh.Trimesh(points, shape.faces if np.linalg.det(turn) > 0 else shape.faces[:, ::-1], process=False)
    assert solid is not None
    assert solid.volume == pytest.approx(peer.volume * scale**3)
    assert solid.center == pytest.approx(peer.center_mass * scale, rel=1e-9, abs=1e-9 * scale)
    assert solid.inertia / scale**5 == pytest.approx(7.0 * peer.moment_inertia, rel=1e-7, abs=1e-7)


def test_nothing_enclosed_has_no_mass() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.3]], float)
    assert mass_properties(points, np.array([[0, 1, 2], [0, 2, 1]], np.int32)) is None
    assert mass_properties(points, np.zeros((0, 3), np.int32)) is None
