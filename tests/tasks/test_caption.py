"""Captions from metadata: words out of names, the nearest of several answers, and silence where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.asset import F32, Asset, Material, Provenance, make_part
from tasks.caption import CaptionOptions, best_of, caption
from tasks.caption_words import MOST, named, words_of


def thing(name: str = "asset", part: str = "part", material: str = "material", title: str = "") -> Asset:
    triangle = make_part(np.eye(3), [[0, 1, 2]])
    named_part = replace(triangle, name=part, material=Material(name=material))
    return Asset((named_part,), name=name, provenance=Provenance(title=title))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OakChair_02.LOD1", ["oak", "chair"]),
        ("USB-Stick", ["usb", "stick"]),
        ("defaultMaterial", []),
        ("mesh_0014", []),
        ("polySurface12|group3", []),
        ("", []),
    ],
)
def test_names_are_read_as_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_names_give_a_bounded_caption_without_repeats(name: str, part: str) -> None:
    words = named(thing(name, part)).split()
    assert len(words) == len(set(words)) <= MOST


def test_the_prompt_comes_first_then_the_title_then_names() -> None:
    asset = thing("oak_chair", title="Captain's chair")
    asked = caption(asset.noted(prompt="a red wooden chair with a blue cushion"))
    assert asked.notes["caption_long"] == "a red wooden chair with a blue cushion"
    assert asked.notes["caption_short"] == "chair"
    assert asked.notes["caption_by"] == "metadata"
    assert caption(asset).notes["caption_long"] == "Captain's chair"
    assert caption(thing("oak_chair")).notes["caption_long"] == "oak chair"
    nothing = caption(thing())
    assert nothing.notes["caption_by"] == "none: caption.nothing-known"
    assert "caption_long" not in nothing.notes
    missing = caption(thing(), CaptionOptions(model="/nowhere"))
    assert missing.notes["caption_by"] == "none: caption.nothing-known, weights.missing"


class Judge:
    """Knows words of four letters or more; a text's only feature is its length."""

    side = 8

    def images(self, pictures: np.ndarray) -> F32:
        raise NotImplementedError

    def texts(self, texts: Sequence[str]) -> F32:
        return np.array([[len(text), 1.0] for text in texts], np.float32)

    def knows(self, text: str) -> bool:
        return len(text) > 3

    def score(self, pictures: F32, text: str) -> float:
        raise NotImplementedError


def test_the_answer_nearest_to_the_pictures_is_chosen() -> None:
    seen = np.array([1.0, 0.0], np.float32)
    assert best_of(["lamp", "a lamp", "xyz"], seen, Judge()) == ("a lamp", 6.0)
    assert best_of(["lamp", "a lamp"], -seen, Judge()) == ("lamp", -4.0)
    assert best_of(["", "xy", "xyz"], seen, Judge()) == ("xy", None)
    assert best_of(["", ""], seen, Judge()) == ("", None)
