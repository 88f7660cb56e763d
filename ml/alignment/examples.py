"""Training examples: groups of assets whose prompts differ in one word that shows, drawn from the generator itself."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context

import numpy as np

from ml.alignment.captions import Caption, changed, draw, shortened, text
from ml.asset import U8, Asset, InputError
from ml.generators.procedural import Procedural
from ml.generators.protocol import Refusal, Request
from ml.prompt import parse_prompt
from ml.vocabulary import CATEGORIES, PARTS, category_of

Directions = Sequence[tuple[float, float]]
Draw = Callable[[Asset, int, Directions, Sequence[float]], U8]  # pictures of an asset: tasks.portraits.portraits

MEMBERS = 4  # assets of a group: one and three that differ from it in one word each
SHOWS = 0.03  # mean difference of the pictures over the object, 0–1, from which a changed word shows
TRIES = 5  # other words to change when one does not show
CHUNK = 16  # groups that a process makes at a time: 2 CPU-seconds, as long as one takes to start
HELD = 8  # one of so many pairs of category and colour or material is kept from training
AZIMUTH, ELEVATION, LAMP = 12.0, 10.0, 0.25  # how far training views and lamps stray from the fixed ones


@dataclass(frozen=True)
class Example:
    """One asset: its prompt, a shorter one that is true as well, what differs from the group's first, its pictures."""

    prompt: str
    short: str
    kind: str  # the kind of the changed word; "" for the first of a group
    pictures: U8  # (views, side, side, 3)


@dataclass(frozen=True)
class Studio:
    """How the pictures are taken."""

    draw: Draw
    side: int
    directions: Directions
    lamp: Sequence[float]
    strays: bool = True  # training views; False for the fixed ones


def make_groups(seeds: Sequence[int], studio: Studio, held: bool | None, workers: int = 1) -> Iterator[list[Example]]:
    """A group a seed, in order. `held` True draws only held-out pairs of words, False none of them, None either."""
    make = partial(make_group, studio=studio, held=held)
    if workers == 1 or len(seeds) <= CHUNK:
        yield from map(make, seeds)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(make, seeds, chunksize=CHUNK)


def make_group(seed: int, studio: Studio, held: bool | None) -> list[Example]:
    """MEMBERS assets of one seed, one lamp and one set of cameras, so that only the changed word differs."""
    rng = np.random.default_rng(seed)
    parts = parts_of_categories()
    while True:
        caption = draw(rng, parts)
        take = _camera_crew(studio, rng)
        first = _example(caption, "", seed, take, rng) if held is None or is_held(caption) == held else None
        if first is None:
            continue
        group, tried = [first], {text(caption)}
        for _ in range(TRIES * (MEMBERS - 1)):
            kind, other = changed(rng, caption, parts)
            if text(other) in tried or (held is False and is_held(other)):
                continue
            tried.add(text(other))
            example = _example(other, kind, seed, take, rng)
            if example and all(difference(each.pictures, example.pictures) > SHOWS for each in group):
                group.append(example)
            if len(group) == MEMBERS:
                return group


def is_held(caption: Caption) -> bool:
    """Whether the caption names a pair of category and colour or material that training never sees."""
    pairs = [f"{CATEGORIES[caption.noun]} {word}" for word in (caption.color, caption.material) if word]
    return any(zlib.crc32(pair.encode()) % HELD == 0 for pair in pairs)


def difference(first: U8, second: U8) -> float:
    """Mean absolute difference, 0–1, over the pixels where either shows something."""
    background = first[0, 0, 0]
    shown = ((first != background) | (second != background)).any(axis=-1)
    apart = np.abs(first.astype(np.int16) - second).mean(axis=-1)
    return float(apart[shown].mean()) / 255.0 if shown.any() else 0.0


@cache
def parts_of_categories() -> dict[str, list[str]]:
    """The parts with a name in prompts that assets of each category have, found by making three of each."""
    generator, known = Procedural(), set(PARTS.values())
    found: dict[str, list[str]] = {}
    for category in dict.fromkeys(CATEGORIES.values()):
        requests = [Request("", seed, parse_prompt(category)) for seed in range(3)]
        assets = [asset for asset in generator.generate(requests) if isinstance(asset, Asset)]
        found[category] = sorted({part.name for asset in assets for part in asset.parts} & known)
    return found


Take = Callable[[Asset], U8]


def _camera_crew(studio: Studio, rng: np.random.Generator) -> Take:
    directions, lamp = np.array(studio.directions), np.array(studio.lamp)
    if studio.strays:
        directions = directions + rng.uniform(-1, 1, directions.shape) * (AZIMUTH, ELEVATION)
        lamp = lamp + rng.uniform(-LAMP, LAMP, 3)
    ways = [(float(azimuth), float(elevation)) for azimuth, elevation in directions]
    return lambda asset: studio.draw(asset, studio.side, ways, lamp.tolist())


def _example(caption: Caption, kind: str, seed: int, take: Take, rng: np.random.Generator) -> Example | None:
    """The asset the caption asks for; None where the generator refuses or reads another subject in it."""
    prompt = parse_prompt(text(caption))
    made = Procedural().generate([Request("", seed, prompt)])[0]
    if isinstance(made, Refusal) or category_of(prompt.subject) != CATEGORIES[caption.noun]:
        return None
    try:
        pictures = take(made)
    except InputError:
        return None
    return Example(text(caption, rng), text(shortened(caption, rng), rng), kind, pictures)
