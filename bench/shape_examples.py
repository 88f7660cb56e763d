"""Training examples of the shape model: what one costs, stage by stage, its size, and what training never sees."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from ml.alignment.captions import draw, text
from ml.alignment.examples import parts_of_categories
from ml.asset import Asset
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from ml.shapes.example import NEAR, SIDE, VIEWS, VOLUME, example_bytes, raw_bytes
from ml.shapes.split import split_of
from tasks.outer_surface import outer_surface
from tasks.procedural_examples import category_at, procedural_example
from tasks.sampling import uniform_samples
from tasks.shape_examples import box_of
from tasks.shape_pictures import pictures_and_sketches
from tasks.signed_distance import build_distance_field, signed_distance
from tasks.solid_distance import solid_distance

EXAMPLES = 96  # two of each category
SPLITS = 960  # drawn assets that are told apart
ROUND = [(45.0 * k, 10.0) for k in range(VIEWS)]


def measure() -> Iterator[Figure]:
    """Examples as training asks for them, then their stages on the same number of assets."""
    procedural_example(0, 0)  # kernels compiled, tables read
    cost, examples = _cost(lambda: [procedural_example(1, index) for index in range(EXAMPLES)])
    yield Figure("a training example, captions and asset included", cost, "CPU-ms", bar=60)
    sizes = [len(example_bytes(each)) for each in examples]
    yield Figure("its file", float(np.mean(sizes)) / 1e3, "kB")
    yield Figure("the largest file", max(sizes) / 1e3, "kB", bar=250)
    yield Figure("in memory", len(raw_bytes(examples[0])) / 1e3, "kB")
    assets = [asset for asset, _ in _drawn(EXAMPLES)]
    cost, surfaces = _cost(lambda: [outer_surface(asset) for asset in assets])
    yield Figure("outer surface", cost, "CPU-ms")
    yield Figure(
        f"{VIEWS} pictures and sketches of {SIDE}²", _cost(lambda: [_pictures(a) for a in assets])[0], "CPU-ms"
    )
    yield from _distances([(s.vertices, s.faces) for s in surfaces])
    splits = [split for _, split in _drawn(SPLITS)]
    for name in ("pairs", "region"):
        yield Figure(f"assets of the held split '{name}'", 100.0 * splits.count(name) / SPLITS, "%")


def _cost(work: Callable[[], list]) -> tuple[float, list]:  # type: ignore[type-arg]
    """CPU milliseconds for each of what the work returns, and that."""
    start = time.process_time()
    made = work()
    return 1e3 * (time.process_time() - start) / len(made), made


def _drawn(count: int) -> Iterator[tuple[Asset, str]]:
    """Assets of drawn captions, whatever their split, and the split."""
    random, index = np.random.default_rng(7), 0
    while count:
        category = category_at(7, index)
        index += 1
        caption = draw(random, parts_of_categories(), category)
        made = Procedural().generate([Request("", index, parse_prompt(text(caption)))])[0]
        if isinstance(made, Asset):
            count -= 1
            yield made, split_of(caption, category, np.ptp(made.bounds(), axis=0))


def _pictures(asset: Asset) -> bool:
    pictures_and_sketches(asset, SIDE, ROUND)
    return True


def _distances(surfaces: list) -> Iterator[Figure]:  # type: ignore[type-arg]
    """Both ways to the same distances, and where their signs differ."""
    asked = []
    for seed, (vertices, faces) in enumerate(surfaces):
        box = box_of(np.stack([vertices.min(axis=0), vertices.max(axis=0)]))
        random = np.random.default_rng(seed)
        near = uniform_samples(vertices, faces, NEAR, seed).points
        near = near + random.standard_normal(near.shape) * 0.02 * box.reach
        spread = random.uniform(-1.05, 1.05, (VOLUME, 3)) * box.extents * box.reach + box.centre
        asked.append((vertices, faces, np.concatenate([near, spread])))
    ours, solid = _cost(lambda: [solid_distance(*each) for each in asked])
    plain = lambda v, f, q: signed_distance(build_distance_field(v, f), q).distance  # noqa: E731
    peer, winding = _cost(lambda: [plain(*each) for each in asked])
    yield Figure(f"{NEAR + VOLUME} distances", ours, "CPU-ms", peer="winding numbers throughout", peer_value=peer)
    other = sum(int((np.sign(a) != np.sign(b)).sum()) for a, b in zip(solid, winding, strict=True))
    yield Figure("signs that differ", 1e6 * other / (len(asked) * (NEAR + VOLUME)), "of a million")


if __name__ == "__main__":
    main(measure, __doc__ or "")
