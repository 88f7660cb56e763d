"""A listing's words fit every limit, whatever they are made of, and lose nothing that has to be said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.listing import ELLIPSIS, TextLimits, cut, fit

TEXT = st.text(max_size=300)
LIMITS = st.builds(
    TextLimits,
    title=st.integers(10, 120),
    description=st.integers(60, 400),
    tags=st.integers(5, 30),
    least_tags=st.integers(0, 5),
    tag=st.integers(3, 40),
)


@given(TEXT, TEXT, st.lists(TEXT, max_size=6), st.lists(TEXT, max_size=50), LIMITS)
def test_everything_fits(title: str, about: str, facts: list[str], tags: list[str], limits: TextLimits) -> None:
    words = fit(title, about, facts, tags, limits, "Reference mm-0123456789abcdef")
    assert len(words.title) <= limits.title
    assert len(words.description) <= limits.description
    assert words.description.endswith("Reference mm-0123456789abcdef")
    assert len(words.tags) <= limits.tags
    assert len(set(words.tags)) == len(words.tags)
    assert all(0 < len(tag) <= limits.tag for tag in words.tags)
    assert ("title" in words.lacking) == (not title.split())
    assert any("tags" in each for each in words.lacking) == (len(words.tags) < limits.least_tags)


@given(TEXT, st.integers(2, 100))
def test_a_cut_text_is_a_beginning(text: str, length: int) -> None:
    short = cut(text, length)
    assert short == text or (short.endswith(ELLIPSIS) and text.startswith(short[:-1]))


def test_tags_are_filled_up_from_the_title() -> None:
    words = fit("A red walnut chair with arms", "", [], ["Chair"], TextLimits(least_tags=5))
    assert words.tags == ("chair", "red", "walnut", "arms", "3d model")
    assert fit("x", "", [], ["a", "b"], TextLimits(least_tags=0)).tags == ("a", "b")
