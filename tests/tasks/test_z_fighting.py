"""Z-fighting: surface on surface that looks the same way, where it is seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Part, make_part
from tests.tasks.measured import ball, box, found


def share(*parts: Part) -> float:
    return found("zfighting.share", *parts)["zfighting.share"]


@given(scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e20]), gap=st.sampled_from([0.0, 1e-5]))
@settings(max_examples=8, deadline=None)
def test_a_panel_laid_on_a_side_fights(scale: float, gap: float) -> None:
    body, panel = box(), box((0.5, 0.5, 0.2), y=0.25, z=0.4 + gap)
    scaled = [make_part(part.vertices * scale, part.faces) for part in (body, panel)]
    assert share(*scaled) == pytest.approx(0.5 / 6.9, abs=0.01)  # 0.25 m² on each, of 6 and 0.9 m²


def test_a_panel_in_front_back_to_back_or_inside_does_not() -> None:
    assert share(box(), box((0.5, 0.5, 0.2), y=0.25, z=0.42)) == 0
    assert share(box(), box(0.5, y=1.0)) == 0
    assert share(box(), box(0.5, y=0.0)) < 0.01  # two undersides on the ground
    assert share(ball(subdivisions=4)) < 0.01


def test_a_body_twice_is_all_fighting() -> None:
    assert share(ball(), ball()) > 0.95
    assert np.isfinite(share(make_part(np.zeros((3, 3)), [[0, 1, 2]]), box()))
