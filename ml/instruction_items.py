"""An instruction as items: lexemes and quantities ('20 %', '5 cm', '1.5 times'), in clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ml.constraints import UNIT, number
from ml.instruction_words import JOINS
from ml.lexemes import Lexeme, is_stop, lexemes, normalised
from ml.vocabulary import METRES, NUMBERS

Kind = Literal["plain", "times", "percent", "degrees", "metres"]
SUFFIX = r"(?:(%|percent|per cent)|(°|degrees?|deg)|(x|×|times|fold)|" + UNIT + r")"
QUANTITY = re.compile(r"(?<![\w.,#])(-?)(\d{1,9}(?:[.,]\d{1,6}){0,3})(?: {0,2}" + SUFFIX + r"(?![^\W\d_]))?(?![\w])")
SPELLED = re.compile(
    r"(?<![\w#])(" + "|".join(sorted((w for w in NUMBERS if w.isalpha()), key=len, reverse=True)) + r") (?=(?:times|%|"
    r"percent|per cent|degrees?|fold|" + "|".join(u for u in METRES if len(u) > 2) + r")(?![a-z]))"
)


@dataclass(frozen=True)
class Quantity:
    """A number with what it counts; metres are converted."""

    kind: Kind
    value: float


Item = Lexeme | Quantity


def clauses(text: str) -> list[list[Item]]:
    """The items of each clause, between punctuation and 'and', empty ones left out; never fails."""
    found: list[list[Item]] = [[]]
    for item in _items(normalised(text)):
        ends = isinstance(item, Lexeme) and (item.text in JOINS or (is_stop(item) and item.text not in ":()"))
        if ends:
            found.append([])
        elif not (isinstance(item, Lexeme) and is_stop(item)):
            found[-1].append(item)
    return [clause for clause in found if clause]


def _items(text: str) -> Iterator[Item]:
    text = SPELLED.sub(lambda match: f"{NUMBERS[match.group(1)]} ", text)
    at = 0
    for match in QUANTITY.finditer(text):
        yield from lexemes(text[at : match.start()])
        yield _quantity(*match.groups())
        at = match.end()
    yield from lexemes(text[at:])


def _quantity(
    sign: str, digits: str, percent: str | None, degrees: str | None, times: str | None, unit: str | None
) -> Quantity:
    value = number(digits) * (-1.0 if sign else 1.0)
    if percent:
        return Quantity("percent", value)
    if degrees:
        return Quantity("degrees", value)
    if times:
        return Quantity("times", value)
    return Quantity("metres", value * float(METRES[unit])) if unit else Quantity("plain", value)
