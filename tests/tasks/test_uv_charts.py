"""Charts of imported UVs: their number, their density in texels a metre, and what stretches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.measured import ball, box, found, grid

GREY = np.full((64, 64, 3), 128, np.uint8)


@given(size=st.sampled_from([1e-3, 0.5, 3.0, 200.0]), cut=st.sampled_from([None, 0.25]))
@settings(max_examples=8, deadline=None)
def test_a_square_under_a_picture_has_its_pixels_a_metre(size: float, cut: float | None) -> None:
    sheet = grid(4, GREY, cut)
    sheet = replace(sheet, vertices=sheet.vertices * np.float32(size))
    metrics = found("uv.charts", sheet)
    assert metrics["uv.charts"] == (1 if cut is None else 2)
    assert metrics["uv.texel_density"] == pytest.approx(64 / size, rel=1e-3)
    assert metrics["uv.texel_density_ratio"] == pytest.approx(1.0, rel=1e-3)
    assert metrics["uv.stretch"] == pytest.approx(1.0, rel=1e-3)


def test_a_chart_at_a_quarter_of_the_size_is_found_by_its_density() -> None:
    sheet = grid(4, GREY, 0.25)
    uv = sheet.uv.copy()  # type: ignore[union-attr]
    right = np.arange(len(uv)) >= 15
    uv[right] *= 0.25
    metrics = found("uv.texel_density_ratio", replace(sheet, uv=uv))
    assert metrics["uv.texel_density_ratio"] == pytest.approx(4.0, rel=1e-3)
    assert metrics["uv.texel_density_min"] == pytest.approx(16.0, rel=1e-3)


def test_a_squeezed_sheet_is_stretched_and_a_collapsed_one_at_the_cap() -> None:
    sheet = grid(4, GREY)
    squeezed = replace(sheet, uv=sheet.uv * np.float32([0.25, 1.0]))  # type: ignore[operator]
    assert found("uv.stretch", squeezed)["uv.stretch"] > 1.4
    flat = replace(sheet, uv=np.zeros_like(sheet.uv))
    metrics = found("uv.stretch", flat)
    assert "uv.texel_density" not in metrics
    assert np.isfinite(metrics["uv.stretch"])


def test_what_shows_no_map_and_a_palette_swatch_have_no_density() -> None:
    sheet = grid(4, GREY)
    plain = replace(sheet, material=replace(sheet.material, base_color_texture=None))
    swatch = replace(sheet, uv=np.full_like(sheet.uv, 0.3), vertices=sheet.vertices + np.float32(2.0))
    metrics = found("uv.texel_density", sheet, plain, swatch)
    assert metrics["uv.texel_density"] == pytest.approx(64.0, rel=1e-3)
    assert metrics["uv.texel_density_ratio"] == pytest.approx(1.0, rel=1e-3)


def test_without_uvs_there_are_no_charts() -> None:
    assert "uv.charts" not in found("uv.charts", ball(), box())
