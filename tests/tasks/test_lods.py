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
from tasks.lod_chain import lod_chain
from tasks.lods import LodOptions, lods
from tasks.topology import weld
from tasks.unwrap import UnwrapOptions, unwrap
from tests.tasks.charts import uv_charts


@cache
def atlas() -> Asset:
    """A ball and a ring under one atlas, 2,432 faces."""
    ball, ring = trimesh.creation.icosphere(3), trimesh.creation.torus(1.0, 0.3, major_sections=48, minor_sections=12)
    parts = (make_part(ball.vertices, ball.faces), make_part(ring.vertices + np.float64([3, 0, 0]), ring.faces))
    return unwrap(Asset(parts), UnwrapOptions(512, when="always"))


def painted() -> Asset:
    """The atlas over a red ball and a blue ring, unpainted."""
    red, blue = Material(base_color=(1, 0, 0, 1)), Material(base_color=(0, 0, 1, 1))
    parts = tuple(replace(p, material=m) for p, m in zip(atlas().source.parts, (red, blue), strict=True))
    return replace(atlas(), source=Asset(parts))


def broken_uvs(asset: Asset) -> Asset:
    """Every triangle reads another one's texels."""
    return replace(asset, parts=tuple(replace(p, uv=None if p.uv is None else p.uv[::-1].copy()) for p in asset.parts))


def chart_boxes(part: Part, charts: np.ndarray) -> np.ndarray:
    """(charts, 2, 2) UV extent of each."""
    corners = part.uv[part.faces]
    return np.array(
        [
            [corners[charts == c].min(axis=(0, 1)), corners[charts == c].max(axis=(0, 1))]
            for c in range(charts.max() + 1)
        ]
    )


def test_each_level_falls_by_the_ratio_and_halves_the_maps_of_the_one_before() -> None:
    base = bake(painted(), BakeOptions(512))
    result = lods(base, LodOptions(levels=3, ratio=0.4))
    faces = [result.face_count, *(lod.face_count for lod in result.lods)]
    assert len(result.lods) == 3
    for level, count in enumerate(faces):
        assert count == pytest.approx(faces[0] * 0.4**level, rel=0.1)
        assert result.metrics.get(f"lod{level}.faces", faces[0]) == count
    sides = [lod.parts[0].material.base_color_texture.size for lod in result.lods]
    assert sides == [(256, 256), (128, 128), (64, 64)]
    assert result.parts is base.parts
    assert all(lod.parts[0].normals is not None for lod in result.lods)


def test_with_textures_kept_levels_share_the_material() -> None:
    result = lods(bake(painted(), BakeOptions(128)), LodOptions(textures="keep"))
    assert all(lod.parts[0].material is result.parts[0].material for lod in result.lods)
    assert result.metrics["lods.difference"] == max(result.metrics[f"lod{k}.difference"] for k in (1, 2))


def test_coverages_fall_and_levels_stray_less_than_a_pixel_where_they_take_over() -> None:
    result = lods(bake(painted(), BakeOptions(512)), LodOptions(levels=3))
    diameter = float(np.linalg.norm(np.ptp(result.bounds(), axis=0)))
    covers = [result.metrics[f"lod{k}.coverage"] for k in (1, 2, 3)]
    assert 1 > covers[0] > covers[1] > covers[2] > 0
    for k, cover in enumerate(covers, start=1):
        assert result.metrics[f"lod{k}.deviation"] / diameter * cover * 1080 <= 1.0001


def test_levels_by_screen_error_stray_by_as_many_pixels() -> None:
    fine, coarse = (lods(atlas(), LodOptions(levels=3, screen_error=e)) for e in (1.0, 4.0))
    assert len(fine.lods) == len(coarse.lods) == 3
    assert all(a.face_count > 1.5 * b.face_count for a, b in zip(fine.lods, coarse.lods, strict=True))
    diameter = float(np.linalg.norm(np.ptp(fine.bounds(), axis=0)))
    for k in (1, 2, 3):
        pixels = fine.metrics[f"lod{k}.deviation"] / diameter * 0.5**k * 1080
        assert 0.1 < pixels < 2.0  # the limit is on an estimate


def test_every_triangle_lies_in_the_extent_of_one_chart_and_keeps_its_texel_density() -> None:
    base = atlas().parts[0]
    boxes = chart_boxes(base, uv_charts(base))
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


def test_a_level_that_looks_different_is_painted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.lods.lod_chain", lambda asset, goals: [broken_uvs(x) for x in lod_chain(asset, goals)])
    result = lods(bake(painted(), BakeOptions(512)), LodOptions(levels=1))
    assert result.notes["lods"] == "1 of 1 levels; LOD1 repainted"
    level = result.lods[0].parts[0]
    pixels = level.material.base_color_texture.pixels()
    assert pixels.shape == (256, 256, 4)
    column, row = (level.uv[level.faces].mean(axis=1) * 256).astype(int).T
    on_ring = level.vertices[level.faces].mean(axis=1)[:, 0] > 1.5
    assert (pixels[row, column][:, 2] > 127)[on_ring].all()
    assert (pixels[row, column][:, 0] > 127)[~on_ring & (level.vertices[level.faces][:, :, 0].max(axis=1) < 1.2)].all()


def test_a_level_that_cannot_be_made_alike_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.lods.lod_chain", lambda asset, goals: [broken_uvs(x) for x in lod_chain(asset, goals)])
    monkeypatch.setattr("tasks.lods.unwrap", lambda asset, options: broken_uvs(unwrap(asset, options)))
    result = lods(bake(painted(), BakeOptions(512)))
    assert result.lods == ()
    assert "different, over 10%" in result.notes["lods"]


def test_a_level_that_strays_from_the_shape_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(asset: Asset, goals: list[tuple[int, float]]) -> list[Asset]:
        return [replace(asset, parts=(p.with_faces(p.faces[:n]),)) for n, _ in goals for p in asset.parts]

    monkeypatch.setattr("tasks.lods.lod_chain", torn)
    mesh = trimesh.creation.icosphere(3)
    result = lods(Asset((make_part(mesh.vertices, mesh.faces),)))
    assert result.lods == ()
    assert "LOD1 dropped: at 819 faces the surface strays" in result.notes["lods"]
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
    assert [lod.face_count for lod in mixed.lods] == [66]
    assert len(mixed.lods[0].parts[0].faces) == 12  # its corners are worth more than the ball's roundness
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
    assert list(uv_charts(mirrored)) == [0, 0, 1, 1]
    seam = make_part(quad[[0, 1, 2, 0, 2, 3]], [[0, 1, 2], [3, 4, 5]], uv=uv[[0, 1, 2, 3, 1, 0]])
    assert list(uv_charts(seam)) == [0, 1]


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
