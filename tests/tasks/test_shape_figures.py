"""Figures of shapes whose answer is known: spheres, boxes and what is missing from them."""

from dataclasses import astuple

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from tasks.shape_body import Body, make_body, uniform_looks
from tasks.shape_figures import match, volume_iou

GREY = (0.5, 0.5, 0.5, 0.6, 0.0, 0.0, 0.0, 0.0)


def body(mesh: trimesh.Trimesh, looks: tuple[float, ...] = GREY) -> Body:
    """A trimesh as it is, in no frame but its own."""
    return Body(np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int32), uniform_looks(looks))


def box(*sides: float) -> trimesh.Trimesh:
    return trimesh.creation.box(sides)


@pytest.fixture(scope="module")
def sphere() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(5)


def test_a_shape_matches_itself(sphere: trimesh.Trimesh) -> None:
    found = match(body(sphere), body(sphere))
    assert astuple(found) == pytest.approx((1.0, 0.0, 1.0, 1.0, 58.92, 58.92), abs=1e-2)


@settings(deadline=None, max_examples=8)
@given(st.floats(0.5, 0.97))
def test_spheres_inside_each_other_answer_by_formula(radius: float) -> None:
    outer = trimesh.creation.icosphere(4)
    inner = outer.copy()
    inner.apply_scale(radius)
    found = match(body(outer), body(inner))
    apart = (1.0 - radius) / np.sqrt(3.0)
    assert found.iou == pytest.approx(radius**3, abs=0.01)
    assert found.chamfer == pytest.approx(apart, rel=0.01)
    assert found.normals == pytest.approx(1.0, abs=2e-3)
    assert found.f_score == pytest.approx(1.0 if apart < 0.0198 else 0.0 if apart > 0.0202 else found.f_score)


@settings(deadline=None, max_examples=8)
@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0))
def test_boxes_overlap_by_their_sides(width: float, height: float) -> None:
    assert volume_iou(body(box(2, 2, 2)), body(box(2 * width, 2 * height, 2)), 100_000) == pytest.approx(
        width * height, abs=0.01
    )


def test_a_lost_part_costs_recall_and_one_too_many_precision() -> None:
    """Half the surface is 1 away: F = 2·½·1 / (½ + 1)."""
    left, right = box(1, 1, 1), box(1, 1, 1)
    right.apply_translation((1.7, 0, 0))
    both = trimesh.util.concatenate([left, right])
    assert match(body(both), body(left)).f_score == pytest.approx(2 / 3, abs=0.01)
    assert match(body(left), body(both)).f_score == pytest.approx(2 / 3, abs=0.01)
    assert match(body(both), body(left)).iou == pytest.approx(0.5, abs=0.01)


def test_looks_are_compared_in_decibels(sphere: trimesh.Trimesh) -> None:
    darker = (0.4, 0.4, 0.4, *GREY[3:])
    found = match(body(sphere), body(sphere, darker))
    assert found.albedo_psnr == pytest.approx(20.0, abs=0.01)
    assert found.looks_psnr == pytest.approx(-10 * np.log10(3 * 0.01 / 8), abs=0.01)


def test_a_body_is_centred_scaled_and_never_empty() -> None:
    mesh = box(4, 2, 1)
    mesh.apply_translation((7, 8, 9))
    made = make_body(np.concatenate([mesh.vertices, [[99, 99, 99]]]), np.asarray(mesh.faces), uniform_looks(GREY))
    assert made.extents == pytest.approx((1.0, 0.5, 0.25))
    assert np.abs(made.boxed).max() == pytest.approx(1.0)
    with pytest.raises(InputError, match="no surface"):
        make_body(np.zeros((0, 3)), np.zeros((0, 3), np.int32), uniform_looks(GREY))
    with pytest.raises(InputError, match="NaN"):
        make_body(np.full((3, 3), np.nan), np.array([[0, 1, 2]]), uniform_looks(GREY))
