"""Limits stated in a prompt's own words ('under 5000 triangles', '30 cm tall', '80x40x75 cm'), in SI units."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ml.vocabulary import METRES


@dataclass(frozen=True)
class Constraints:
    """Limits stated in the prompt's own words ('under 5000 triangles', '30 cm tall'), in SI units."""

    max_triangles: int | None = None
    height_m: float | None = None
    width_m: float | None = None
    depth_m: float | None = None


# Every quantifier is bounded or sees disjoint characters, so that matching is linear in the text.
NUMBER = r"(?<![\w.,])(\d{1,12}(?:[.,]\d{1,6}){0,4})"
UNIT = r"(" + "|".join(sorted((re.escape(unit) for unit in METRES), key=len, reverse=True)) + r")(?![a-z])"
MAYBE = r"(?:" + UNIT + r")?"
GAP = r"[ -]{0,3}"
AXIS_WORDS = {
    "height_m": ("tall", "high", "height"),
    "width_m": ("wide", "width", "across", "broad"),
    "depth_m": ("deep", "depth", "thick"),
    "long": ("long", "length"),
    "round": ("diameter", "in diameter"),
}
AXIS_OF = {word: axis for axis, words in AXIS_WORDS.items() for word in words}
AXIS = r"(" + "|".join(sorted(AXIS_OF, key=len, reverse=True)) + r")(?![a-z])"

TRIANGLES = re.compile(
    r"(?:(?:under|below|less than|fewer than|at most|no more than|not more than|up to|within|around|about|approximately"
    r"|max(?:imum)?(?: of)?|limit(?:ed)? (?:of|to)|budget of|<=?|≤|~) {0,3})?"
    + NUMBER
    + r" {0,2}(k|thousand|m|million)?"
    + GAP
    + r"(?:tri(?:angle)?s?|faces?|facets?|poly(?:gon)?s?)(?![a-z])"
    + r"(?: {0,2}(?:max(?:imum)?|or less|or fewer|at most|budget|limit|count)(?![a-z]))?"
)
MEASURE = re.compile(
    NUMBER
    + GAP
    + UNIT
    + r"(?: {0,2}"
    + NUMBER.replace(r"(?<![\w.,])", "")
    + GAP
    + UNIT
    + r")?"
    + r"[ -]{0,3}(?:in )?"
    + AXIS
)
NAMED = re.compile(AXIS + r"(?: of| is|:| =|=)? {0,2}" + NUMBER + GAP + UNIT)
EXTENTS = re.compile(
    NUMBER
    + r" {0,2}"
    + MAYBE
    + r" {0,2}[x×*] {0,2}(\d{1,12}(?:[.,]\d{1,6})?) {0,2}"
    + MAYBE
    + r"(?: {0,2}[x×*] {0,2}(\d{1,12}(?:[.,]\d{1,6})?))? {0,2}"
    + UNIT
)
SCALE = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
SIZE_RANGE = (1e-4, 1e5)  # metres; what lies outside is not a size anybody meant
COUNT_RANGE = (1, 10**9)


def number(text: str) -> float:
    """'10,000', '1,234.5' and '1,5' as floats: groups of exactly three after a comma are thousands, else decimals."""
    head, *rest = re.split(r"[.,]", text)
    if not rest:
        return float(head)
    if "," in text and len(rest[-1]) == 3:
        return float(head + "".join(rest))
    return float(head + "".join(rest[:-1]) + "." + rest[-1])


def extract_constraints(text: str, long_axis: str) -> tuple[Constraints, str]:
    """The constraints in lower-case `text` and the text without them; 'long' means the `long_axis` extent."""
    found = Constraints()
    for pattern, read in ((TRIANGLES, _triangles), (EXTENTS, _extents), (MEASURE, _measure), (NAMED, _named)):
        matches = list(pattern.finditer(text))
        for match in matches:
            found = replace(found, **_sensible(read(match.groups(), long_axis)))  # type: ignore[arg-type]
        text = pattern.sub(" ", text) if matches else text
    return found, text


def _sensible(values: dict[str, float]) -> dict[str, float | int]:
    kept: dict[str, float | int] = {}
    for key, value in values.items():
        if key == "max_triangles" and COUNT_RANGE[0] <= value <= COUNT_RANGE[1]:
            kept[key] = int(value)
        elif key != "max_triangles" and SIZE_RANGE[0] <= value <= SIZE_RANGE[1]:
            kept[key] = round(value, 9)
    return kept


def _triangles(groups: tuple[str | None, ...], _: str) -> dict[str, float]:
    return {"max_triangles": number(groups[0] or "0") * SCALE.get(groups[1] or "", 1.0)}


def _metres(value: str | None, unit: str | None) -> float:
    return number(value) * float(METRES[unit]) if value and unit else 0.0


def _axes(word: str | None, long_axis: str) -> tuple[str, ...]:
    axis = AXIS_OF[word or "tall"]
    return ("width_m", "depth_m") if axis == "round" else (f"{long_axis}_m" if axis == "long" else axis,)


def _measure(groups: tuple[str | None, ...], long_axis: str) -> dict[str, float]:
    size = _metres(groups[0], groups[1]) + _metres(groups[2], groups[3])
    return dict.fromkeys(_axes(groups[4], long_axis), size)


def _named(groups: tuple[str | None, ...], long_axis: str) -> dict[str, float]:
    return dict.fromkeys(_axes(groups[0], long_axis), _metres(groups[1], groups[2]))


def _extents(groups: tuple[str | None, ...], _: str) -> dict[str, float]:
    """Width × depth × height; a unit said once at the end holds for all."""
    width, first, depth, second, height, last = groups
    sizes = {"width_m": _metres(width, first or second or last), "depth_m": _metres(depth, second or last)}
    return {**sizes, "height_m": _metres(height, last)} if height else sizes
