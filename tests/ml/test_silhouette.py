"""Panes of glass count as object; smoothed edges and soft shadows stay what they are."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.silhouette import Mask, panes

SIDE = 96
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
DISC = np.hypot(ROWS - 40, COLUMNS - 48) < 24


def seen(alpha: np.ndarray) -> Mask:
    return panes((255.0 * alpha).astype(np.uint8))


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.12, 0.88), frame=st.integers(1, 6), gap=st.integers(4, 40))
def test_a_pane_is_found_up_to_its_frame(share: float, frame: int, gap: int) -> None:
    alpha = np.zeros((SIDE, SIDE))
    outside, inside = slice(20, 20 + gap + 2 * frame), slice(20 + frame, 20 + frame + gap)
    alpha[outside, outside], alpha[inside, inside] = 1.0, share
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[inside, inside] = True
    np.testing.assert_array_equal(seen(alpha), wanted)


def test_a_hole_and_a_veil_without_a_frame_are_none() -> None:
    ring = (DISC & ~(np.hypot(ROWS - 40, COLUMNS - 48) < 12)).astype(float)
    assert not seen(ring).any()
    assert not seen(0.4 * DISC).any()


@pytest.mark.parametrize("blur", [0.7, 1.5, 3.0, 8.0])
def test_smoothed_edges_and_soft_shadows_are_none(blur: float) -> None:
    assert not seen(scipy.ndimage.gaussian_filter(DISC.astype(float), blur)).any()
    ground = ((ROWS > 60) & (ROWS < 80) & (COLUMNS > 20) & (COLUMNS < 76)).astype(float)
    assert not seen(np.maximum(0.4 * scipy.ndimage.gaussian_filter(ground, blur), DISC)).any()
