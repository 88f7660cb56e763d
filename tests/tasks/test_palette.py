"""Palettes: dominant colours are found, and an asset takes on others with its light and dark kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, Material, Part, Texture, make_part
from ml.color_space import decode, encode, from_oklab, to_oklab
from tasks.palette import PaletteOptions, dominant, hex_of, palette, parse_color


def ball(color: str, shift: float = 0.0, radius: float = 0.5) -> Part:
    mesh = trimesh.creation.icosphere(2, radius)
    r, g, b = parse_color(color)
    return make_part(mesh.vertices + np.float64([shift, 0, 0]), mesh.faces, Material(base_color=(r, g, b, 1.0)))


def shown(part: Part) -> str:
    return hex_of(to_oklab(np.array([part.material.base_color[:3]], np.float32))[0])


def close(one: str, two: str, codes: int = 3) -> bool:
    pair = [[int(code[k : k + 2], 16) for k in (1, 3, 5)] for code in (one, two)]
    return max(abs(a - b) for a, b in zip(*pair, strict=True)) <= codes


def test_colours_are_found_by_their_share_of_the_area() -> None:
    asset = Asset((ball("#c02020"), ball("#2040c0", 2, 1.0), ball("#20a040", 5, 0.25)))
    found = palette(asset)
    assert found.parts is asset.parts
    first, second, third = found.notes["palette"].split(", ")
    assert close(first[:7], "#2040c0")
    assert close(second[:7], "#c02020")
    assert close(third[:7], "#20a040")
    assert found.metrics["palette.colors"] == 3
    assert found.metrics["palette.largest_share"] == pytest.approx(4 / 5.25, abs=0.01)


def test_flat_colours_land_on_the_palette_each_on_the_nearest_in_sum() -> None:
    asset = Asset((ball("#c02020"), ball("#2040c0", 2, 1.0)))
    found = palette(asset, PaletteOptions(colors=("#101080", "#ff8000")))
    assert close(shown(found.parts[0]), "#ff8000")
    assert close(shown(found.parts[1]), "#101080")
    half = palette(asset, PaletteOptions(colors=("#101080", "#ff8000"), strength=0.0))
    assert close(shown(half.parts[0]), "#c02020", 1)


def test_no_colour_is_used_twice_while_another_is_left() -> None:
    asset = Asset((ball("#c02020"), ball("#a03030", 2)))
    found = palette(asset, PaletteOptions(colors=("#b02828", "#20a040")))
    assert {shown(part)[1:3] < "80" for part in found.parts} == {True, False}


def test_light_and_dark_within_a_cluster_stay_while_the_hue_moves() -> None:
    lightness = np.linspace(0.45, 0.6, 64, dtype=np.float32)
    lab = np.stack([lightness, np.full(64, 0.1, np.float32), np.full(64, 0.05, np.float32)], axis=1)
    pixels = np.tile(encode(from_oklab(lab))[None], (64, 1, 1))
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    material = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(pixels))
    asset = Asset((make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=uv),))
    target = "#3070b0"
    out = palette(asset, PaletteOptions(colors=(target,))).parts[0].material.base_color_texture.pixels()[0, :, :3]
    after = to_oklab(decode(out))
    goal = to_oklab(np.array([parse_color(target)], np.float32))[0]
    assert (np.diff(after[:, 0]) > -1e-3).all()
    assert np.ptp(after[:, 0]) == pytest.approx(0.15, abs=0.01)
    np.testing.assert_allclose(after.mean(axis=0), goal, atol=0.01)


def test_shared_textures_stay_shared_jpeg_stays_jpeg_and_untouched_ones_keep_their_bytes() -> None:
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    texture = Texture.from_pixels(np.tile(np.uint8([10, 200, 30]), (8, 8, 1)))
    material = Material(base_color=(1, 1, 1, 1), base_color_texture=texture)
    part = make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=uv)
    asset = Asset((part, replace(part, name="two")), lods=(Asset((part,)),))
    found = palette(asset, PaletteOptions(colors=("#b03030",)))
    maps = {id(p.material.base_color_texture) for p in (*found.parts, *found.lods[0].parts)}
    assert len(maps) == 1
    same = palette(asset, PaletteOptions(colors=("#0ac81e",)))
    assert same.parts[0] is part


def test_vertex_colours_and_the_bake_source_follow() -> None:
    painted = replace(ball("#ffffff"), colors=np.tile(np.uint8([255, 0, 0, 255]), (162, 1)))
    found = palette(Asset((painted,), source=Asset((painted,))), PaletteOptions(colors=("#2040c0",)))
    for part in (found.parts[0], found.source.parts[0]):
        linear = part.colors[:1, :3] / np.float32(255) * np.array(part.material.base_color[:3], np.float32)
        assert close(hex_of(to_oklab(linear)[0]), "#2040c0")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6))
def test_clusters_are_distinct_ordered_and_the_same_again(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    lab = rng.normal([0.5, 0, 0], [0.2, 0.1, 0.1], (300, 3)).astype(np.float32)
    centres, shares = dominant(lab, count)
    again, _ = dominant(lab, count)
    np.testing.assert_array_equal(centres, again)
    assert 1 <= len(centres) <= count
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 1e-12).all()
    one, _ = dominant(np.full((5, 3), 0.3, np.float32), count)
    assert len(one) == 1


def test_wrong_colours_are_named() -> None:
    for wrong in ("red", "#12345", "#gg0000"):
        with pytest.raises(ValueError, match="no colour"):
            PaletteOptions(colors=(wrong,))
    assert palette(Asset(())).parts == ()
