"""Baking: colours and PBR factors of the source arrive at the right texels, without gaps or bleeding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError, Material, Part, Texture, make_part
from tasks.bake import BakeOptions, bake
from tasks.gutter import nearest_covered
from tasks.texel_raster import rasterize
from tasks.unwrap import UnwrapOptions, unwrap

SMALL = BakeOptions(128)
RED, BLUE = Material(base_color=(1, 0, 0, 1)), Material(base_color=(0, 0, 1, 1))


def box(shift: float = 0.0, material: Material = RED, **attributes: object) -> Part:
    mesh = trimesh.creation.box((1, 1, 1))
    return make_part(mesh.vertices + np.float64([shift, 0, 0]), mesh.faces, material, **attributes)


def quad(material: Material, uv: object = ((0, 1), (1, 1), (1, 0), (0, 0)), **attributes: object) -> Part:
    """The unit square in XY facing +Z, its texture upright."""
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    return make_part(corners, [[0, 1, 2], [0, 2, 3]], material, uv=np.array(uv, np.float32), **attributes)


def unwrapped(*parts: Part) -> Asset:
    return unwrap(Asset(parts), UnwrapOptions(128, when="always"))


def at_corners(asset: Asset, texture: Texture) -> np.ndarray:
    """(m, 4): the texture's pixel at the middle of each face."""
    part, pixels = asset.parts[0], texture.pixels()
    middle = part.uv[part.faces].mean(axis=1) * len(pixels)
    return pixels[middle[:, 1].astype(int), middle[:, 0].astype(int)]


def test_an_asset_without_a_source_is_left_alone() -> None:
    asset = Asset((box(),))
    assert bake(asset) is asset


def test_each_face_shows_its_own_part_and_no_texel_shows_anything_else() -> None:
    baked = bake(unwrapped(box(), box(2, BLUE)), SMALL)
    texture = baked.parts[0].material.base_color_texture
    colours = at_corners(baked, texture)
    assert (colours[:12] == [255, 0, 0, 255]).all()
    assert (colours[12:] == [0, 0, 255, 255]).all()
    known = {(255, 0, 0, 255), (0, 0, 255, 255)}
    assert {tuple(pixel) for pixel in texture.pixels().reshape(-1, 4)} == known  # gutters and background too
    assert baked.notes["bake"] == "128 px, same triangles"


def test_the_closest_point_path_paints_what_the_direct_path_paints() -> None:
    asset = unwrapped(box(), box(2, BLUE))
    low = asset.parts[0]
    reordered = replace(asset, parts=(low.with_faces(low.faces[::-1]),))
    other = bake(reordered, SMALL)
    assert "closest point" in other.notes["bake"]
    expected = bake(asset, SMALL).parts[0].material.base_color_texture.pixels()
    np.testing.assert_array_equal(other.parts[0].material.base_color_texture.pixels(), expected)


def test_a_thin_wall_takes_each_side_s_own_colour() -> None:
    mesh = trimesh.creation.box((1, 1, 0.004))
    top = mesh.face_normals[:, 2] > 0.5
    source = Asset((make_part(mesh.vertices, mesh.faces[top], RED), make_part(mesh.vertices, mesh.faces[~top], BLUE)))
    thinner = trimesh.creation.box((1, 1, 0.0005))
    thinner.apply_translation((0, 0, 0.0015))  # both sides lie within 2 mm of the source's top, as after decimation
    low = unwrap(Asset((make_part(thinner.vertices, thinner.faces),), source=source), UnwrapOptions(128))
    baked = bake(low, SMALL)
    colours = at_corners(baked, baked.parts[0].material.base_color_texture)
    assert (colours[thinner.face_normals[:, 2] > 0.5] == [255, 0, 0, 255]).all()
    assert (colours[thinner.face_normals[:, 2] < -0.5] == [0, 0, 255, 255]).all()


