"""Drawings made again: the same without a wish, and with one only what it names is another."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import Asset, InputError
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Refusal, Request
from ml.generators.redraw import Redrawn, redraw
from ml.parametric.catalogue import BUILDERS
from ml.parametric.chance import Remembered
from ml.prompt import parse_prompt
from tasks.glb import encode_glb

DRAWN = Procedural()


def request(prompt: str, seed: int = 7) -> Request:
    return Request("x", seed, parse_prompt(prompt))


def again(prompt: str, text: str, *earlier: str, seed: int = 7) -> Redrawn:
    found = redraw(request(prompt, seed), ProceduralOptions(), earlier, text)
    assert found is not None
    return found


def moved(before: Asset, after: Asset) -> set[str]:
    """Parts that are not what they were, but for the one shift that centres the whole anew."""
    old = {part.name: part for part in before.parts}
    found, shifts = set(), []
    for part in after.parts:
        was = old.get(part.name)
        if was is None or len(was.vertices) != len(part.vertices) or was.material != part.material:
            found.add(part.name)
            continue
        shift = part.vertices.astype(np.float64) - was.vertices
        shifts.append(shift.mean(axis=0))
        if np.abs(shift - shifts[-1]).max() > 1e-5:
            found.add(part.name)
    assert not shifts or np.ptp(shifts, axis=0).max() < 1e-5 or found
    return found | (old.keys() - {part.name for part in after.parts})


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(BUILDERS)), st.integers(0, 2**63 - 1))
def test_remembered_chance_draws_what_the_seed_draws(category: str, seed: int) -> None:
    asked = request(f"a {category}", seed)
    chance = Remembered(seed)
    drawings = [DRAWN.generate([asked])[0]]
    for _ in range(2):
        found = DRAWN.draw(asked, cast(np.random.Generator, chance))
        assert not isinstance(found, Refusal)
        drawings.append(found[0])
        chance.again()
    assert len({encode_glb(cast(Asset, each)) for each in drawings}) == 1


@pytest.mark.parametrize(
    ("prompt", "text", "named"),
    [
        ("an oak chair", "seat of gold", {"seat"}),
        ("an oak chair", "add armrests", {"arms"}),
        ("an oak chair", "add a cushion", {"cushion"}),
        ("a sword", "blade of gold", {"blade"}),
        ("a barrel", "eight hoops", {"hoops"}),
        ("a dresser", "two drawers", {"drawers", "knobs"}),
        ("a bookshelf", "without books", {"books"}),
    ],
)
@pytest.mark.parametrize("seed", [1, 7, 23])
def test_what_is_not_named_stays_as_it_was(prompt: str, text: str, named: set[str], seed: int) -> None:
    found = again(prompt, text, seed=seed)
    assert moved(found.before.asset, found.after.asset) <= named


def test_earlier_instructions_hold() -> None:
    found = again("an oak chair", "red seat", "add armrests", "legs of iron")
    assert {part.name for part in found.after.asset.parts} >= {"arms"}
    assert found.before.asset.face_count == found.after.asset.face_count > found.first.face_count
    legs = next(part for part in found.after.asset.parts if part.name == "legs")
    assert legs.material.name.endswith("iron")


def test_nothing_left_is_a_refusal() -> None:
    with pytest.raises(InputError, match="negated"):
        again("a rock", "without body")
