"""Captions of an example are true of it at each length, and the held splits are what training never draws."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.alignment.captions import Caption, draw, text
from ml.alignment.examples import parts_of_categories
from ml.alignment.tokens import claims
from ml.prompt import parse_prompt
from ml.shapes.captions import three_lengths
from ml.shapes.split import CELL, split_of
from ml.substances import COLORS


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_shorter_captions_claim_no_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    caption = draw(rng, parts_of_categories())
    whole = claims(parse_prompt(text(caption)))
    long, medium, short = (claims(parse_prompt(each)) for each in three_lengths(caption, rng))
    assert long == whole
    assert medium <= whole
    assert short <= whole
    assert len(short) <= 4  # 'wine barrel', a part and what is said of it


def test_half_of_the_captions_name_a_colour_or_material() -> None:
    rng = np.random.default_rng(0)
    named = Counter[int]()
    for _ in range(400):
        caption = draw(rng, parts_of_categories())
        words = {caption.color, caption.material, caption.part_word} - {""}
        for length, each in enumerate(three_lengths(caption, rng)):
            named[length] += any(word in each for word in words)
    assert sum(named.values()) / 1200 > 0.5
    assert min(named[0], named[1]) / 400 > 0.7


def test_a_category_can_be_drawn() -> None:
    rng = np.random.default_rng(0)
    for category in parts_of_categories():
        assert claims(parse_prompt(text(draw(rng, parts_of_categories(), category)))) >= {f"subject {category}"}


@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
@settings(max_examples=60, deadline=None)
def test_regions_are_of_proportions_and_of_a_category(width: float, depth: float, size: float) -> None:
    caption = Caption("chair")
    found = split_of(caption, "chair", (width, 1.0, depth))
    assert found in ("train", "region")
    column, row = np.floor(np.log2((width, depth)) / CELL)
    middle = 2.0 ** ((column + 0.5) * CELL), 1.0, 2.0 ** ((row + 0.5) * CELL)
    assert split_of(caption, "chair", np.multiply(middle, size)) == found


def test_one_region_in_eight_is_held_and_pairs_are_by_the_word() -> None:
    sizes = 2.0 ** np.random.default_rng(0).uniform(-2, 2, (4000, 3))
    held = np.mean([split_of(Caption("chair"), "chair", each) == "region" for each in sizes])
    assert 0.06 < held < 0.2
    splits = {color: split_of(Caption("chair", color=color), "chair", (1, 1, 1)) for color in COLORS}
    assert set(splits.values()) == {"pairs", "train"}
