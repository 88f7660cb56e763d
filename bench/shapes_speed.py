"""Text to a textured GLB by the shape model: CPU seconds of each stage at 256 cells and 1K maps, and what comes out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from flows.catalogue import catalogue
from manifests.recipe import load_recipe
from ml.asset import Asset
from ml.field_asset import ShapeField, field_asset
from ml.field_mesh import field_mesh
from ml.generators.protocol import Request
from ml.generators.shapes import Shapes, ShapesOptions, Wanted, wanted
from ml.prompt import parse_prompt
from ml.readers.gltf import read_glb
from tasks.bake import BakeOptions, bake
from tasks.export_glb import export_glb
from tasks.glb import encode_glb
from tasks.steps import STEPS
from tasks.topology import topology
from tasks.unwrap import UnwrapOptions, unwrap

PROMPTS = (
    "an oak chair with a red seat",
    "a round marble table",
    "a blue ceramic vase",
    "a brass lantern",
    "a red sports car",
    "a steel sword with a leather grip",
    "a small stone house with a red roof",
    "a green sofa",
)
STEPS_OF = "game-ready"  # less its levels of detail: clean, orient, scale, simplify to 20,000, unwrap and bake at 1024
LOADING = "torch and weights, once a process"
T = TypeVar("T")


class Stages:
    """CPU seconds, user and system of all threads, by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def timed(self, stage: str, work: Callable[[], T]) -> T:
        """`work()`, its cost noted."""
        start = time.process_time()
        made = work()
        self.seconds.setdefault(stage, []).append(time.process_time() - start)
        return made


def through_chain(stages: Stages, raw: Asset) -> Asset:
    """The raw asset after the recipe's steps and its export."""
    asset = stages.timed("raw file written and read", lambda: read_glb(encode_glb(raw)))
    for stage in load_recipe(STEPS_OF, catalogue()).steps:
        if stage.name != "lods":
            step = STEPS[stage.name][0]
            asset = stages.timed(stage.name, lambda step=step, now=asset, options=stage.options: step(now, options))  # type: ignore[misc]
    stages.timed("GLB", lambda: export_glb(asset, "asset"))
    return asset


def one(stages: Stages, shapes: Shapes, request: Request) -> tuple[Asset, Asset, ShapeField]:
    """The raw asset and the finished one of a request, and its field."""
    from ml.shapes.decoding import fields
    from ml.shapes.drawing import draw

    asked = wanted(request)
    assert isinstance(asked, Wanted)
    latent = stages.timed("latent, 10 steps", lambda: draw(shapes.model, [asked.asked], [request.seed]))
    field = stages.timed("planes, looks as stated", lambda: fields(shapes.model, latent, [asked.asked])[0])
    raw = stages.timed("surface at 256 cells", lambda: field_asset(field, asked.metres, 256, asked.category))
    return raw, through_chain(stages, raw), field


def agreement(shapes: Shapes, requests: list[Request]) -> float:
    """The largest difference of a corner of the boxes between a batch and its assets made alone, % of the diagonal."""
    coarse = Shapes(replace(shapes.options, resolution=128))
    off = []
    for request, whole in zip(requests, coarse.generate(requests), strict=True):
        (alone,) = coarse.generate([request])
        assert isinstance(alone, Asset)
        assert isinstance(whole, Asset)
        gap = np.abs(alone.bounds() - whole.bounds()).max()
        off.append(float(gap / np.linalg.norm(np.ptp(whole.bounds(), axis=0))))
    return 100.0 * max(off)


def off_zero(raw: Asset, field: ShapeField) -> float:
    """The mean distance of vertices from the field's zeros, in cells of 256."""
    vertices, _ = field_mesh(field.distances, field.extents, 256)
    return float(np.abs(field.distances(vertices)).mean() / (2.1 / 256))


def measure() -> Iterator[Figure]:
    """The shipped model, or that in the folder SHAPES_MODEL; a first asset compiles or loads kernels."""
    stages, shapes = Stages(), Shapes(ShapesOptions(model=os.environ.get("SHAPES_MODEL", "")))
    stages.timed(LOADING, lambda: shapes.model)
    requests = [Request(text, seed, parse_prompt(text)) for seed, text in enumerate(PROMPTS)]
    one(Stages(), shapes, requests[0])
    made = [one(stages, shapes, request) for request in requests]
    for stage, seconds in stages.seconds.items():
        yield Figure(stage, float(np.mean(seconds)), "CPU s")
    total = sum(float(np.mean(seconds)) for seconds in stages.seconds.values())
    yield Figure("text to textured GLB, a process' first asset", total, "CPU s", bar=10.0)
    yield Figure("text to textured GLB, each further asset", total - stages.seconds[LOADING][0], "CPU s", bar=10.0)
    closed = [topology(raw.parts[0].vertices, raw.parts[0].faces).closed for raw, _, _ in made]
    yield Figure("closed 2-manifolds among raw assets", 100.0 * float(np.mean(closed)), "%", bar=100.0, better="higher")
    yield Figure("faces of a raw asset", float(np.mean([raw.face_count for raw, _, _ in made])), "")
    yield Figure("vertices off the field's zeros, mean", float(np.mean([off_zero(r, f) for r, _, f in made])), "cells")
    yield Figure("a batch against each alone, boxes", agreement(shapes, requests[:4]), "% of diagonal", bar=0.1)
    single = Stages()
    single.timed("512", lambda: field_asset(made[0][2], 1.0, 512, "chair"))
    yield Figure("surface at 512 cells", single.seconds["512"][0], "CPU s")
    low = unwrap(replace(made[0][1], source=made[0][0]), UnwrapOptions(4096, when="always"))
    single.timed("4K", lambda: bake(replace(low, source=made[0][0]), BakeOptions(4096)))
    yield Figure("maps at 4096", single.seconds["4K"][0], "CPU s")


if __name__ == "__main__":
    main(measure, __doc__ or "")
