"""A library material on a part: tiled at its real size, or painted into the atlas where there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from ml.color_space import decode, encode
from ml.materials.library import LIBRARY, library_material, texture_maps
from tasks.bake import BakeOptions, bake
from tasks.box_projection import along_longest, box_mapped, upright
from tasks.palette import parse_color
from tasks.set_material import SetMaterialOptions, is_atlas, set_material
from tasks.unwrap import UnwrapOptions, unwrap

RED = Material(name="red", base_color=(0.5, 0.02, 0.02, 1), roughness=0.4)


def box(name: str, size: tuple[float, float, float] = (1, 1, 1), shift: float = 0.0) -> Part:
    mesh = trimesh.creation.box(size)
    return make_part(mesh.vertices + np.float64([shift, 0, 0]), mesh.faces, RED, name=name)


def atlas(*parts: Part) -> Asset:
    """One part with an atlas and the look of each part baked in."""
    return replace(bake(unwrap(Asset(parts), UnwrapOptions(256, when="always")), BakeOptions(256)), source=None)


def mean_color(part: Part, faces: np.ndarray) -> np.ndarray:
    """Mean linear colour over the middles of small triangles within some faces."""
    pixels = decode(part.material.base_color_texture.pixels()[..., :3])
    weights = np.random.default_rng(0).dirichlet([1, 1, 1], 400)
    uv = np.einsum("wk,mkc->mwc", weights, part.uv[part.faces[faces]]).reshape(-1, 2) * len(pixels)
    at = np.clip(uv.astype(int), 0, len(pixels) - 1)
    return pixels[at[:, 1], at[:, 0]].mean(axis=0)


def expected(name: str) -> np.ndarray:
    return decode(texture_maps(name, 256).base_color).mean(axis=(0, 1))


def test_a_named_part_without_uvs_is_tiled_at_real_size_and_others_stay() -> None:
    asset = Asset((box("seat"), box("leg_1", shift=2), box("leg_2", shift=4)))
    found = set_material(asset, SetMaterialOptions("oak", part="LEG*"))
    assert found.parts[0] is asset.parts[0]
    leg = found.parts[1]
    assert (leg.material.name, leg.colors) == ("oak", None)
    assert leg.material == found.parts[2].material
    edges = leg.uv[leg.faces] - leg.uv[np.roll(leg.faces, 1, axis=1)]
    metres = leg.vertices[leg.faces] - leg.vertices[np.roll(leg.faces, 1, axis=1)]
    np.testing.assert_allclose(
        np.linalg.norm(edges, axis=2) * LIBRARY["oak"].size_m, np.linalg.norm(metres, axis=2), atol=1e-5
    )
    assert found.notes["set_material"] == "oak on 2 parts"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tile=st.floats(0.01, 10))
def test_box_projection_keeps_the_surface_and_is_never_mirrored(seed: int, tile: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, 3))
    part = make_part(points, rng.integers(0, 30, (20, 3)), colors=rng.integers(0, 255, (30, 4)).astype(np.uint8))
    mapped = box_mapped(part, tile, rng.integers(0, 3, 20).astype(np.int32))
    np.testing.assert_array_equal(mapped.vertices[mapped.faces], part.vertices[part.faces])
    np.testing.assert_array_equal(mapped.colors[mapped.faces], part.colors[part.faces])
    a, b, c = (mapped.uv[mapped.faces[:, k]].astype(np.float64) for k in range(3))
    signed = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    crosses = np.cross(*(points[part.faces[:, k]] - points[part.faces[:, 0]] for k in (1, 2)))
    np.testing.assert_allclose(-signed * tile**2, np.abs(crosses).max(axis=1), atol=2e-4 * max(1, tile))


def test_grain_runs_along_the_longest_side() -> None:
    board = set_material(Asset((box("board", (2.0, 0.05, 0.4)),)), SetMaterialOptions("oak")).parts[0]
    top = np.abs(board.vertices[board.faces][..., 1] - 0.025).max(axis=1) < 1e-6
    along = np.ptp(board.uv[board.faces[top]].reshape(-1, 2), axis=0) * LIBRARY["oak"].size_m
    assert along == pytest.approx([0.4, 2.0], rel=1e-5)
    leg = box("leg", (0.1, 1.0, 0.1), 3.0)
    faces = np.concatenate([board.faces, leg.faces + len(board.vertices)])
    both = make_part(np.concatenate([board.vertices, leg.vertices]), faces)
    assert along_longest(both).tolist() == [0] * 12 + [1] * 12


def test_a_region_of_a_part_without_uvs_becomes_its_own_part() -> None:
    mesh = trimesh.creation.icosphere(3)
    asset = Asset((make_part(mesh.vertices, mesh.faces, RED, name="ball"),))
    found = set_material(asset, SetMaterialOptions("gold", region=(-1, 0.5, -1, 2, 2, 2)))
    assert [part.name for part in found.parts] == ["ball", "ball_gold"]
    assert found.face_count == asset.face_count
    upper = found.parts[1]
    assert (upper.vertices[upper.faces].mean(axis=1)[:, 1] >= 0).all()
    metres = set_material(asset, SetMaterialOptions("gold", region=(-2, 0, -2, 2, 2, 2), units="metres"))
    assert metres.parts[1].faces.tolist() == upper.faces.tolist()


def test_an_atlas_keeps_its_uvs_and_shows_the_material_only_in_the_region() -> None:
    asset = atlas(box("one"), box("two", shift=2))
    part = asset.parts[0]
    assert is_atlas(part)
    found = set_material(asset, SetMaterialOptions("sandstone", region=(0.5, 0, 0, 1, 1, 1), resolution=512)).parts[0]
    right = found.vertices[found.faces].mean(axis=1)[:, 0] > 1
    np.testing.assert_allclose(found.uv[found.faces], part.uv[part.faces], atol=1e-6)
    np.testing.assert_allclose(mean_color(found, np.flatnonzero(~right)), RED.base_color[:3], rtol=0.03, atol=0.003)
    np.testing.assert_allclose(mean_color(found, np.flatnonzero(right)), expected("sandstone"), rtol=0.06)
    packed = found.material.metallic_roughness_texture.pixels()
    assert {int(v) for v in np.unique(packed[..., 1])} >= {102}
    assert found.material.normal_texture.size == (512, 512)


def test_a_whole_atlas_takes_name_and_surface_of_the_material() -> None:
    found = set_material(atlas(box("one")), SetMaterialOptions("gold", resolution=256)).parts[0]
    assert found.material.name == "gold"
    assert (found.material.metallic_roughness_texture.pixels()[..., 2] == 255).all()
    np.testing.assert_allclose(mean_color(found, np.arange(12)), expected("gold"), rtol=0.05)
    glass = set_material(atlas(box("one")), SetMaterialOptions("glass", resolution=256)).parts[0]
    assert glass.material.alpha_mode == "BLEND"


def test_painted_normals_lean_as_the_tiled_ones_do() -> None:
    """A plain quad whose atlas is the projection itself: the painted normal map is the tile's."""
    corners = np.float32([[0, 0, 0], [0.9, 0, 0], [0.9, 0.9, 0], [0, 0.9, 0]])
    uv = np.float32([[0, 1], [1, 1], [1, 0], [0, 0]])
    quad = make_part(corners, [[0, 1, 2], [0, 2, 3]], RED, uv=uv, normals=np.tile(np.float32([0, 0, 1]), (4, 1)))
    found = set_material(Asset((quad,)), SetMaterialOptions("brick", resolution=256)).parts[0].material
    tile = texture_maps("brick", 256)
    for shown, own in ((found.normal_texture, tile.normal), (found.base_color_texture, tile.base_color)):
        difference = np.abs(shown.pixels()[..., :3].astype(int) - own.astype(int))
        assert np.percentile(difference, 99) <= 3


