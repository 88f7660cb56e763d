"""Stretch: known values, and the same whatever the scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.uv_stretch import CAP, stretch

TRIANGLES = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 0], [0, 1, 0]]], float)


@settings(deadline=None)
@given(st.sampled_from([1e-20, 1.0, 1e20]), st.floats(0.25, 4.0), st.floats(0, 6.3))
def test_a_sheet_pulled_to_twice_its_width(unit: float, scale: float, angle: float) -> None:
    """Singular values √2 and 1/√2 at equal area: L² = √((2 + ½) / 2), angle (2 + ½) / 2, areas kept."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = stretch(TRIANGLES * unit, (TRIANGLES[..., :2] * [2, 1] * scale) @ turn.T)
    assert found.l2 == pytest.approx(np.sqrt(1.25))
    assert found.worst == pytest.approx(np.sqrt(2))
    assert (found.angle, found.area) == (pytest.approx(1.25), pytest.approx(1.0))
    assert found.scale == pytest.approx(np.sqrt(2) * scale / unit)


def test_charts_of_different_density_show_as_area_distortion() -> None:
    corners = TRIANGLES[..., :2].copy()
    corners[1] *= 3
    found = stretch(TRIANGLES, corners)
    assert found.angle == pytest.approx(1.0)
    assert found.area == pytest.approx((5 + 1 / 5 + 9 / 5 + 5 / 9) / 4)


def test_a_face_flat_in_the_square_counts_as_the_cap_and_one_flat_in_space_not_at_all() -> None:
    corners = TRIANGLES[..., :2].copy()
    corners[1, 1] = [0.5, 0.5]
    assert stretch(TRIANGLES, corners).worst == CAP
    line = np.zeros((1, 3, 3))
    assert stretch(np.concatenate([TRIANGLES, line]), np.concatenate([TRIANGLES, line])[..., :2]).l2 == pytest.approx(1)
    assert stretch(line, line[..., :2]).l2 == 1.0
