"""What the report's list needs of each row: a small cell to show, and columns to filter and sort by."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.report_data import entries

CELL_TEXT = 160  # characters of one text in a cell; the opened asset shows the rest
KEY = 12  # hexadecimal digits of a row's key: tells one version of an asset from the next
VALUES = 2000  # different values of a facet; rows with further ones are found by search only
NUMBERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, float]], Any]] = {
    "triangles": lambda card, metrics: card.get("triangles"),
    "bytes": lambda card, metrics: card.get("bytes"),
    "seconds": lambda card, metrics: sum(seconds for _, seconds in card["timings"]) or None,
    "score": lambda card, metrics: metrics.get("score"),
    "similarity": lambda card, metrics: metrics.get("similarity.reference"),
    "alignment": lambda card, metrics: metrics.get("alignment.score"),
}
FACETS = ("category", "profile", "tags")


def cell_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card's essentials, a tenth of its bytes: a list that is sorted anyhow touches every file of these."""
    cell = {name: card[name] for name in ("id", "outcome", "generator")}
    cell["key"] = card.get("key", "")[:KEY]
    cell |= {name: card[name] for name in ("reasons", "warnings", "poster", "bytes", "triangles") if card.get(name)}
    texts = {name: card[name] for name in ("title", "prompt", "message") if card.get(name)}
    return cell | {name: text if len(text) <= CELL_TEXT else f"{text[:CELL_TEXT]}…" for name, text in texts.items()}


def recorded(row: Mapping[str, Any]) -> list[str] | None:
    """[id, decision, reason, note] of a row that `meshmill review` wrote a decision into."""
    review = entries(row.get("meta")).get("review")
    if not isinstance(review, dict) or not review.get("decision"):
        return None
    return [str(row.get("id")), *(str(review.get(name, "")) for name in ("decision", "reason", "note"))]


@dataclass
class Facet:
    """The values of one property over all rows: each row refers to a set of values by its number."""

    sets: dict[tuple[str, ...], int] = field(default_factory=lambda: {(): 0})
    counts: list[int] = field(default_factory=lambda: [0])
    of_row: array[int] = field(default_factory=lambda: array("H"))
    cut: bool = False

    def add(self, values: tuple[str, ...]) -> None:
        """Count one row."""
        if len(self.sets) >= VALUES and values not in self.sets:
            self.cut, values = True, ()
        number = self.sets.setdefault(values, len(self.sets))
        if number == len(self.counts):
            self.counts.append(0)
        self.counts[number] += 1
        self.of_row.append(number)


@dataclass
class Columns:
    """What rows are filtered and sorted by: 2 bytes a row for each facet, 4 for each number."""

    facets: dict[str, Facet] = field(default_factory=lambda: {name: Facet() for name in FACETS})
    numbers: dict[str, array[float]] = field(default_factory=lambda: {name: array("f") for name in NUMBERS})

    def add(self, card: Mapping[str, Any]) -> None:
        """Take in one row, given as its card."""
        notes, understood, metrics = dict(card["notes"]), dict(card["understood"]), dict(card["metrics"])
        category = notes.get("category") or understood.get("subject")
        tags = sorted({tag for part in notes.get("tags", "").split(",") if (tag := part.strip()[:CELL_TEXT])})
        self.facets["category"].add((category[:CELL_TEXT],) if category else ())
        self.facets["profile"].add((notes["profile"][:CELL_TEXT],) if notes.get("profile") else ())
        self.facets["tags"].add(tuple(tags[:20]))
        for name, of in NUMBERS.items():
            value = of(card, metrics)
            self.numbers[name].append(math.nan if value is None else value)

    def summary(self) -> dict[str, Any]:
        """The sets of each facet with their counts, and the ends of each number that any row has."""
        facets = {
            name: {"sets": [[list(values), facet.counts[at]] for values, at in facet.sets.items()], "cut": facet.cut}
            for name, facet in self.facets.items()
            if len(facet.sets) > 1
        }
        ends = {name: [x for x in column if math.isfinite(x)] for name, column in self.numbers.items()}
        return {"facets": facets, "numbers": {name: [short(min(x)), short(max(x))] for name, x in ends.items() if x}}

    def files(self, rows: int) -> Iterator[tuple[str, int, list[Any]]]:
        """(column, part, values) with `rows` values in each part; only columns that say something."""
        said = self.summary()
        for name in said["facets"]:
            yield from parts(name, self.facets[name].of_row, rows, int)
        for name in said["numbers"]:
            yield from parts(name, self.numbers[name], rows, short)


def parts(name: str, column: array[Any], rows: int, of: Callable[[Any], Any]) -> Iterator[tuple[str, int, list[Any]]]:
    """A column cut into numbered pieces."""
    for number, start in enumerate(range(0, len(column), rows)):
        yield name, number, [of(value) for value in column[start : start + rows]]


def short(value: float) -> float | None:
    """A number as a 4-byte float holds it, seven digits; None where there is none, for JSON."""
    return float(f"{value:.7g}") if math.isfinite(value) else None