def test_tiled_uvs_are_no_atlas_and_are_replaced() -> None:
    mapped = box_mapped(box("wall"), 0.3, upright(box("wall")))
    assert not is_atlas(mapped)
    found = set_material(Asset((mapped,)), SetMaterialOptions("brick")).parts[0]
    assert np.ptp(found.uv[:, 0]) == pytest.approx(1 / LIBRARY["brick"].size_m, rel=1e-5)


def test_colour_scale_and_seed() -> None:
    asset = Asset((box("sofa"),))
    blue = set_material(asset, SetMaterialOptions("velvet", color="#2040a0", scale=2.0)).parts[0]
    assert np.ptp(blue.uv[:, 0]) == pytest.approx(0.5 / LIBRARY["velvet"].size_m, rel=1e-5)
    linear = decode(blue.material.base_color_texture.pixels()[..., :3]).mean(axis=(0, 1))
    assert linear == pytest.approx(parse_color("#2040a0"), abs=0.02)
    other = set_material(asset, SetMaterialOptions("velvet", color="#2040a0", seed=1)).parts[0]
    assert other.material.base_color_texture.data != blue.material.base_color_texture.data


def test_a_later_bake_shows_it_and_so_do_lods() -> None:
    asset = unwrap(Asset((box("seat"), box("leg", shift=2))), UnwrapOptions(256, when="always"))
    chosen = set_material(replace(asset, lods=(asset,)), SetMaterialOptions("plastic", part="leg", color="#30a040"))
    baked = bake(chosen, BakeOptions(256)).parts[0]
    right = np.flatnonzero(baked.vertices[baked.faces].mean(axis=1)[:, 0] > 1)
    left = np.setdiff1d(np.arange(24), right)
    np.testing.assert_allclose(mean_color(baked, right), parse_color("#30a040"), rtol=0.05, atol=0.01)
    np.testing.assert_allclose(mean_color(baked, left), RED.base_color[:3], rtol=0.05, atol=0.005)


