"""Detail: relief within its limit, closed stays closed, maps and regions are kept, and no faces come to cross."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Texture, make_part
from ml.residual.field import fit_field
from tasks.chart_maps import chart_maps
from tasks.detail import LIMIT, DetailOptions, detail, displaced
from tasks.quarter import quartered
from tasks.self_intersections import self_intersections
from tasks.topology import topology, weld
from tasks.unwrap import UnwrapOptions, unwrap


def ball(level: int = 3) -> Asset:
    mesh = trimesh.creation.icosphere(level, 0.5)
    return Asset((make_part(mesh.vertices + 3.0, mesh.faces, Material(roughness=0.25)),))


def welded(asset: Asset) -> tuple[np.ndarray, np.ndarray]:
    points, faces, _ = weld(asset.merged()[0], asset.merged()[1])
    return points, faces


@pytest.mark.parametrize("amount", [0.002, 0.02])
def test_a_ball_gets_relief_and_stays_closed(amount: float) -> None:
    made = detail(ball(), DetailOptions(amount, texels=64))
    points, faces = welded(made)
    assert topology(points, faces).closed
    assert not len(self_intersections(points, faces).pairs)
    assert 0.3 * amount < made.metrics["detail.rms_percent"] / 100.0 < 2.0 * amount
    assert made.metrics["detail.most_percent"] <= 100.0 * LIMIT * 1.001
    away = np.linalg.norm(points - 3.0, axis=1) - 0.5
    assert np.abs(away).max() > 0.5 * amount
    assert made.parts[0].material.roughness == 0.25
    assert made.face_count > 1280
    assert made.source is not None
    again = detail(ball(), DetailOptions(amount, texels=64)).parts[0]
    assert (again.vertices == made.parts[0].vertices).all()


def test_a_part_with_uvs_keeps_them_and_its_maps() -> None:
    flat = unwrap(ball(), UnwrapOptions(64)).parts[0]
    texture = Texture.from_pixels(np.full((4, 4, 3), 200, np.uint8))
    part = make_part(flat.vertices, flat.faces, Material(base_color_texture=texture), uv=flat.uv, normals=flat.normals)
    made = detail(Asset((part,)), DetailOptions(texels=64)).parts[0]
    assert made.material.base_color_texture is texture
    assert made.uv is not None
    assert flat.uv is not None
    assert made.normals is not None
    np.testing.assert_array_equal(made.uv[: len(flat.uv)], flat.uv)
    np.testing.assert_allclose(np.linalg.norm(made.normals, axis=1), 1.0, atol=1e-4)


def test_outside_the_region_nothing_moves() -> None:
    region = json.dumps({"boxes": [{"min": [0, 3.2, 0], "max": [9, 9, 9]}]})
    made = detail(ball(), DetailOptions(0.01, texels=64, region=region)).parts[0]
    base = detail(ball(), DetailOptions(0.0, texels=64)).parts[0]
    moved = (made.vertices != base.vertices).any(axis=1)
    assert 0.05 < moved.mean() < 0.5
    assert made.vertices[moved][:, 1].min() > 3.1
    with pytest.raises(InputError, match="no vertex lies"):
        detail(ball(), DetailOptions(texels=64, region='{"spheres": [[90, 9, 9, 0.1]]}'))


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000), size=st.floats(0.0, 1.0))
def test_no_field_moves_a_place_beyond_the_limit_or_makes_faces_cross(seed: int, size: float) -> None:
    part = quartered(unwrap(ball(2), UnwrapOptions(64)).parts[0])
    wild = (size * np.random.default_rng(seed).standard_normal((64, 64))).astype(np.float32)
    moved = displaced(part, fit_field(wild, chart_maps(part, 64).mask), np.ones(len(part.vertices), np.float32), 0.05)
    assert np.linalg.norm(moved.vertices - part.vertices, axis=1).max() <= 0.05 + 1e-6
    points, faces = welded(Asset((moved,)))
    assert topology(points, faces).closed
    assert not len(self_intersections(points, faces).pairs)


def test_quartering_leaves_the_surface_and_its_attributes() -> None:
    flat = unwrap(ball(2), UnwrapOptions(64)).parts[0]
    fine = quartered(flat)
    assert len(fine.faces) == 4 * len(flat.faces)
    before, after = (topology(*welded(Asset((part,)))) for part in (flat, fine))
    assert after.closed
    assert after.area == pytest.approx(before.area, rel=1e-5)
    assert after.volume == pytest.approx(before.volume, rel=1e-5)
    assert len(fine.faces) == len(np.unique(np.sort(fine.faces, axis=1), axis=0))


def test_heights_tell_how_far_a_larger_ball_lies_off_and_curvature_that_a_ball_is_round() -> None:
    part = unwrap(ball(4), UnwrapOptions(128)).parts[0]
    maps = chart_maps(part, 128)
    larger = trimesh.creation.icosphere(5, 0.52)
    heights = maps.heights(larger.vertices + 3.0, larger.faces.astype(np.int32))
    assert heights[maps.mask > 0.0].mean() == pytest.approx(0.02, abs=1e-3)
    inside = maps.conditions()[20:-20, 20:-20][maps.mask[20:-20, 20:-20] > 0.0]
    assert np.median(inside[:, 0]) < 0.0


def test_two_parts_get_one_atlas_and_a_named_region_counts_as_its_box() -> None:
    boxes = [
        trimesh.creation.box((0.4, 0.4, 0.4), trimesh.transformations.translation_matrix((x, 0, 0))) for x in (0, 2)
    ]
    parts = tuple(make_part(b.vertices, b.faces, name=n) for b, n in zip(boxes, ("left", "right"), strict=True))
    made = detail(Asset(parts), DetailOptions(0.01, texels=64, region='{"parts": ["left"]}'))
    assert len(made.parts) == 1
    right = made.parts[0].vertices[:, 0] > 1.0
    assert np.abs(np.abs(made.parts[0].vertices[right][:, 1:]).max(axis=1) - 0.2).min() < 1e-6
    assert made.parts[0].vertices[right][:, 0].max() == pytest.approx(2.2, abs=1e-6)
    assert made.metrics["detail.most_percent"] > 0.0
