"""Seams: none where the picture goes on across the cut, the jump where it does not, none where the surface bends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tasks.measured import found, grid

PLAIN = np.full((64, 128, 3), 120, np.uint8)
WIDTH = 128


def two_tone(left: int, right: int) -> np.ndarray:
    """Left and right halves of the sheet as its two charts lie in a picture twice as wide: 0–0.25 and 0.5–0.75."""
    pixels = PLAIN.copy()
    pixels[:, : WIDTH * 3 // 8], pixels[:, WIDTH * 3 // 8 :] = left, right
    return pixels


def sheet(pixels: np.ndarray):  # type: ignore[no-untyped-def]
    part = grid(8, pixels, cut=0.5)
    return replace(part, uv=part.uv * np.float32([0.5, 1.0]))


def test_a_picture_that_goes_on_has_no_seam() -> None:
    metrics = found("texture.seam_mean", sheet(two_tone(120, 120)))
    assert metrics["texture.seam_mean"] < 0.002
    assert metrics["texture.seam_p95"] < 0.002


def test_a_jump_is_as_large_as_the_colours_are_apart() -> None:
    metrics = found("texture.seam_p95", sheet(two_tone(60, 200)))
    assert metrics["texture.seam_p95"] == pytest.approx(0.49, abs=0.05)  # OKLab lightness 0.34 and 0.83
    assert metrics["texture.seam_mean"] == pytest.approx(metrics["texture.seam_p95"], rel=0.1)


def test_a_background_that_bleeds_in_is_a_seam() -> None:
    pixels = two_tone(150, 150)
    pixels[:, WIDTH // 4 + 1 : WIDTH // 2 - 1] = 0  # up to the rims of both charts, without a gutter
    bled = pixels.copy()
    bled[:, WIDTH // 4] = 0
    assert found("texture.seam_mean", sheet(bled))["texture.seam_mean"] > 0.05


def test_noise_is_not_taken_for_a_seam() -> None:
    noise = np.random.default_rng(0).integers(90, 150, (64, WIDTH, 3)).astype(np.uint8)
    pattern = found("texture.seam_mean", sheet(noise))["texture.seam_mean"]
    assert pattern < 0.06
    tinted = noise.copy()
    tinted[:, WIDTH * 3 // 8 :, 0] = 255
    assert found("texture.seam_mean", sheet(tinted))["texture.seam_mean"] > 2 * pattern


def test_an_uncut_sheet_and_a_sharp_edge_have_none() -> None:
    assert "texture.seam_mean" not in found("texture.seam_mean", grid(4, PLAIN))
    folded = sheet(two_tone(60, 200))
    points = folded.vertices.copy()
    beyond = points[:, 0] > 0.5
    points[beyond] = np.column_stack([np.full(beyond.sum(), 0.5), points[beyond, 0] - 0.5, points[beyond, 2]])
    assert "texture.seam_mean" not in found("texture.seam_mean", replace(folded, vertices=points))
