"""What a prompt asks of a shape, with seeded chance for what it leaves open; and the pieces a shape is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.parametric.primitives import box
from ml.parametric.solid import Solid, join

# 'main' takes the prompt's first material and colour, 'second' its second, 'soft' textiles; 'fixed' keeps its own.
Role = Literal["main", "second", "soft", "fixed"]
ORNATE = ("victorian", "art-deco", "fantasy", "steampunk")
# Factors on (width, height, depth) for shape words, chosen so that one word is seen at a glance in a gallery.
SIZE_WORDS: Mapping[str, tuple[float, float, float]] = {
    "tall": (1.0, 1.38, 1.0),
    "low": (1.0, 0.66, 1.0),
    "wide": (1.4, 1.0, 1.0),
    "narrow": (0.66, 1.0, 0.85),
    "deep": (1.0, 1.0, 1.35),
    "shallow": (1.0, 1.0, 0.7),
    "small": (0.7, 0.7, 0.7),
    "large": (1.4, 1.4, 1.4),
    "slim": (0.85, 1.0, 0.85),
}
LONG = {"width": (1.45, 1.0, 1.0), "height": (1.0, 1.4, 1.0), "depth": (1.0, 1.0, 1.35)}
THICK_WORDS = {"slim": 0.66, "thick": 1.55, "minimalist": 0.85, "cartoon": 1.35, "rustic": 1.15, "medieval": 1.12}


@dataclass(frozen=True)
class Piece:
    """A named part: its closed solids, the substance it has unless told otherwise, and who decides that."""

    name: str
    solid: Solid
    substance: str = "wood"
    role: Role = "main"
    color: str = ""  # of its own, when the prompt gives none
    glow: str = ""  # the colour it shines in when the prompt asks for light


@dataclass(frozen=True)
class Design:
    """The words that shape an asset and the seeded generator that decides the rest."""

    rng: np.random.Generator
    words: frozenset[str] = frozenset()  # styles, shape words, kinds, and the words of the subject itself
    style: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()  # parts the prompt names
    refused: frozenset[str] = frozenset()  # parts it does not want
    part_shapes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    detail: float = 1.0
    long_axis: str = "width"
    counted: dict[str, int] = field(default_factory=dict)  # what `count` answered so far

    def has(self, *words: str) -> bool:
        """Whether the prompt says any of the words of the whole."""
        return any(word in self.words for word in words)

    def part_is(self, part: str, *words: str) -> bool:
        """Whether any of the words is said of the part, or of the whole."""
        return self.has(*words) or any(word in self.part_shapes.get(part, ()) for word in words)

    @property
    def ornate(self) -> bool:
        """Whether the style calls for mouldings and turned work."""
        return self.style in ORNATE

    @property
    def plain(self) -> bool:
        """Whether the style forbids them."""
        return self.style in ("modern", "minimalist", "scandinavian", "industrial", "sci-fi", "japanese", "low-poly")

    def vary(self, low: float, high: float) -> float:
        """A seeded number between two bounds."""
        return float(self.rng.uniform(low, high))

    def pick(self, *options: str) -> str:
        """A seeded choice."""
        return options[int(self.rng.integers(len(options)))]

    def wants(self, part: str, chance: float = 1.0) -> bool:
        """Whether to build a part: as the prompt says, else with a seeded chance."""
        lucky = self.rng.random() < chance
        if part in self.refused:
            return False
        return lucky or part in self.asked or self.counts.get(part, 0) > 0

    def count(self, part: str, default: int, low: int, high: int) -> int:
        """How many of a part: as the prompt says, clamped to what can be built."""
        self.counted[part] = min(max(self.counts.get(part, default), low), high)
        return self.counted[part]

    def size(self, width: float, height: float, depth: float, spread: float = 0.08) -> tuple[float, float, float]:
        """Width, height and depth in metres after shape words, each varied by ± `spread`."""
        factor = 1.0 + self.rng.uniform(-spread, spread, 3)
        for word in sorted(self.words & SIZE_WORDS.keys()):
            factor = factor * np.array(SIZE_WORDS[word])
        if self.has("long"):
            factor = factor * np.array(LONG[self.long_axis])
        return float(width * factor[0]), float(height * factor[1]), float(depth * factor[2])

    def thick(self, size: float, part: str = "") -> float:
        """A thickness in metres after 'slim', 'thick' and the style, varied by ± 10 %."""
        for word in THICK_WORDS:
            if self.part_is(part, word):
                size *= THICK_WORDS[word]
        return size * self.vary(0.9, 1.1)

    def sides(self, count: int) -> int:
        """Segments of a full turn at the asked detail, a multiple of four so that shapes stay symmetric."""
        return max(8, 4 * round(count * self.detail / 4))

    def steps(self, count: int) -> int:
        """Segments of an open curve at the asked detail."""
        return max(3, round(count * self.detail))

    def board(self, width: float, height: float, depth: float, bevel: float = 0.006) -> Solid:
        """A box whose edges the style softens or sharpens; rounded in two steps where detail allows."""
        soft = {"minimalist": 0.5, "japanese": 0.6, "cartoon": 3.0, "rustic": 1.5, "sci-fi": 1.6, "low-poly": 0.0}
        amount = bevel * soft.get(self.style, 1.0)
        return box(width, height, depth, amount, 2 if self.detail >= 0.8 and bevel >= 0.004 else 1)


def piece(
    name: str,
    solids: Solid | Iterable[Solid],
    substance: str = "wood",
    role: Role = "main",
    *,
    color: str = "",
    glow: str = "",
) -> Piece:
    """A piece from one solid or several."""
    return Piece(name, solids if isinstance(solids, Solid) else join(solids), substance, role, color, glow)
