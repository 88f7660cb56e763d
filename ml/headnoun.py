"""Which word of a prompt names the thing to make: the head of its first noun phrase."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ml.lexemes import DETERMINERS, Lexeme, is_stop

# Endings of words that describe rather than name, so that 'a spooky, crumbling chair' has one noun.
BEFORE = re.compile(r"(?:y|ed|ing|ish|ful|less|ous|ive|ible|able|ic|al|ian|ese)$")
AFTER = re.compile(r"(?:[a-z]{3}(?:ed|ing)|ish|ful|less|ous|ive|ible|able|ly)$")
LINKING = frozenset(("of", "in", "from", "made", "built"))  # end the phrase; 'carved', 'painted' only after its noun


@dataclass(frozen=True)
class Head:
    """Where the subject stands: its place in the lexemes, the first place of its phrase, and the noun itself."""

    at: int
    start: int
    noun: str


def clauses(items: Sequence[Lexeme]) -> list[tuple[int, int]]:
    """(start, end) of the stretches between punctuation."""
    stops = [-1, *(k for k, item in enumerate(items) if is_stop(item)), len(items)]
    return [(a + 1, b) for a, b in zip(stops, stops[1:], strict=False) if b > a + 1]  # noqa: RUF007


def find_head(items: Sequence[Lexeme]) -> Head | None:
    """The head noun, known or not, of the first clause that has one; None when nothing is named."""
    fallback: Head | None = None
    for start, end in clauses(items):
        if fallback and items[start].text in DETERMINERS:
            break  # 'a spooky, a chair': another phrase has begun
        begin = _after_carrier(items, start, end)
        head = _head_of(items, begin, end)
        if head and not _bare(items[head.at]):
            return head
        fallback = fallback or head
    return fallback


def describes(word: str) -> bool:
    """Whether an unknown word looks like an adjective ('spooky')."""
    return bool(BEFORE.search(word))


def _bare(item: Lexeme) -> bool:
    return item.unknown and describes(item.text)


def _after_carrier(items: Sequence[Lexeme], start: int, end: int) -> int:
    """Past 'a photo of', 'a set of' and the like."""
    begin = start
    for k in range(start, end - 1):
        if items[k + 1].text == "of" and "carrier" in items[k]:
            begin = k + 2
        elif "break" in items[k] and items[k].text != "of":
            break
    return begin


def _head_of(items: Sequence[Lexeme], start: int, end: int) -> Head | None:
    """English noun phrases are head-final: the last noun counts, so 'house cat' is a cat, which nobody draws here."""
    noun: int | None = None
    unknown: int | None = None
    for k in range(start, end):
        item = items[k]
        named = noun is not None
        if _ends_phrase(items, k, named):
            break
        if "noun" in item and not _is_shade(items, k, end):
            noun, unknown = k, None
        elif named and "part" in item:
            unknown = k
        elif item.unknown and not (named and AFTER.search(item.text)):
            unknown = k if unknown is None or not _bare(item) or _bare(items[unknown]) else unknown
    if noun is not None and unknown is None:
        return Head(noun, start, items[noun].text)
    if unknown is None:
        unknown = next((k for k in range(end - 1, start - 1, -1) if _only_part(items, k, start)), None)
    return None if unknown is None else Head(unknown, start, items[unknown].text)


def _is_shade(items: Sequence[Lexeme], k: int, end: int) -> bool:
    """'light' is a lamp only where its phrase ends."""
    return "shade" in items[k] and k + 1 < end and "break" not in items[k + 1]


def _only_part(items: Sequence[Lexeme], k: int, start: int) -> bool:
    """A part named alone ('a wheel') is a noun nobody makes; one after 'with' belongs to something else."""
    return "part" in items[k] and not any("break" in items[j] for j in range(start, k))


def _ends_phrase(items: Sequence[Lexeme], k: int, named: bool) -> bool:
    item = items[k]
    if "negation" in item:
        return True
    if "break" in item and (named or "link" not in item or item.text in LINKING):
        return True
    if item.text in ("and", "&", "+", "or"):
        return named or (k + 1 < len(items) and items[k + 1].text in DETERMINERS)
    if not named or "noun" in item or "part" in item:
        return False
    descriptive = item.adjective is not None or "number" in item or item.text in DETERMINERS
    return descriptive or (item.unknown and bool(re.search(r"[a-z]{3}(?:ed|ing)$", item.text)))