def test_a_texture_keeps_its_place_its_factor_and_its_curve() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 188  # right half; sRGB 188 is linear 0.503, and half of that is sRGB 137
    textured = Material(base_color=(0.5, 0.5, 0.5, 1), base_color_texture=Texture.from_pixels(pixels))
    source = Asset((quad(textured),))
    low = Asset((quad(Material()),), source=source)
    out = bake(low, SMALL).parts[0].material
    result = out.base_color_texture.pixels()
    assert (result[:, 70:120, 0] == 137).all()
    assert (result[:, 8:58, :3] == 0).all()
    assert out.base_color == (1, 1, 1, 1)
    assert not out.textures[1:]


def test_vertex_colours_are_linear_and_multiply_the_factor() -> None:
    colors = np.tile(np.uint8([255, 128, 0, 255]), (4, 1))
    low = Asset((quad(Material()),), source=Asset((quad(Material(base_color=(1, 1, 1, 1)), colors=colors),)))
    baked = bake(low, SMALL).parts[0]
    assert (baked.material.base_color_texture.pixels()[..., :3] == [255, 188, 0]).all()  # linear 0.502
    assert baked.colors is None


def test_roughness_and_metallic_become_a_map_only_where_they_vary() -> None:
    steel, rubber = replace(RED, metallic=1.0, roughness=0.2), replace(BLUE, metallic=0.0, roughness=1.0)
    baked = bake(unwrapped(box(material=steel), box(2, rubber)), SMALL)
    material = baked.parts[0].material
    packed = at_corners(baked, material.metallic_roughness_texture)
    assert (packed[:12, :3] == [255, 51, 255]).all()
    assert (packed[12:, :3] == [255, 255, 0]).all()
    assert (material.metallic, material.roughness, material.occlusion_texture) == (1, 1, None)
    plain = bake(unwrapped(box(material=steel), box(2, replace(steel, name="other"))), SMALL).parts[0].material
    assert (plain.metallic, plain.roughness, plain.metallic_roughness_texture) == (1.0, 0.2, None)
    only_colour = bake(unwrapped(box(material=steel), box(2, rubber)), BakeOptions(128, "base_color"))
    assert len(only_colour.parts[0].material.textures) == 1


def test_occlusion_shares_the_packed_map_at_its_strength() -> None:
    half = Texture.from_pixels(np.tile(np.uint8([0, 9, 9]), (4, 4, 1)))
    source = Asset((quad(replace(RED, occlusion_texture=half, occlusion_strength=0.4)), box(3, BLUE)))
    material = bake(unwrap(source, UnwrapOptions(128, when="always")), SMALL).parts[0].material
    assert material.occlusion_texture is material.metallic_roughness_texture
    assert set(np.unique(material.occlusion_texture.pixels()[..., 0])) == {153, 255}


def test_emissive_is_a_map_when_some_parts_glow_and_nothing_when_none_does() -> None:
    lamp = replace(RED, emissive=(1.0, 0.5, 0.0))
    baked = bake(unwrapped(box(material=lamp), box(2, BLUE)), SMALL)
    glow = at_corners(baked, baked.parts[0].material.emissive_texture)
    assert (glow[:12, :3] == [255, 188, 0]).all()
    assert (glow[12:, :3] == 0).all()
    assert bake(unwrapped(box(), box(2, BLUE)), SMALL).parts[0].material.emissive_texture is None


def test_glass_keeps_its_alpha_and_opaque_parts_ignore_theirs() -> None:
    glass = Material(base_color=(0, 0, 1, 0.25), alpha_mode="BLEND")
    baked = bake(unwrapped(box(material=glass), box(2, replace(RED, base_color=(1, 0, 0, 0.5)))), SMALL)
    colours = at_corners(baked, baked.parts[0].material.base_color_texture)
    assert baked.parts[0].material.alpha_mode == "BLEND"
    assert set(colours[:12, 3]) == {64}
    assert set(colours[12:, 3]) == {255}
    assert bake(unwrapped(box(), box(2, BLUE)), SMALL).parts[0].material.alpha_mode == "OPAQUE"


