"""Training examples of the shape model from the procedural generator: numbered, balanced, each the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ml.alignment.captions import Caption, draw, text
from ml.alignment.examples import is_held, parts_of_categories
from ml.asset import Asset, InputError
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from ml.shapes.captions import three_lengths
from ml.shapes.example import ShapeExample
from ml.shapes.split import Split, split_of
from tasks.shape_examples import shape_example

MOST = 0.5  # of the volume with all parts: a car without body, a table without top are nothing to learn from
TRIES = 400  # captions drawn for one example; of a split's assets one in four to one in eighty is drawn


@dataclass(frozen=True)
class Drawn:
    """An asset, and what it was asked to be."""

    asset: Asset
    category: str
    captions: tuple[str, str, str]
    seed: int


def procedural_example(seed: int, index: int, split: Split = "train") -> ShapeExample:
    """Example `index` of the endless row that `seed` starts; every category comes once in each round of all of them.

    50 CPU-ms for `train`, 90 for the held splits. Raises InputError `shape.not-drawn` where the category has nothing
    of the split, and what `shape_example` does.
    """
    drawn = procedural_asset(seed, index, split)
    return shape_example(drawn.asset, drawn.category, drawn.captions, drawn.seed)


def procedural_asset(seed: int, index: int, split: Split | None = "train") -> Drawn:
    """What that example is made of, with None whichever split it belongs to; raises InputError `shape.not-drawn`."""
    random = np.random.default_rng([seed, index])
    category = category_at(seed, index)
    for _ in range(TRIES):
        caption = draw(random, parts_of_categories(), category)
        number = int(random.integers(2**53))
        if split and is_held(caption) != (split == "pairs"):
            continue
        asset = drawn_asset(caption, category, number)
        if asset is None or (caption.without and not _is_most(asset, caption, category, number)):
            continue
        if split in (None, split_of(caption, category, np.ptp(asset.bounds(), axis=0))):
            return Drawn(asset, category, three_lengths(caption, random), number)
    raise InputError("shape.not-drawn", f"no {category} of the split {split} in {TRIES} captions")


def category_at(seed: int, index: int) -> str:
    """The category of example `index`."""
    round_, place = divmod(index, len(_categories()))
    return _categories()[int(np.random.default_rng([seed, round_, 48]).permutation(len(_categories()))[place])]


@cache
def _categories() -> tuple[str, ...]:
    return tuple(parts_of_categories())


def drawn_asset(caption: Caption, category: str, number: int) -> Asset | None:
    """What the generator makes of the caption; None where it refuses or makes something else of it."""
    made = Procedural().generate([Request("", number, parse_prompt(text(caption)))])[0]
    return made if isinstance(made, Asset) and made.notes["category"] == category else None


def _is_most(asset: Asset, caption: Caption, category: str, number: int) -> bool:
    """Whether more is left of an asset without a part than is missing."""
    whole = drawn_asset(replace(caption, without=""), category, number)
    return whole is not None and _volume(asset) >= MOST * _volume(whole)


def _volume(asset: Asset) -> float:
    """m³ of all solids, what they share counted again."""
    return sum(float(np.linalg.det(part.vertices[part.faces].astype(np.float64)).sum()) for part in asset.parts) / 6.0
