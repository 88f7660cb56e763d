"""The library's textures tile, agree with the substance table, stay physical and are the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from ml.asset import InputError
from ml.color_space import decode, encode, from_oklab, to_oklab
from ml.materials.library import ALIASES, LIBRARY, Maps, library_material, substance_of, texture_maps
from ml.materials.noise import normals_of
from ml.substances import COLORS, SUBSTANCES

SIZE = 256
NAMES = sorted(LIBRARY)
# A mean cannot be kept where a colour is cut off at what is physical, and mortar or bare iron is not the substance.
MIXED = {"brick", "tile", "rusted-iron"}


@pytest.fixture(scope="module")
def maps() -> dict[str, Maps]:
    return {name: texture_maps(name, SIZE) for name in NAMES}


def jump(pixels: np.ndarray, axis: int) -> tuple[float, float]:
    """Mean step across the tile's seam, and the largest mean step between neighbouring lines inside it."""
    values = pixels.astype(np.float64)
    steps = np.abs(np.diff(values, axis=axis)).mean(axis=(1 - axis, 2) if values.ndim == 3 else 1 - axis)
    seam = np.abs(values.take(0, axis) - values.take(-1, axis)).mean()
    return float(seam), float(steps.max())


@pytest.mark.parametrize("name", NAMES)
def test_no_seam_is_larger_than_the_steps_inside(name: str, maps: dict[str, Maps]) -> None:
    for pixels in (maps[name].base_color, maps[name].roughness_metallic, maps[name].normal, maps[name].height):
        for axis in (0, 1):
            seam, inside = jump(pixels, axis)
            assert seam <= inside * 1.05 + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_colour_roughness_and_metallic_are_the_substance_s(name: str, maps: dict[str, Maps]) -> None:
    substance, found = substance_of(name), maps[name]
    typical = np.median if name in MIXED else np.mean
    mean = encode(typical(decode(found.base_color), axis=(0, 1))).astype(int)
    asked = encode(np.array([substance.color], np.float32)).reshape(3).astype(int)
    assert np.abs(mean - asked).max() <= (25 if name in MIXED else 4)
    rough = LIBRARY[name].roughness or substance.roughness
    assert found.roughness_metallic[..., 1].mean() / 255 == pytest.approx(rough, abs=0.03)
    assert set(np.unique(found.roughness_metallic[..., 0])) == {255}
    metallic = found.roughness_metallic[..., 2] / 255
    assert ((metallic < 0.02) | (metallic > 0.98)).mean() > 0.97
    if name not in MIXED:
        assert (metallic == substance.metallic).all()


@pytest.mark.parametrize("name", NAMES)
def test_values_are_physical(name: str, maps: dict[str, Maps]) -> None:
    brightest = maps[name].base_color.max(axis=2)
    metal = maps[name].roughness_metallic[..., 2] > 127
    assert brightest[~metal].min(initial=255) >= 30
    assert brightest.max() <= 240
    assert brightest[metal].min(initial=255) >= (100 if name in MIXED else 180)  # rust runs into bare iron
    assert np.ptp(maps[name].height) < 0.01
    assert 0 < maps[name].size_m <= 1.0


def test_every_metal_substance_reflects_as_charts_say() -> None:
    for name, substance in SUBSTANCES.items():
        assert substance.metallic in (0, 1), name
        if substance.metallic:
            assert 180 <= encode(np.array([substance.color], np.float32)).max() <= 240, name


def test_every_named_colour_is_one_that_paint_reflects() -> None:
    for name, color in COLORS.items():
        assert 30 <= encode(np.array([color], np.float32)).max() <= 240, name


def test_the_same_seed_gives_the_same_pixels_and_another_one_others() -> None:
    one, two, other = texture_maps("walnut", SIZE, 3), texture_maps("walnut", SIZE, 3), texture_maps("walnut", SIZE, 4)
    np.testing.assert_array_equal(one.base_color, two.base_color)
    assert (one.base_color != other.base_color).mean() > 0.5


def test_a_larger_tile_shows_the_same_pattern() -> None:
    small = decode(texture_maps("marble", 256).base_color)
    large = decode(texture_maps("marble", 512).base_color).reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(small[..., 1].ravel(), large[..., 1].ravel())[0, 1] > 0.9


def test_a_colour_takes_the_place_of_the_substance_s() -> None:
    red = texture_maps("velvet", SIZE, color=(0.5, 0.02, 0.02))
    mean = decode(red.base_color).mean(axis=(0, 1))
    assert mean == pytest.approx([0.5, 0.02, 0.02], abs=0.03)


def test_normals_lean_away_from_what_rises() -> None:
    ramp = np.tile(np.abs(np.arange(64) - 32.0)[None] * 0.01, (64, 1)).astype(np.float32)
    normal = normals_of(np.ascontiguousarray(ramp), 0.01).astype(int)
    assert (normal[:, 40, 0] == 37).all()  # 45° up to the right leans left: 127.5 × (1 − √½)
    assert (normal[:, 40, 1] == 128).all()
    down = normals_of(np.ascontiguousarray(ramp.T), 0.01).astype(int)
    assert (down[40, :, 1] == 218).all()  # rising downward in the image leans up: green above the middle


def test_materials_are_gltf_s() -> None:
    oak, glass = library_material("oak", SIZE), library_material("glass", SIZE)
    assert (oak.name, oak.metallic, oak.roughness, oak.alpha_mode) == ("oak", 1, 1, "OPAQUE")
    assert [texture.size for texture in oak.textures] == [(SIZE, SIZE)] * 3
    assert (glass.alpha_mode, glass.base_color_texture) == ("BLEND", None)
    assert glass.base_color[3] < 1
    assert library_material("oak", SIZE) is oak


def test_unknown_names_and_sizes_are_coded() -> None:
    with pytest.raises(InputError, match="walnut") as error:
        library_material("wallnut")
    assert error.value.code == "material.unknown"
    with pytest.raises(InputError) as error:
        texture_maps("oak", 100)
    assert error.value.code == "material.size"
    assert set(ALIASES.values()) <= set(LIBRARY)
    assert library_material("Rusty Iron", SIZE).name == "rusted-iron"


def test_oklab_turns_back_and_knows_ottosson_s_values() -> None:
    rng = np.random.default_rng(0)
    linear = rng.uniform(0, 1, (500, 3)).astype(np.float32)
    np.testing.assert_allclose(from_oklab(to_oklab(linear)), linear, atol=2e-5)
    lab = to_oklab(np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1]], np.float32))
    np.testing.assert_allclose(lab, [[1, 0, 0], [0.62796, 0.22486, 0.12585], [0.45201, -0.03246, -0.31153]], atol=1e-4)
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(encode(decode(codes)), codes)
