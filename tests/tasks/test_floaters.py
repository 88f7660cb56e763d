"""Floaters: what hangs in the air is counted with its gap; what touches, stands or is alone is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import make_part
from tests.tasks.measured import ball, box, found


@given(gap=st.floats(0.06, 2.0), scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e3, 1e20]))
@settings(max_examples=12, deadline=None)
def test_a_ball_in_the_air_floats(gap: float, scale: float) -> None:
    parts = [box(), ball(0.1, y=1.0 + gap)]
    parts = [make_part(part.vertices * scale, part.faces) for part in parts]
    metrics = found("floaters.count", *parts)
    assert metrics["floaters.count"] == 1
    assert metrics["floaters.distance_m"] == pytest.approx(gap * scale, rel=0.05)
    assert metrics["floaters.share"] == pytest.approx(0.0205, rel=0.1)


def test_what_touches_by_way_of_others_does_not_float() -> None:
    assert found("floaters.count", box(), box(0.5, y=1.0), ball(0.2, y=1.5))["floaters.count"] == 0
    assert found("floaters.count", box(), box((0.1, 0.4, 0.1), y=0.9))["floaters.count"] == 0
    assert found("floaters.count", ball())["floaters.count"] == 0
    assert found("floaters.count", box(), ball(0.1, y=0.4))["floaters.count"] == 0  # hidden inside


@given(gap=st.floats(0.0, 0.008), width=st.floats(0.2, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_gap_smaller_than_a_cell_is_none(gap: float, width: float) -> None:
    assert found("floaters.count", box(), box((width, 0.3, width), y=1.0 + gap))["floaters.count"] == 0


def test_a_set_stands_on_the_ground_but_debris_does_not_count_as_one() -> None:
    assert found("floaters.count", box(), box(0.5, x=2.0))["floaters.count"] == 0
    assert found("floaters.count", box(), ball(0.02, x=2.0))["floaters.count"] == 1


def test_a_body_above_its_debris_is_still_the_body() -> None:
    metrics = found("floaters.count", box(y=1.0), ball(0.2, x=2.0))
    assert metrics["floaters.count"] == 1
    assert metrics["floaters.share"] < 0.2


def test_soup_and_lone_triangles_do_not_crash() -> None:
    rng = np.random.default_rng(0)
    soup = make_part(rng.normal(size=(300, 3)), np.arange(300).reshape(-1, 3))
    assert found("floaters.count", soup)["floaters.count"] >= 0
    flat = make_part(np.zeros((3, 3)), [[0, 1, 2]])
    assert found("floaters.count", flat, flat)["floaters.count"] == 0


def test_a_hanging_thing_counts_though_its_first_piece_is_inside_it() -> None:
    bulb, glass = ball(0.1, 2, y=2.3), ball(0.4, 3, y=2.0)
    rod = box((0.05, 0.4, 0.05), y=2.35)  # from the bulb through the glass
    assert found("floaters.count", bulb, glass, rod, box((3.0, 0.5, 3.0)))["floaters.count"] == 1
