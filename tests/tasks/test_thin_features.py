"""Thin features: known walls, rods and gaps come out in metres; what only looks thin does not."""

from __future__ import annotations

import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Part, make_part
from tests.tasks.measured import box, found, of


def test_a_box_is_as_thin_as_its_least_side() -> None:
    metrics = found("print.wall_m", box((0.05, 0.002, 0.04)))
    assert metrics["print.wall_m"] == pytest.approx(0.002)
    assert metrics["print.sealed_cavities"] == 0
    assert "print.gap_m" not in metrics


@given(st.floats(0.001, 0.01))
@settings(max_examples=10, deadline=None)
def test_a_rod_on_a_block_is_found(width: float) -> None:
    rod = of(trimesh.creation.cylinder(width / 2, 0.05, sections=32), y=0.11)
    metrics = found("print.wall_m", box(0.1), rod)
    assert metrics["print.wall_m"] == pytest.approx(width, rel=0.02)


@given(st.floats(0.0003, 0.01))
@settings(max_examples=10, deadline=None)
def test_the_gap_between_two_blocks_is_found(width: float) -> None:
    metrics = found("print.gap_m", box(0.1), box(0.1, x=0.1 + width))
    assert metrics["print.gap_m"] == pytest.approx(width, rel=0.01)


def test_a_plate_let_into_a_block_is_no_thin_wall() -> None:
    plate = box((0.02, 0.001, 0.02), y=0.0996)
    assert found("print.wall_m", box(0.1), plate)["print.wall_m"] > 0.01
    assert found("print.wall_m", box(0.1), box((0.02, 0.001, 0.02), y=0.2))["print.wall_m"] == pytest.approx(
        0.001, rel=1e-4
    )


def test_shares_of_the_surface_by_limit() -> None:
    metrics = found("print.thinner_0_8mm", box(0.1), box((0.2, 0.0005, 0.2), y=0.2))
    assert metrics["print.thinner_0_8mm"] == pytest.approx(0.08 / 0.14, rel=0.02)
    assert metrics["print.thinner_0_4mm"] == 0


def test_a_wedge_is_not_thin_for_its_edge() -> None:
    points = [[0, 0, 0], [0.1, 0, 0], [0.05, 0.1, 0], [0, 0, 0.1], [0.1, 0, 0.1], [0.05, 0.1, 0.1]]
    faces = [[0, 2, 1], [3, 4, 5], [0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4], [2, 0, 3], [2, 3, 5]]
    finer = trimesh.Trimesh(points, faces).subdivide().subdivide().subdivide()
    assert found("print.wall_m", of(finer))["print.wall_m"] > 0.05


def hollow() -> Part:
    outer, inner = trimesh.creation.icosphere(3, 0.05), trimesh.creation.icosphere(3, 0.049)
    inner.invert()
    return of(trimesh.util.concatenate([outer, inner]))


def test_a_hollow_ball_has_a_thin_wall_and_a_sealed_cavity() -> None:
    metrics = found("print.sealed_cavities", hollow())
    assert metrics["print.wall_m"] == pytest.approx(0.001, rel=0.05)
    assert metrics["print.sealed_cavities"] == 1


def test_an_open_mesh_has_no_walls() -> None:
    assert "print.wall_m" not in found("print.wall_m", box().with_faces(box().faces[1:]))
    assert "print.wall_m" not in found("print.wall_m", make_part([[0, 0, 0], [0, 0, 0], [1, 0, 0]], [[0, 1, 2]]))