def test_merged_parts_are_known_by_the_source_s_names_even_after_the_bake() -> None:
    asset = unwrap(Asset((box("seat"), box("leg", shift=2))), UnwrapOptions(256, when="always"))
    baked = bake(asset, BakeOptions(256))
    found = set_material(baked, SetMaterialOptions("plastic", part="leg", color="#30a040", resolution=256))
    part = found.parts[0]
    right = part.vertices[part.faces].mean(axis=1)[:, 0] > 1
    np.testing.assert_allclose(mean_color(part, np.flatnonzero(right)), parse_color("#30a040"), rtol=0.05, atol=0.01)
    np.testing.assert_allclose(mean_color(part, np.flatnonzero(~right)), RED.base_color[:3], rtol=0.05, atol=0.005)
    assert found.source.parts[1].material.name == "plastic"


def test_auto_takes_what_each_material_is_named_after_in_its_own_colour() -> None:
    velvet = replace(RED, name="navy-velvet", base_color=(0.01, 0.02, 0.1, 1))
    rusty = replace(RED, name="rusted-iron")
    parts = (replace(box("a"), material=velvet), replace(box("b"), material=rusty), box("c"))
    found = set_material(Asset(parts), SetMaterialOptions("auto"))
    assert [part.material.name for part in found.parts] == ["velvet", "rusted-iron", "red"]
    assert found.parts[2] is parts[2]
    shown = decode(found.parts[0].material.base_color_texture.pixels()[..., :3]).mean(axis=(0, 1))
    np.testing.assert_allclose(shown, velvet.base_color[:3], atol=0.01)
    assert set_material(Asset(parts[2:]), SetMaterialOptions("auto")).notes["set_material"] == "auto on 0 parts"


def test_glow_and_normals_stay_outside_the_region() -> None:
    normal = Texture.from_pixels(np.tile(np.uint8([188, 128, 240]), (8, 8, 1)))
    corners = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    uv = np.float32([[0, 1], [1, 1], [1, 0], [0, 0]])
    lamp = replace(RED, emissive=(2.0, 1.0, 0.0), normal_texture=normal)
    quad = make_part(corners, [[0, 1, 2], [0, 2, 3]], lamp, uv=uv, normals=np.tile(np.float32([0, 0, 1]), (4, 1)))
    box_of_lower = (0.5, 0, -1, 1, 1, 1)  # the middle of face 0 lies at x = 2/3, that of face 1 at 1/3
    found = set_material(
        Asset((quad,)), SetMaterialOptions("steel", region=box_of_lower, units="metres", resolution=64)
    )
    material = found.parts[0].material
    assert material.emissive == (2, 2, 2)
    glow = decode(material.emissive_texture.pixels()[..., :3]) * 2
    np.testing.assert_allclose(glow[10, 10], [2, 1, 0], atol=0.02)
    assert glow[50, 50].tolist() == [0, 0, 0]
    assert np.abs(material.normal_texture.pixels()[10, 10, :3].astype(int) - [188, 128, 240]).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-30, 1e-6, 1e6, 1e30])
def test_any_scale_and_faces_without_area_get_an_answer(size: float) -> None:
    points = np.random.default_rng(0).normal(size=(12, 3)) * size
    faces = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 9, 9], [9, 10, 9]])
    mapped = np.random.default_rng(1).uniform(0, 0.2, (12, 2)).astype(np.float32)
    mapped[3:6] += 0.4
    mapped[6:9] += 0.8
    for uv in (None, mapped):
        part = make_part(points, faces, RED, uv=uv)
        found = set_material(Asset((part,)), SetMaterialOptions("granite", resolution=64))
        assert found.face_count == 5
        assert np.isfinite(found.parts[0].uv).all()


def test_wrong_names_are_answered_with_the_right_ones() -> None:
    with pytest.raises(ValueError, match="walnut"):
        SetMaterialOptions("wallnut")
    with pytest.raises(ValueError, match="6"):
        SetMaterialOptions("oak", region=(0.0, 1.0))
    with pytest.raises(ValueError, match="below"):
        SetMaterialOptions("oak", region=(0, 0, 0, 1, 0, 1))
    with pytest.raises(InputError, match="seat") as error:
        set_material(Asset((box("seat"),)), SetMaterialOptions("oak", part="leg*"))
    assert error.value.code == "material.no-part"
    assert set_material(Asset(()), SetMaterialOptions("oak")).parts == ()
    assert encode(np.float32([library_material("oak", 256).base_color[:3]])).tolist() == [[255, 255, 255]]
