"""The words of an asset's listing: title, description and tags, made to fit what a target allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

ELLIPSIS = "…"
COMMON = ("3d model", "pbr", "gltf", "3d asset", "mesh")  # true of every asset with a material and a GLB
SMALL_WORDS = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "in", "is", "it", "of", "on", "the", "to", "with"}
)
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class TextLimits:
    """Characters and counts that a target allows."""

    title: int = 100
    description: int = 5000
    tags: int = 20
    least_tags: int = 0
    tag: int = 50


@dataclass(frozen=True)
class Words:
    """A listing's words; `lacking` says what could not be made to fit."""

    title: str
    description: str
    tags: tuple[str, ...]
    lacking: tuple[str, ...] = ()


def fit(title: str, about: str, facts: Iterable[str], tags: Iterable[str], limits: TextLimits, last: str = "") -> Words:
    """Cut each to its limit at a word's end. Of the description the end, `last`, is always kept.

    `about` is a sentence or more, `facts` are lines, `tags` may have any case; too few are filled up from the words of
    the title and with what is true of every asset. Characters are counted as Python counts them, in code points.
    """
    plain = " ".join(title.split())
    lines = [" ".join(about.split()), *(" ".join(fact.split()) for fact in facts)]
    body = "\n".join(line for line in lines if line)
    room = limits.description - (len(last) + 1 if last else 0)
    chosen = _tags(tags, plain, limits)
    lacking = [] if plain else ["title"]
    lacking += [f"tags: {len(chosen)} of at least {limits.least_tags}"] if len(chosen) < limits.least_tags else []
    description = "\n".join(part for part in (cut(body, max(0, room)), last) if part)
    return Words(cut(plain, limits.title), description, chosen, tuple(lacking))


def cut(text: str, length: int) -> str:
    """At most `length` characters, cut between words where there is a gap in the last third."""
    if len(text) <= length:
        return text
    if length < 2:
        return text[:length]
    head = text[: length - 1]
    gap = max(head.rfind(" "), head.rfind("\n"))
    return (head[:gap] if gap > length * 2 // 3 else head).rstrip(" ,;:\n") + ELLIPSIS


def _tags(tags: Iterable[str], title: str, limits: TextLimits) -> tuple[str, ...]:
    """The tags given, without repeats; where they are too few, words of the title, then what is always true."""
    found = dict.fromkeys(tag for each in tags if 0 < len(tag := " ".join(each.lower().split())) <= limits.tag)
    words = [word for word in _WORDS.findall(title.lower()) if word not in SMALL_WORDS and len(word) > 2]
    for word in (*words, *COMMON):
        if len(found) >= limits.least_tags:
            break
        if len(word) <= limits.tag:
            found.setdefault(word)
    return tuple(found)[: limits.tags]
