"""Levels of detail: fewer faces, the same look, and UVs that never leave their chart."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from tasks.bake import BakeOptions, bake
from tasks.lods import LodOptions, lods, uv_charts
from tasks.topology import weld
from tasks.unwrap import UnwrapOptions, unwrap


@cache
def atlas() -> Asset:
    """A ball and a ring under one atlas, 2,432 faces."""
    ball, ring = trimesh.creation.icosphere(3), trimesh.creation.torus(1.0, 0.3, major_sections=48, minor_sections=12)
    parts = (make_part(ball.vertices, ball.faces), make_part(ring.vertices + np.float64([3, 0, 0]), ring.faces))
    return unwrap(Asset(parts), UnwrapOptions(512, when="always"))


def triangle_charts(part: Part) -> np.ndarray:
    return uv_charts(part, weld(part.vertices, part.faces)[1])


def chart_boxes(part: Part, charts: np.ndarray) -> np.ndarray:
    """(charts, 2, 2) UV extent of each."""
    corners = part.uv[part.faces]
    return np.array(
        [
            [corners[charts == c].min(axis=(0, 1)), corners[charts == c].max(axis=(0, 1))]
            for c in range(charts.max() + 1)
        ]
    )


def test_each_level_falls_by_the_ratio_and_shares_the_material() -> None:
    result = lods(atlas(), LodOptions(levels=3, ratio=0.4))
    faces = [result.face_count, *(lod.face_count for lod in result.lods)]
    assert len(result.lods) == 3
    for level, count in enumerate(faces):
        assert count == pytest.approx(faces[0] * 0.4**level, rel=0.1)
    assert [result.metrics[f"lod{k}.faces"] for k in (1, 2, 3)] == faces[1:]
    assert result.parts is atlas().parts
    assert all(lod.parts[0].material is result.parts[0].material for lod in result.lods)
    assert all(lod.parts[0].normals is not None for lod in result.lods)


def test_every_triangle_lies_in_the_extent_of_one_chart_and_keeps_its_texel_density() -> None:
    base = atlas().parts[0]
    boxes = chart_boxes(base, triangle_charts(base))
    for lod in lods(atlas()).lods:
        corners = lod.parts[0].uv[lod.parts[0].faces].astype(np.float64)
        low, high = corners.min(axis=1), corners.max(axis=1)
        inside = (low[:, None] >= boxes[:, 0] - 1e-6).all(axis=2) & (high[:, None] <= boxes[:, 1] + 1e-6).all(axis=2)
        assert inside.any(axis=1).all()


def test_a_point_on_a_level_shows_nearly_what_lod0_shows_there() -> None:
    """Atlas coordinates stand for colours: each is looked up as a position of LOD0 and compared with where it is."""
    base = atlas().parts[0]
    level = lods(atlas()).lods[0].parts[0]
    middle, uv = level.vertices[level.faces].mean(axis=1), level.uv[level.faces].mean(axis=1).astype(np.float64)
    a, b, c = (base.uv[base.faces[:, k]].astype(np.float64) for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    offsets = []
    for point, place in zip(middle, uv, strict=True):
        d = place - a
        v = (d[:, 0] * (c - a)[:, 1] - d[:, 1] * (c - a)[:, 0]) / area
        w = ((b - a)[:, 0] * d[:, 1] - (b - a)[:, 1] * d[:, 0]) / area
        face = np.argmax(np.minimum(np.minimum(v, w), 1 - v - w))
        shown = np.array([1 - v[face] - w[face], v[face], w[face]]) @ base.vertices[base.faces[face]]
        offsets.append(np.linalg.norm(shown - point))
    assert np.percentile(offsets, 90) < 0.05  # of a ball of radius 1
    assert max(offsets) < 0.4  # a triangle over a seam is squeezed to its chart's border, at most about its own size


def test_a_level_whose_triangles_outgrow_the_charts_is_painted_anew() -> None:
    red, blue = Material(base_color=(1, 0, 0, 1)), Material(base_color=(0, 0, 1, 1))
    coloured = tuple(replace(p, material=m) for p, m in zip(atlas().source.parts, (red, blue), strict=True))
    result = lods(bake(replace(atlas(), source=Asset(coloured)), BakeOptions(512)), LodOptions(levels=2, ratio=0.4))
    assert result.notes["lods"] == "2 of 2 levels; LOD2 repainted"
    assert result.lods[0].parts[0].material is result.parts[0].material
    level = result.lods[1].parts[0]
    pixels = level.material.base_color_texture.pixels()
    assert pixels.shape == (256, 256, 4)
    column, row = (level.uv[level.faces].mean(axis=1) * 256).astype(int).T
    on_ring = level.vertices[level.faces].mean(axis=1)[:, 0] > 1.5
    assert (pixels[row, column][:, 2] > 127)[on_ring].all()
    assert (pixels[row, column][:, 0] > 127)[~on_ring & (level.vertices[level.faces][:, :, 0].max(axis=1) < 1.2)].all()


def test_a_level_that_strays_from_the_shape_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.lods.decimate", lambda vertices, faces, target: (vertices, faces[:target]))  # tears it
    mesh = trimesh.creation.icosphere(3)
    result = lods(Asset((make_part(mesh.vertices, mesh.faces),)))
    assert result.lods == ()
    assert "LOD1 dropped: at 512 faces the surface strays" in result.notes["lods"]
    assert "lod1.faces" not in result.metrics


def test_an_asset_without_faces_is_refused() -> None:
    with pytest.raises(InputError) as error:
        lods(Asset((make_part(np.zeros((3, 3)), np.zeros((0, 3), int)),)))
    assert error.value.code == "mesh.no-faces"


def test_levels_have_no_cracks() -> None:
    for lod in lods(atlas()).lods:
        vertices, faces, _ = weld(lod.parts[0].vertices, lod.parts[0].faces)
        assert trimesh.Trimesh(vertices, faces, process=False).is_watertight


def test_levels_that_save_nothing_are_dropped_and_small_parts_stay() -> None:
    mesh = trimesh.creation.box()
    box = make_part(mesh.vertices, mesh.faces)
    result = lods(Asset((box,)))
    assert result.lods == ()
    assert "LOD1 dropped: 12 of 12" in result.notes["lods"]
    ball = make_part(trimesh.creation.icosphere(2).vertices + 2, trimesh.creation.icosphere(2).faces)
    mixed = lods(Asset((box, ball)), LodOptions(levels=4, ratio=0.2, min_faces=64))
    assert [lod.face_count for lod in mixed.lods] == [12 + 64]  # the ball's share of 66
    assert mixed.lods[0].parts[0] is box
    assert lods(atlas(), LodOptions(levels=0)).lods == ()


def test_vertex_colours_ride_along() -> None:
    mesh = trimesh.creation.icosphere(3)
    colors = np.where(mesh.vertices[:, 1:2] > 0, np.uint8([255, 0, 0, 255]), np.uint8([0, 0, 255, 255]))
    level = lods(Asset((make_part(mesh.vertices, mesh.faces, colors=colors),)), LodOptions(levels=1)).lods[0].parts[0]
    clear = np.abs(level.vertices[:, 1]) > 0.25
    assert ((level.colors[:, 0] > 127) == (level.vertices[:, 1] > 0))[clear].all()
    assert level.colors.dtype == np.uint8


def test_charts_part_at_seams_and_overlapping_uvs_do_not_join_them() -> None:
    quad = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = quad[:, :2]
    mirrored = make_part(np.concatenate([quad, quad + 5]), np.concatenate([faces, faces + 4]), uv=np.tile(uv, (2, 1)))
    assert list(triangle_charts(mirrored)) == [0, 0, 1, 1]
    seam = make_part(quad[[0, 1, 2, 0, 2, 3]], [[0, 1, 2], [3, 4, 5]], uv=uv[[0, 1, 2, 3, 1, 0]])
    assert list(triangle_charts(seam)) == [0, 1]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_broken_uvs_and_soups_still_give_finite_levels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texture = Texture.from_pixels(np.zeros((2, 2, 3), np.uint8))
    part = make_part(
        rng.normal(size=(90, 3)),
        rng.integers(0, 90, (200, 3)),
        Material(base_color_texture=texture),
        uv=rng.uniform(-3, 3, (90, 2)).astype(np.float32),
    )
    for lod in lods(Asset((part,))).lods:
        assert np.isfinite(lod.parts[0].uv).all()
        assert np.abs(lod.parts[0].uv).max() <= 3.001
