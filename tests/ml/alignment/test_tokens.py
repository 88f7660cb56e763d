"""Prompts as tokens: paraphrases read the same, any text is taken, claims say what a prompt is true of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.alignment.captions import changed, draw, shortened, text
from ml.alignment.examples import is_held, parts_of_categories
from ml.alignment.tokens import CONTEXT, claims, tokenize, vocabulary, words_of
from ml.prompt import parse_prompt


@given(st.text(max_size=200))
def test_any_text_is_tokens(anything: str) -> None:
    row = tokenize(anything)[0]
    end = len(vocabulary()) - 1
    assert row.shape == (CONTEXT,)
    assert row[0] == 1
    assert (row == end).sum() == 1
    assert not row[row.argmax() + 1 :].any()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a red wooden chair", "3d model of one chair made of timber, red, high quality"),
        ("couch with oaken legs", "a sofa that has oak legs"),
        ("a #17244f boat", "a navy boat"),
    ],
)
def test_paraphrases_read_the_same(one: str, other: str) -> None:
    assert (tokenize(one) == tokenize(other)).all()


def test_where_a_word_stands_matters() -> None:
    assert (tokenize("a red chair with oak legs") != tokenize("an oak chair with red legs")).any()
    assert words_of(parse_prompt("a table with three dark green legs, not metal")) == [
        *("table", "with", "×3", "legs", "dark", "green", "not", "metal")
    ]


def test_a_long_prompt_keeps_its_first_words() -> None:
    parts = "legs seat back arms cushion frame lid rim".split()  # noqa: SIM905
    many = "a chair with " + ", with ".join(f"red {part}" for part in parts)
    assert tokenize(many)[0, -1] == len(vocabulary()) - 1


@settings(deadline=None)  # the first call makes three assets of every category
@given(st.integers(0, 2**32))
def test_a_changed_caption_claims_something_else(seed: int) -> None:
    rng, parts = np.random.default_rng(seed), parts_of_categories()
    caption = draw(rng, parts)
    kind, other = changed(rng, caption, parts)
    assert kind in caption.kinds()
    ours, theirs, short = (claims(parse_prompt(text(each))) for each in (caption, other, shortened(caption, rng)))
    assert not theirs <= ours
    assert claims(parse_prompt(text(caption, rng))) == ours
    assert short <= ours or "" in short
    assert is_held(caption) in (True, False)