def test_baking_without_an_atlas_is_refused() -> None:
    source = Asset((box(), box(2)))
    for asset in (replace(source, source=source), Asset((box(),), source=source)):
        with pytest.raises(InputError) as error:
            bake(asset)
        assert error.value.code == "bake.no-uv"


def test_the_same_asset_bakes_to_the_same_bytes() -> None:
    asset = unwrapped(box(), box(2, BLUE))
    first, second = (bake(asset, SMALL).parts[0].material.base_color_texture.data for _ in range(2))
    assert first == second


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), thin=st.sampled_from([1.0, 1e-3, 0.0]))
def test_rasterising_one_triangle_covers_its_inside_and_only_texels_it_touches(seed: int, thin: float) -> None:
    rng = np.random.default_rng(seed)
    a, edge, other = rng.uniform(0, 0.5, (3, 2))
    uv = np.array([a, a + edge, a + edge * 0.7 + other * thin])
    face, barycentric = rasterize(uv.astype(np.float32), np.array([[0, 1, 2]], np.int32), 32)
    covered = (face == 0).reshape(-1)
    weights = np.concatenate([1 - barycentric.sum(axis=2, keepdims=True), barycentric], axis=2).reshape(-1, 3)
    centres = (np.mgrid[:32, :32][::-1].reshape(2, -1).T + 0.5) / 32
    offset = np.linalg.norm(weights @ uv - centres, axis=1) * 32
    assert weights[covered].min(initial=0) >= -1e-5
    assert offset[covered].max(initial=0) <= np.sqrt(0.5) + 1e-3
    samples = rng.dirichlet([1, 1, 1], 500) @ uv  # every texel that holds a point of the triangle is covered …
    samples = samples[(samples.min(axis=1) > 0) & (samples.max(axis=1) < 1)]
    column, row = (samples.T * 32).astype(int)
    assert covered[row * 32 + column].all()
    if thin == 1.0:  # … and a centre inside it gets the exact point
        exact = np.linalg.lstsq(np.vstack([uv.T, np.ones(3)]), np.vstack([centres.T, np.ones(1024)]), rcond=None)[0]
        inside = exact.min(axis=0) > 1e-3
        assert covered[inside].all()
        assert offset[inside].max(initial=0) < 1e-3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 12))
def test_gutters_take_the_nearest_covered_texel(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    covered = np.zeros((24, 24), dtype=bool)
    seeds = rng.integers(0, 24, (count, 2))
    covered[seeds[:, 0], seeds[:, 1]] = True
    found = nearest_covered(covered)
    y, x = np.mgrid[:24, :24]
    distance = np.hypot(found // 24 - y, found % 24 - x)
    exact = np.hypot(*(np.stack([y, x])[:, None] - seeds.T[..., None, None])).min(axis=0)
    assert covered.reshape(-1)[found].all()
    np.testing.assert_array_equal(distance, exact)
    assert (nearest_covered(np.zeros((4, 4), dtype=bool)) == -1).all()


@pytest.mark.parametrize("tiles", [16.0, 1.0])
def test_a_map_finer_than_the_bake_is_averaged_and_a_coarser_one_stays_sharp(tiles: float) -> None:
    """A checker of texels repeated over a quad: its mean in linear light is sRGB 188, whichever texels are met."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    material = Material("board", (1, 1, 1, 1), base_color_texture=Texture.from_pixels(board))
    part = quad(material, np.array([(0, 1), (1, 1), (1, 0), (0, 0)]) * tiles)
    values = bake(unwrapped(part), SMALL).parts[0].material.base_color_texture.pixels()[..., 0].astype(int)
    if tiles > 1:
        assert np.abs(values - 188).max() <= 1
    else:
        assert values.std() > 15
