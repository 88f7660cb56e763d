"""Instructions merged into a prompt: what they ask stands in it, what they do not name stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.parametric.revise import Revision, revise
from ml.prompt import PartAttributes, parse_prompt

CHAIR = parse_prompt("a tall red oak chair with a round seat and iron legs, not shiny")
WORDS = ["legs", "five", "without", "remove", "gold", "blue", "seat", "rustic", "it", "and", ",", "worn", "of", "thick"]


def asked(text: str) -> Revision:
    found = revise(CHAIR, text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("give it five legs", "5 legs"),
        ("add armrests", "with arms"),
        ("without the armrests", "without arms"),
        ("remove the back", "without back"),
        ("paint the seat navy", "seat: navy"),
        ("legs of gold", "legs: gold"),
        ("thinner legs", "legs: slim"),
        ("make it more rustic", "rustic"),
        ("make it gold", "gold"),
        ("six legs of brass and make it walnut", "6 legs, legs: brass, walnut"),
    ],
)
def test_what_a_drawing_can_say(text: str, understood: str) -> None:
    assert asked(text).understood == understood


@pytest.mark.parametrize(
    "text",
    ["twice as tall", "legs 20 % longer", "taller", "wide", "legs 30 % thicker", "smooth this", "", "a giraffe",
     "frobnicate", "turn it into a table", "60 cm tall", "change the oak to walnut wood and iron"],
)  # fmt: skip
def test_what_is_left_to_the_mesh(text: str) -> None:
    assert revise(CHAIR, text) is None


def test_what_is_not_named_stays() -> None:
    revised = asked("seat of leather").prompt
    assert revised.materials == CHAIR.materials
    assert revised.colors == CHAIR.colors
    parts = {item.part: item for item in revised.parts}
    assert parts["seat"] == PartAttributes("seat", "leather", None, ("round",))
    assert parts["legs"] == PartAttributes("legs", "iron")


def test_what_contradicts_goes() -> None:
    assert asked("make it gold").prompt.colors == ()  # the material comes in its own colour
    seat = next(item for item in asked("square seat").prompt.parts if item.part == "seat")
    assert seat.shapes == ("square",)
    assert "arms" not in asked("add arms").prompt.negatives
    without = asked("without arms").prompt
    assert "arms" in without.negatives
    again = revise(without, "add arms")
    assert again is not None
    assert "arms" not in again.prompt.negatives


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_any_text_is_a_revision_or_none(text: str) -> None:
    found = revise(CHAIR, text)
    assert found is None or (found.understood and found.prompt.subject == "chair")
