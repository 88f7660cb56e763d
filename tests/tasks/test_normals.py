"""Angle-weighted normals do not depend on the triangulation, and hard edges split where the angle says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Part, make_part
from tasks.normals import split_hard_edges

BOX = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float32)
BOX_FACES = np.array(
    [0, 2, 3, 0, 3, 1, 4, 5, 7, 4, 7, 6, 0, 1, 5, 0, 5, 4, 2, 6, 7, 2, 7, 3, 0, 4, 6, 0, 6, 2, 1, 3, 7, 1, 7, 5],
    np.int32,
).reshape(-1, 3)


def tube(sides: int = 16, scale: float = 1.0) -> Part:
    """An open prism around Y with a UV seam: its first and last columns share positions but not indices."""
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([np.sin(turn), np.zeros_like(turn), np.cos(turn)], axis=1)
    ring[-1] = ring[0]
    vertices = np.concatenate([ring, ring + np.array([0, 1, 0])]) * scale
    i = np.arange(sides)
    low, high = np.stack([i, i + 1, i + sides + 2], axis=1), np.stack([i, i + sides + 2, i + sides + 1], axis=1)
    uv = np.stack([np.tile(turn, 2), np.repeat([0.0, 1.0], sides + 1)], axis=1).astype(np.float32)
    return make_part(vertices, np.concatenate([low, high]), uv=uv)


def test_no_normal_is_ever_zero() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5], [2, 0, 0]], np.float32)
    card = np.array([[0, 1, 2], [0, 2, 1], [0, 1, 4], [3, 3, 3]], np.int32)
    normals = split_hard_edges(make_part(vertices, card), 180.0).normals
    assert normals is not None
    assert np.allclose(np.linalg.norm(normals, axis=1), 1.0)
    assert np.array_equal(normals[3], [0, 1, 0])


def test_hard_box_is_flat_shaded_and_soft_box_untouched() -> None:
    box = make_part(BOX, BOX_FACES)
    hard = split_hard_edges(box, 30.0)
    assert len(hard.vertices) == 24
    assert hard.normals is not None
    face_normals = np.cross(*(hard.vertices[hard.faces[:, k]] - hard.vertices[hard.faces[:, 0]] for k in (1, 2)))
    for corner in range(3):
        assert np.allclose(hard.normals[hard.faces[:, corner]], face_normals)
    assert np.array_equal(hard.vertices[hard.faces], box.vertices[box.faces])
    soft = split_hard_edges(box, 91.0)
    assert np.array_equal(soft.faces, box.faces)
    assert soft.normals is not None
    assert np.allclose(soft.normals, (BOX * 2 - 1) / np.sqrt(3), atol=1e-6)  # area weighting would lean to some sides


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_smooth_shading_crosses_the_uv_seam(scale: float) -> None:
    part = tube(scale=scale)
    smooth = split_hard_edges(part, 30.0)
    assert smooth.normals is not None
    assert smooth.uv is not None
    assert len(smooth.vertices) == len(part.vertices)
    radial = part.vertices * [1, 0, 1] / np.linalg.norm(part.vertices * [1, 0, 1], axis=1, keepdims=True)
    assert np.allclose(smooth.normals, radial, atol=1e-3)
    faceted = split_hard_edges(part, 20.0)  # the sides meet at 22.5°
    assert len(faceted.vertices) == 4 * 16
    assert faceted.uv is not None
    assert np.array_equal(faceted.uv[faceted.faces], part.uv[part.faces])  # type: ignore[index]


@given(st.integers(0, 2**32 - 1), st.integers(3, 20), st.integers(0, 40), st.floats(0, 180))
@settings(max_examples=60, deadline=None)
def test_any_soup_keeps_its_triangles_and_gets_unit_normals(seed: int, count: int, faces: int, angle: float) -> None:
    rng = np.random.default_rng(seed)
    part = make_part(rng.integers(-2, 3, (count, 3)), rng.integers(0, count, (faces, 3)))
    split = split_hard_edges(part, angle)
    assert split.normals is not None
    assert np.array_equal(split.vertices[split.faces], part.vertices[part.faces])
    assert np.allclose(np.linalg.norm(split.normals, axis=1), 1.0, atol=1e-5)
