"""From text to lexemes: normalised words and phrases, each with every sense the vocabulary knows of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ml.substances import SHADES
from ml.vocabulary import (
    BREAKS,
    CARRIERS,
    CATEGORIES,
    COLOR_WORDS,
    FILLERS,
    KINDS,
    LINKS,
    MATERIAL_WORDS,
    NEGATIONS,
    NUMBERS,
    PARTS,
    SHAPES,
    STYLES,
    singular,
)

MAX_CHARACTERS = 2000  # of a prompt; more is never a description, and every cost below is bounded by it
# What an adjective said of the asset may mean, in the order a word with several senses is taken.
ADJECTIVES = ("material", "color", "style", "shape")
SENSES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("material", MATERIAL_WORDS),
    ("color", COLOR_WORDS),
    ("style", STYLES),
    ("shape", SHAPES),
    ("part", PARTS),
    ("noun", CATEGORIES),
    ("number", {word: str(value) for word, value in NUMBERS.items()}),
)
WORDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("carrier", CARRIERS),
    ("break", BREAKS | LINKS),
    ("link", LINKS),
    ("negation", NEGATIONS),
    ("filler", FILLERS),
    ("kind", KINDS),
)
FILLER_PHRASES = frozenset(
    ("high quality", "high resolution", "high detail", "high poly", "highly detailed", "close up", "game ready")
)
FIRST_WORDS = frozenset(
    phrase.split()[0]
    for words in (*(table for _, table in SENSES), *(words for _, words in WORDS), FILLER_PHRASES, SHADES)
    for phrase in words
    if " " in phrase
)
DETERMINERS = frozenset("a an the this that these those my your his her its our their some".split())  # noqa: SIM905
TOKEN = re.compile(
    r"#(?:[0-9a-f]{6}|[0-9a-f]{3})(?![0-9a-z])|[^\W\d_]+(?:'[^\W\d_]+)?|\d+[a-z]{0,2}|[,;.:!?()\[\]|\n&+]"
)


@dataclass(frozen=True)
class Lexeme:
    """A word or phrase of the prompt: as written, and what it may mean ('stone' is a material and a kind)."""

    text: str
    senses: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, sense: str) -> bool:
        return sense in self.senses

    @property
    def unknown(self) -> bool:
        """Whether the vocabulary has no sense for it."""
        return not self.senses

    @cached_property
    def adjective(self) -> tuple[str, str] | None:
        """(sense, canonical word) when it describes: a material, colour, style or shape."""
        return next(((sense, self.senses[sense]) for sense in ADJECTIVES if sense in self.senses), None)


def normalised(text: str) -> str:
    """The first 2,000 characters in NFKC lower case, control characters and hyphens as spaces, quotes straight."""
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).lower()[: 2 * MAX_CHARACTERS]
    plain = plain.translate({0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: ","})
    # Printable ASCII is neither a control character nor a separator, and is what nearly all prompts are made of.
    if not (plain.isascii() and plain.isprintable()):
        plain = "".join(c if c == "\n" or unicodedata.category(c)[0] not in "CZ" else " " for c in plain)
    return re.sub(r" {2,}", " ", plain) if "  " in plain else plain


@lru_cache(maxsize=65_536)
def _senses(phrase: str) -> tuple[tuple[str, str], ...]:
    found = {}
    for sense, table in SENSES:
        entry = table.get(phrase) or (table.get(singular(phrase, table)) if sense in ("noun", "part") else None)
        if entry is not None:
            found[sense] = entry
    for sense, words in WORDS:
        if phrase in words:
            found[sense] = phrase
    if phrase in FILLER_PHRASES:
        return (("filler", phrase),)
    if phrase in SHADES:
        found["shade"] = phrase
        found.setdefault("shape", phrase)
    if phrase.isdigit():
        found["number"] = phrase
    if phrase.startswith("#") and " " not in phrase:
        found["color"] = phrase
    return tuple(found.items())


def lexemes(text: str) -> list[Lexeme]:
    """Words and the longest known phrases (three words at most) of a normalised text, in order."""
    tokens = TOKEN.findall(text.replace("-", " "))
    found: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        size = next((n for n in (3, 2) if _is_phrase(tokens[at : at + n], n)), 1) if _starts(tokens[at]) else 1
        found.append(_lexeme(" ".join(tokens[at : at + size])))
        at += size
    return _shaded(found)


@lru_cache(maxsize=65_536)
def _lexeme(phrase: str) -> Lexeme:
    return Lexeme(phrase, dict(_senses(phrase)))


@lru_cache(maxsize=65_536)
def _starts(token: str) -> bool:
    """Whether a phrase of the vocabulary begins with the word: most do not, and need not be tried with what follows."""
    return token in FIRST_WORDS or singular(token) in FIRST_WORDS


def _is_phrase(tokens: Sequence[str], size: int) -> bool:
    return len(tokens) == size and _means(tuple(tokens))


@lru_cache(maxsize=65_536)
def _means(tokens: tuple[str, ...]) -> bool:
    """Whether the vocabulary knows the tokens as one phrase."""
    if _senses(" ".join(tokens)):
        return True
    first = singular(tokens[0])  # 'chests of drawers'
    return first != tokens[0] and bool(_senses(" ".join((first, *tokens[1:]))))


def _shaded(items: list[Lexeme]) -> list[Lexeme]:
    """'dark' before a colour becomes one colour, 'dark green'."""
    found: list[Lexeme] = []
    for item in items:
        color = item.senses.get("color", "#")
        if found and "shade" in found[-1] and not color.startswith("#"):
            shade = found.pop().text
            found.append(Lexeme(f"{shade} {item.text}", {"color": f"{shade} {color}"}))
        else:
            found.append(item)
    return found


def is_stop(item: Lexeme) -> bool:
    """Whether it is punctuation, which ends a clause."""
    return item.text in ",;.:!?()[]|\n"
