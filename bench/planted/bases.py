"""The sound assets: prompts, real meshes and the examples' imports, finished by the recipes of their customers."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from corpus import made
from meshes import REAL

from flows.catalogue import catalogue
from manifests.readers import read_manifest
from manifests.recipe import Recipe, Stage, load_recipe
from manifests.row import Row
from ml.asset import Asset
from ml.parametric.catalogue import BUILDERS
from tasks.steps import STEPS

EXAMPLES = Path(__file__).parents[2] / "manifests" / "examples" / "inputs"
# Profile, the recipe that serves it, and what its customer asks for beside: options of steps, and further steps.
SHOP = {"unwrap": {"when": "always"}, "physical": {}}  # as the catalog recipe
CUSTOMERS: dict[str, tuple[str, dict[str, dict[str, object]]]] = {
    "khronos": ("game-ready", SHOP),
    "game": ("game-ready", {}),
    "web-ar": ("web-ar", {}),
    "fab": ("game-ready", {"unwrap": {"lightmap": True}}),
    "cgtrader": ("game-ready", SHOP),
    "turbosquid": ("game-ready", {}),
    "decentraland": ("game-ready", {"simplify": {"target_faces": 8000}}),
    "print-fdm": ("print", {"simplify": {"target_faces": 20_000}}),
    "print-resin": ("print", {"simplify": {"target_faces": 20_000}}),
}
# How often each comes in turn.
TURNS = ("khronos", "game", "khronos", "game", "web-ar", "khronos", "game", "fab", "khronos", "cgtrader", "game",
         "turbosquid", "khronos", "decentraland")  # fmt: skip
# What is printed is solid and stands by itself; each once, because without colours two of a kind are the same.
PRINTED = ("mug", "vase", "bowl", "barrel", "rocket", "flowerpot", "bottle", "goblet", "chest", "book", "candlestick",
           "rock", "mushroom", "teapot", "pitcher", "bucket")  # fmt: skip
LOOKS = ("oak", "red", "blue ceramic", "walnut", "bronze", "green", "marble", "steel", "yellow", "terracotta")
IMPORTS = {"spot": 0.3, "cow": 1.5, "suzanne": 0.3, "fandisk": 0.1, "rocker-arm": 0.12, "cheburashka": 0.3}
DRAWN = 88  # from prompts, beside the printed ones


@dataclass(frozen=True)
class Base:
    """One sound asset and what its row says."""

    name: str
    prompt: str
    category: str
    profile: str
    asset: Asset


def bases(folder: Path, seed: int) -> Iterator[Base]:
    """About a hundred assets; other ones for another seed. `folder` takes the manifests."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, str]] = []
    for index, category in enumerate(islice(cycle(rng.permutation(sorted(BUILDERS))), DRAWN)):
        look = LOOKS[(index + seed + 5 * (index // len(BUILDERS))) % len(LOOKS)]  # another when the kind comes again
        rows.append(_row(index, str(category), look, TURNS[index % len(TURNS)]))
    for index, category in enumerate(rng.permutation(PRINTED), start=DRAWN):
        row = _row(index, str(category), str(rng.choice(LOOKS)), ("print-fdm", "print-resin")[index % 2])
        rows.append(row | {"height_m": f"{rng.uniform(0.08, 0.15):.3f}"})
    for (name, size), turn in zip(imports().items(), cycle(("khronos", "game")), strict=False):
        rows.append({"id": Path(name).stem, "mesh": name, "profile": turn, "height_m": f"{size}"})
    for profile in CUSTOMERS:
        yield from _finished([row for row in rows if row["profile"] == profile], profile, folder, seed)


def imports() -> dict[str, float]:
    """Path and height of the sound meshes that are there."""
    real = {str(path): IMPORTS[path.stem] for path in sorted(REAL.glob("*.obj")) if path.stem in IMPORTS}
    if not real:
        print(f"no meshes in {REAL}: set MESHMILL_BENCH_MESHES; the corpus has none of them", file=sys.stderr)
    return {**real, str(EXAMPLES / "meshes/train.glb"): 0.14, str(EXAMPLES / "meshes/stool.obj"): 0.35}


def _row(index: int, category: str, look: str, profile: str) -> dict[str, str]:
    name = f"{index:03}-{category.replace(' ', '-')}"
    return {"id": name, "prompt": f"a {look} {category}", "category": category, "profile": profile}


COLUMNS = ("id", "prompt", "category", "profile", "mesh", "height_m", "width_m", "up_axis", "image")


def write_manifest(path: Path, rows: list[dict[str, str]]) -> None:
    """A CSV of the columns that planted assets use."""
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _finished(rows: list[dict[str, str]], profile: str, folder: Path, seed: int) -> Iterator[Base]:
    manifest = folder / f"bases-{profile}.csv"
    write_manifest(manifest, rows)
    recipe = _recipe(profile)
    for row in read_manifest(str(manifest), [str(REAL), str(EXAMPLES)]):
        assert isinstance(row, Row), row
        asset = made(replace(row, seed=seed * 1000 + row.number), recipe)
        yield Base(row.id, row.prompt, row.category, profile, replace(asset, source=None, notes={}, metrics={}))


def _recipe(profile: str) -> Recipe:
    name, asked = CUSTOMERS[profile]
    recipe = load_recipe(name, catalogue())
    steps = [replace(stage, options=replace(stage.options, **asked.get(stage.name, {}))) for stage in recipe.steps]  # type: ignore[type-var]
    more = [Stage(step, STEPS[step][1](**options)) for step, options in asked.items() if step == "physical"]
    return replace(recipe, steps=(*steps, *more))
