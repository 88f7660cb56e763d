"""Vertex colours: what a remeshed solid shows where the input showed it, in bytes that keep dark colours apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, Material, Part, Texture, make_part
from tasks.vertex_bake import vertex_bake
from tasks.vertex_colors import srgb_vertex_colors
from tasks.watertight import WatertightOptions, watertight


def sphere(material: Material, shift: float = 0.0) -> Part:
    mesh = trimesh.creation.icosphere(2, 0.5)
    return make_part(mesh.vertices + np.float64([shift, 0, 0]), mesh.faces, material)


def remeshed(*parts: Part) -> Asset:
    return watertight(Asset(parts), WatertightOptions(64, when="always"))


def test_each_side_takes_its_own_part_s_colour() -> None:
    red, blue = sphere(Material(base_color=(1, 0, 0, 1))), sphere(Material(base_color=(0, 0, 1, 1)), 2.0)
    part = vertex_bake(remeshed(red, blue)).parts[0]
    shown = srgb_vertex_colors(part)
    left = part.vertices[:, 0] < 1.0
    assert (shown[left] == [255, 0, 0, 255]).all()
    assert (shown[~left] == [0, 0, 255, 255]).all()


def test_a_picture_on_the_source_is_read_through_its_uvs() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32, 0], pixels[:, 32:, 1] = 200, 100
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    material = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(pixels))
    source = Asset((make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=uv),))
    grid = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 9), np.linspace(0.1, 0.9, 9)), axis=-1).reshape(-1, 2)
    points = np.column_stack([grid, np.full(81, 0.01)])
    cell = np.array([[i, i + 1, i + 10] for i in range(71) if i % 9 != 8])
    part = vertex_bake(Asset((make_part(points, cell),), source=source)).parts[0]
    shown = srgb_vertex_colors(part)
    assert (shown[points[:, 0] < 0.45] == [200, 0, 0, 255]).all()
    assert (shown[points[:, 0] > 0.55] == [0, 100, 0, 255]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=2, max_size=8))
def test_dark_colours_stay_apart(srgb: list[tuple[int, int, int]]) -> None:
    """Linear bytes alone would turn every sRGB value from 1 to 6 into 0."""
    linear = np.array(srgb) / 255 / 12.92
    parts = tuple(sphere(Material(base_color=(*row, 1.0)), 2.0 * i) for i, row in enumerate(linear))
    asset = Asset(tuple(replace(part, material=Material()) for part in parts), source=Asset(parts))
    baked = vertex_bake(asset)
    for part, expected in zip(baked.parts, srgb, strict=True):
        assert np.abs(srgb_vertex_colors(part)[:, :3].astype(int) - expected).max() <= 1


def test_what_has_uvs_or_no_source_stays() -> None:
    asset = Asset((sphere(Material()),))
    assert vertex_bake(asset) is asset
    uv = np.zeros((len(asset.parts[0].vertices), 2), np.float32)
    textured = Asset((replace(asset.parts[0], uv=uv),), source=asset)
    assert vertex_bake(textured) is textured


@pytest.mark.parametrize("alpha", [1.0, 0.25])
def test_see_through_sources_stay_see_through(alpha: float) -> None:
    mode = "BLEND" if alpha < 1 else "OPAQUE"
    part = vertex_bake(remeshed(sphere(Material(base_color=(1, 1, 1, alpha), alpha_mode=mode)))).parts[0]
    assert part.material.alpha_mode == mode
    assert np.abs(srgb_vertex_colors(part)[:, 3] / 255 - alpha).max() < 0.01
