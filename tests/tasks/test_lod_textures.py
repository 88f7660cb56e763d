"""Halved maps: colours mean in linear light, normals stay unit, each image is made once."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import Asset, InputError, Material, Texture, make_part
from tasks.lod_textures import TextureLevels, half_image


def board(size: int) -> Texture:
    """Black and white texels in turns."""
    even = (np.indices((size, size)).sum(axis=0) % 2).astype(np.uint8)
    return Texture.from_pixels(np.repeat(255 * even[..., None], 3, axis=2), "board")


def quad(material: Material) -> Asset:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = [[0, 1, 2], [0, 2, 3]]
    parts = (make_part(corners, faces, material, uv=corners[:, :2]), make_part(corners + 1, faces, material))
    return Asset(parts)


def test_black_and_white_mean_half_the_light_and_data_half_the_value() -> None:
    pixels = board(128).pixels()
    assert (half_image(pixels, "color")[..., :3] == 188).all()  # sRGB of 0.5
    assert (half_image(pixels, "data")[..., :3] == 128).all()
    assert (half_image(pixels, "color")[..., 3] == 255).all()


def test_texels_that_do_not_show_lend_no_colour() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, ::2] = [200, 100, 50, 255]
    half = half_image(pixels, "color")
    assert np.abs(half[..., :3].astype(int) - [200, 100, 50]).max() <= 1
    assert (half[..., 3] == 128).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_normals_stay_unit_at_any_size(seed: int, height: int, width: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4)).astype(np.uint8)
    half = half_image(pixels, "normal")
    assert half.shape == ((height + 1) // 2, (width + 1) // 2, 4)
    lengths = np.linalg.norm((half[..., :3] - 127.5) / 127.5, axis=2)
    assert np.abs(lengths - 1).max() < 0.02


def test_shared_materials_and_maps_stay_shared_and_small_ones_stay() -> None:
    orm, small = board(256), board(64)
    material = Material(metallic_roughness_texture=orm, occlusion_texture=orm, base_color_texture=small)
    textures = TextureLevels()
    once = textures.halved(quad(material))
    first, second = (part.material for part in once.parts)
    assert first is second
    assert first.metallic_roughness_texture is first.occlusion_texture
    assert first.metallic_roughness_texture.size == (128, 128)
    assert first.base_color_texture is small
    again = textures.halved(textures.halved(once))
    assert again.parts[0].material.occlusion_texture.size == (64, 64)
    assert textures.halved(again).parts[0].material is again.parts[0].material


def test_a_photograph_stays_a_jpeg() -> None:
    buffer = io.BytesIO()
    Image.fromarray(board(256).pixels()[..., :3]).save(buffer, "JPEG")
    material = Material(base_color_texture=Texture(buffer.getvalue(), "image/jpeg"))
    half = TextureLevels().halved(quad(material)).parts[0].material.base_color_texture
    assert half.mime == "image/jpeg"
    assert Image.open(io.BytesIO(half.data)).format == "JPEG"
    assert half.size == (128, 128)


def test_a_broken_map_is_refused() -> None:
    data = board(256).data
    material = Material(base_color_texture=Texture(data[: len(data) // 2]))
    with pytest.raises(InputError) as error:
        TextureLevels().halved(quad(material))
    assert error.value.code == "image.truncated"
