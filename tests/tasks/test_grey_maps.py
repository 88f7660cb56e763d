"""Packed maps come apart by channel, with their factors; colour and normal maps take a factor in."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Material, Texture
from ml.srgb import to_linear, to_srgb
from tasks.grey_maps import grey_maps
from tasks.tinted_maps import steepened, tinted
from tests.tasks.export_assets import texture

PACKED = texture(1)
PIXELS = PACKED.pixels().astype(float)


def level(value: float | Texture) -> np.ndarray:
    assert isinstance(value, Texture)
    return value.pixels()[..., 0].astype(float)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_red_is_occlusion_green_roughness_and_blue_metallic(strength: float, rough: float, metal: float) -> None:
    made = grey_maps(
        Material(
            roughness=rough, metallic=metal, metallic_roughness_texture=PACKED, occlusion_texture=PACKED,
            occlusion_strength=strength,
        )
    )  # fmt: skip
    np.testing.assert_allclose(level(made.roughness), PIXELS[..., 1] * rough, atol=0.51)
    np.testing.assert_allclose(level(made.metallic), PIXELS[..., 2] * metal, atol=0.51)
    np.testing.assert_allclose(level(made.occlusion), 255 + strength * (PIXELS[..., 0] - 255), atol=0.51)


def test_what_needs_no_map_is_a_number() -> None:
    assert grey_maps(Material(roughness=0.3, metallic=0.7)).roughness == 0.3
    flat = Texture.from_pixels(np.full((4, 4, 3), (255, 51, 102), np.uint8))
    made = grey_maps(Material(roughness=0.5, metallic=1.0, metallic_roughness_texture=flat, occlusion_texture=flat))
    assert (made.roughness, made.metallic) == (pytest.approx(0.1, abs=2e-3), pytest.approx(0.4))
    assert made.occlusion == 1.0
    off = grey_maps(Material(roughness=0.0, metallic=0.0, metallic_roughness_texture=PACKED))
    assert (off.roughness, off.metallic, off.occlusion) == (0.0, 0.0, 1.0)


def test_a_grey_image_of_its_own_is_not_encoded_again() -> None:
    shade = Texture.from_pixels(np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8))
    material = Material(metallic_roughness_texture=PACKED, occlusion_texture=shade)
    assert grey_maps(material).occlusion is shade
    faded = grey_maps(replace(material, occlusion_strength=0.5)).occlusion
    np.testing.assert_allclose(level(faded), 127.5 + shade.pixels()[..., 0] / 2, atol=0.51)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_tint_is_the_factor_in_linear_light(red: float, alpha: float) -> None:
    made = tinted(PACKED, (red, 1.0, 1.0, alpha))
    assert made is not None
    found = made.pixels().astype(float)
    np.testing.assert_allclose(found[..., 0], to_srgb(to_linear(PIXELS[..., 0] / 255) * red) * 255, atol=0.51)
    np.testing.assert_array_equal(found[..., 1:3], PIXELS[..., 1:3])
    np.testing.assert_allclose(found[..., 3], 255 * alpha, atol=0.51)
    assert tinted(PACKED, (1.0, 1.0, 1.0, 1.0)) is PACKED
    assert tinted(None, (0.5, 1.0, 1.0, 1.0)) is None


def test_steeper_normals_stay_unit() -> None:
    slope = np.stack([np.full((4, 4), 158), np.full((4, 4), 128), np.full((4, 4), 251)], axis=-1).astype(np.uint8)
    normal = steepened(Texture.from_pixels(slope), 2.0).pixels()[0, 0, :3] / 127.5 - 1
    assert np.linalg.norm(normal) == pytest.approx(1, abs=0.01)
    assert normal[0] / normal[2] == pytest.approx(2 * (158 / 127.5 - 1) / (251 / 127.5 - 1), abs=0.02)
    assert steepened(PACKED, 1.0) is PACKED
