"""What maps hold where the surface shows them: filler, one colour, broken and flat normals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Texture
from tests.tasks.measured import box, found, grid

NOISE = np.random.default_rng(1).integers(60, 200, (64, 64, 3)).astype(np.uint8)
UP = np.tile(np.uint8([128, 128, 255]), (64, 64, 1))


def with_normals(pixels: np.ndarray):  # type: ignore[no-untyped-def]
    part = grid(4, NOISE)
    return replace(part, material=replace(part.material, normal_texture=Texture.from_pixels(pixels)))


@given(rows=st.integers(0, 64), filler=st.sampled_from([(0, 0, 0), (255, 0, 255)]))
@settings(max_examples=10, deadline=None)
def test_filler_counts_by_its_share(rows: int, filler: tuple[int, int, int]) -> None:
    pixels = NOISE.copy()
    pixels[:rows] = filler
    assert found("texture.empty", grid(4, pixels))["texture.empty"] == pytest.approx(rows / 64, abs=0.02)


def test_transparent_texels_are_empty_on_opaque_materials_only() -> None:
    pixels = np.concatenate([NOISE, np.full((64, 64, 1), 255, np.uint8)], axis=2)
    pixels[:32, :, 3] = 0
    assert found("texture.empty", grid(4, pixels))["texture.empty"] == pytest.approx(0.5, abs=0.02)
    assert found("texture.empty", grid(4, pixels, alpha_mode="MASK"))["texture.empty"] == 0
    assert "texture.empty" not in found("texture.empty", grid(4, pixels, emissive=(1.0, 1.0, 1.0)))


def test_one_colour_is_constant_and_a_swatch_is_not_counted() -> None:
    assert found("texture.constant", grid(4, np.full((64, 64, 3), 99, np.uint8)))["texture.constant"] == 1
    assert found("texture.constant", grid(4, np.full((4, 4, 3), 99, np.uint8)))["texture.constant"] == 0
    assert found("texture.constant", grid(4, NOISE))["texture.constant"] == 0


def test_a_normal_map_has_unit_vectors_that_look_outward() -> None:
    tilted = UP.copy()
    tilted[::2] = (190, 128, 238)
    good = found("texture.normal_faults", with_normals(tilted))
    assert (good["texture.normal_faults"], good["texture.normal_flat"]) == (0, 0)
    flat = found("texture.normal_flat", with_normals(UP))
    assert (flat["texture.normal_faults"], flat["texture.normal_flat"]) == (0, 1)
    inward = tilted.copy()
    inward[:16] = (128, 128, 0)
    assert found("texture.normal_faults", with_normals(inward))["texture.normal_faults"] == pytest.approx(
        0.25, abs=0.02
    )
    assert found("texture.normal_faults", with_normals(NOISE // 2 + 64))["texture.normal_faults"] > 0.9


def test_without_textures_nothing_is_said() -> None:
    assert not any(name.startswith("texture.") for name in found("texture.empty", box()))
