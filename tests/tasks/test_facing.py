"""Facing: surface seen from behind is found on open meshes too; cups, cards and closed bodies are as they should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.asset import Material, Part
from tests.tasks.measured import ball, box, found


def turned(part: Part, share: float = 1.0) -> Part:
    faces = part.faces.copy()
    count = round(share * len(faces))
    faces[:count] = faces[:count, ::-1]
    return part.with_faces(faces)


def opened(part: Part, count: int = 4) -> Part:
    return part.with_faces(part.faces[:-count])


def back(*parts: Part) -> float:
    return found("facing.back_share", *parts)["facing.back_share"]


def test_closed_bodies_and_open_ones_that_look_outward_show_no_back() -> None:
    assert back(ball()) == 0
    assert back(opened(ball())) < 0.01
    assert back(opened(box(), 2)) < 0.01


def test_an_open_body_inside_out_is_all_back() -> None:
    assert back(turned(opened(ball()))) > 0.98
    assert back(turned(opened(ball(), 40))) > 0.9


def test_flipped_faces_count_by_their_share() -> None:
    part = opened(ball(subdivisions=4))
    assert back(turned(part, 0.25)) == pytest.approx(0.25, abs=0.04)


def test_one_of_two_pieces_inside_out() -> None:
    assert back(opened(ball()), turned(opened(ball(x=3.0)))) == pytest.approx(0.5, abs=0.03)


def test_a_card_and_a_double_sided_body_show_none() -> None:
    card = box().with_faces(box().faces[:2])
    assert back(card) == 0
    shown = turned(opened(ball()))
    assert back(replace(shown, material=Material(double_sided=True))) == 0
    assert np.isfinite(back(opened(ball()).with_faces(ball().faces[:1])))
