"""The physical step: colours within what charts allow, metallic 0 or 1 but for borders, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, Material, Part, Texture, make_part
from ml.color_space import decode, encode
from ml.materials.library import LIBRARY, library_material
from tasks.physical import PhysicalOptions, physical, snapped

BYTE = st.integers(0, 255)


def quad(material: Material, colors: np.ndarray | None = None) -> Part:
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=uv, colors=colors)


def material_of(*srgb: int, **fields: object) -> Material:
    r, g, b = (float(v) for v in decode(np.uint8([srgb]))[0])
    return Material(base_color=(r, g, b, 1.0), **fields)


def srgb(material: Material) -> list[int]:
    return encode(np.array([material.base_color[:3]], np.float32))[0].tolist()


def fixed(material: Material) -> Material:
    return physical(Asset((quad(material),))).parts[0].material


@settings(max_examples=100, deadline=None)
@given(color=st.tuples(BYTE, BYTE, BYTE), metallic=st.sampled_from([0.0, 0.05, 0.4, 0.6, 0.95, 1.0]))
def test_factors_end_within_the_chart_and_stay_there(color: tuple[int, int, int], metallic: float) -> None:
    given_asset = Asset((quad(material_of(*color, metallic=metallic)),))
    found = physical(given_asset)
    material = found.parts[0].material
    value = max(srgb(material))
    assert material.metallic <= 0.1 or material.metallic >= 0.9
    assert value >= (179 - 8 if material.metallic > 0.5 else 30 - 1)
    assert material.metallic > 0.5 or value <= 240 + 2
    again = physical(found)
    assert again.parts[0] is found.parts[0]
    good = 30 <= max(color) <= 240 if metallic == 0 else max(color) >= 180
    if good and metallic in (0, 1):
        assert found.parts[0] is given_asset.parts[0]


def test_hues_stay_and_black_becomes_grey() -> None:
    assert srgb(fixed(material_of(0, 0, 0))) == [30, 30, 30]
    dark = fixed(material_of(20, 10, 0)).base_color
    assert dark[1] / dark[0] == pytest.approx(decode(np.uint8([10]))[0] / decode(np.uint8([20]))[0], rel=0.1)
    assert srgb(fixed(material_of(255, 128, 0)))[0] == 240
    gold = fixed(material_of(150, 120, 60, metallic=1.0))
    assert (srgb(gold)[0], gold.metallic) == (180, 1.0)


def test_a_metal_too_dark_for_any_metal_is_dirt() -> None:
    assert fixed(material_of(60, 40, 30, metallic=1.0)).metallic == 0
    assert fixed(material_of(120, 110, 100, metallic=1.0)).metallic == 1


def test_half_metal_regions_snap_and_borders_between_metal_and_paint_stay() -> None:
    metallic = np.zeros((32, 32), np.uint8)
    metallic[:, 8:24] = 255
    metallic[:, 7] = metallic[:, 24] = 128  # an antialiased border
    metallic[4:12, 12:20] = 160  # a mistake inside the metal
    metallic[4:12, 27:31] = 60  # and one outside
    value = np.full((32, 32), 200, np.uint8)
    out = snapped(metallic, value)
    assert (out[:, 7] == 128).all()
    assert (out[5:11, 14:18] == 255).all()
    assert (out[5:11, 28:30] == 0).all()
    assert snapped(out, value).tolist() == out.tolist()


def test_textures_change_only_where_they_must_and_others_keep_their_bytes() -> None:
    pixels = np.full((64, 64, 3), 120, np.uint8)
    good = Texture.from_pixels(pixels)
    packed = Texture.from_pixels(np.tile(np.uint8([255, 90, 0]), (16, 16, 1)))
    fine = Material(base_color=(1, 1, 1, 1), base_color_texture=good, metallic_roughness_texture=packed, metallic=1)
    asset = Asset((quad(fine),))
    found = physical(asset)
    assert found.parts is asset.parts
    assert found.notes["physical"] == "nothing to change"
    assert found.metrics["material.albedo_low"] == 0
    pixels[:16] = 5
    bad = replace(fine, base_color_texture=Texture.from_pixels(pixels))
    found = physical(Asset((quad(bad),)))
    out = found.parts[0].material
    shown = out.base_color_texture.pixels()
    assert (shown[:16, :, :3] == 30).all()
    assert (shown[16:, :, :3] == 120).all()
    assert out.metallic_roughness_texture is packed
    assert found.metrics["material.albedo_low"] == pytest.approx(0.25, abs=0.02)


def test_factor_and_map_of_another_size_are_seen_together() -> None:
    packed = np.zeros((4, 4, 3), np.uint8)
    packed[:, 2:, 2] = 255
    white = Texture.from_pixels(np.full((8, 8, 3), 255, np.uint8))
    found = fixed(
        Material(
            base_color=(0.3, 0.3, 0.3, 1.0),
            metallic=1.0,
            base_color_texture=white,
            metallic_roughness_texture=Texture.from_pixels(packed),
        )
    )
    shown = found.base_color_texture.pixels()[0, :, 0].tolist()
    assert shown == [149] * 4 + [180] * 4
    assert found.base_color == (1, 1, 1, 1)


def test_cut_out_texels_and_glass_are_left_alone() -> None:
    leaf = np.zeros((4, 4, 4), np.uint8)
    leaf[:2] = (60, 120, 60, 255)
    mask = Material(base_color=(1, 1, 1, 1), base_color_texture=Texture.from_pixels(leaf), alpha_mode="MASK")
    assert fixed(mask) is mask
    glass = Material(base_color=(1, 1, 1, 0.2), alpha_mode="BLEND")
    assert fixed(glass) is glass


def test_vertex_colours_are_clamped_too() -> None:
    colors = np.uint8([[0, 0, 0, 255], [255, 255, 255, 255], [100, 50, 50, 255], [100, 50, 50, 255]])
    part = physical(Asset((quad(Material(base_color=(1, 1, 1, 1)), colors),))).parts[0]
    shown = encode(part.colors[:, :3] / np.float32(255) * np.array(part.material.base_color[:3], np.float32)).max(
        axis=1
    )
    assert 26 <= shown[0] <= 34
    assert shown[1] == 240


def test_lods_and_the_source_follow() -> None:
    black = Asset((quad(material_of(0, 0, 0)),))
    found = physical(replace(black, lods=(black,), source=black))
    assert srgb(found.lods[0].parts[0].material) == srgb(found.source.parts[0].material) == [30, 30, 30]


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_the_library_is_hardly_changed(name: str) -> None:
    found = physical(Asset((quad(library_material(name, 256)),)))
    assert found.metrics["material.metallic_between"] <= (0.05 if name == "rusted-iron" else 0.0)
    assert found.metrics["material.metal_dark"] <= (0.05 if name == "rusted-iron" else 0.0)
    assert found.metrics["material.albedo_low"] == found.metrics["material.albedo_high"] == 0


def test_options_are_the_limits() -> None:
    found = physical(Asset((quad(material_of(10, 10, 10)),)), PhysicalOptions(darkest=50))
    assert srgb(found.parts[0].material) == [50, 50, 50]
