"""How large things of each category are: what a size without a unit is checked against."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

# Metres of the largest extent, smallest and largest. The designs of this package with every size word give the start
# ('a small chair' to 'a tall chair', 24 of each category); where real things vary more (a tree, a rock, a tower), the
# range is theirs. A model in centimetres is 100 times out of it, one in inches 39.
EXTENTS: dict[str, tuple[float, float]] = {
    "armchair": (0.86, 1.2),
    "axe": (0.41, 1.1),
    "barrel": (0.3, 1.5),
    "bed": (1.5, 3),
    "bench": (0.85, 3),
    "boat": (1.5, 70),
    "book": (0.15, 0.35),
    "bookshelf": (0.5, 3),
    "bottle": (0.15, 0.32),
    "bowl": (0.15, 0.35),
    "bucket": (0.2, 0.55),
    "cabinet": (0.4, 2.6),
    "cactus": (0.05, 15),
    "candle": (0.05, 0.5),
    "candlestick": (0.29, 0.53),
    "car": (2.5, 6.7),
    "chair": (0.5, 1.5),
    "chest": (0.2, 1.5),
    "clock": (0.05, 2.4),
    "crate": (0.2, 2.5),
    "dagger": (0.21, 0.51),
    "desk": (0.8, 2.5),
    "dresser": (0.6, 2.2),
    "flowerpot": (0.08, 1),
    "glass": (0.05, 0.25),
    "goblet": (0.12, 0.27),
    "hammer": (0.2, 1),
    "house": (4, 30),
    "key": (0.03, 0.2),
    "lamp": (0.2, 2.3),
    "lantern": (0.15, 0.8),
    "mug": (0.075, 0.16),
    "mushroom": (0.03, 0.5),
    "pitcher": (0.17, 0.38),
    "plate": (0.11, 0.39),
    "rock": (0.02, 10),
    "rocket": (0.2, 110),
    "shield": (0.3, 1.3),
    "sofa": (1.1, 4),
    "stool": (0.25, 1.1),
    "street lamp": (2.3, 12),
    "sword": (0.63, 2),
    "table": (0.4, 4),
    "teapot": (0.2, 0.43),
    "tower": (4, 300),
    "tree": (0.5, 90),
    "truck": (4.6, 25),
    "vase": (0.1, 1.2),
}


def usual_extent(category: str) -> tuple[float, float] | None:
    """(least, most) metres of the largest extent of a category's things; None for one that is not known."""
    return EXTENTS.get(category)


def likely_extent(category: str, words: Iterable[str] = ()) -> float:
    """Metres of the largest extent of a thing of that category, 1 for one that is not known.

    The middle of its range by ratio, by as much smaller or larger as 'small' and 'large' make the designs of this
    package, inside the range.
    """
    least, most = EXTENTS.get(category, (1.0, 1.0))
    factor = {"small": 0.7, "large": 1.4}
    size = sqrt(least * most)
    for word in set(words) & factor.keys():
        size *= factor[word]
    return min(max(size, least), most)
