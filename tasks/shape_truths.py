"""Ground truth of an evaluation: assets of the generator with the surface, parts and looks that are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.asset import F32, I32, Asset, InputError, Material
from ml.generators.procedural import Procedural
from ml.generators.protocol import Request
from ml.prompt import parse_prompt
from ml.shapes.example import ShapeExample
from ml.shapes.split import Split
from ml.srgb import to_srgb
from tasks.outer_surface import outer_surface
from tasks.procedural_examples import procedural_asset
from tasks.shape_body import Body, make_body
from tasks.shape_examples import shape_example
from tasks.signed_distance import unsigned_distance


@dataclass(frozen=True)
class Truth:
    """An asset, what it was asked to be, and its outer surface in the isotropic frame."""

    category: str
    captions: tuple[str, str, str]  # long, medium, short
    seed: int
    asset: Asset
    body: Body
    owners: I32  # (m,) the asset's part that each face of the body came from

    @cached_property
    def example(self) -> ShapeExample:
        """What a model is shown of it."""
        return shape_example(self.asset, self.category, self.captions, self.seed)


def truths(seed: int, count: int, split: Split | None) -> Iterator[Truth]:
    """`count` assets of a split, or any for None, all categories in turn; leaves out what cannot be joined."""
    index = found = 0
    while found < count:
        try:
            drawn = procedural_asset(seed, index, split)
            yield truth_of(drawn.asset, drawn.category, drawn.captions, drawn.seed)
            found += 1
        except InputError:
            pass
        index += 1


def truth_of_prompt(prompt: str, seed: int) -> Truth | None:
    """The generator's own answer; None where it refuses, or its parts are not closed."""
    made = Procedural().generate([Request("", seed, parse_prompt(prompt))])[0]
    try:
        return truth_of(made, made.notes["category"], (prompt,) * 3, seed) if isinstance(made, Asset) else None
    except InputError:
        return None


def truth_of(asset: Asset, category: str, captions: tuple[str, str, str], seed: int) -> Truth:
    """The truth of an asset whose parts are closed and of one material each, without maps; raises InputError as
    `outer_surface` does."""
    surface = outer_surface(asset)
    palette = np.array([looks_of(part.material) for part in asset.parts], dtype=np.float32)

    def looks_at(points: F32) -> F32:
        return np.asarray(palette[surface.owner[unsigned_distance(body.field, points).face]])

    body = make_body(surface.vertices, surface.faces, looks_at)
    return Truth(category, captions, seed, asset, body, surface.owner)


def looks_of(material: Material) -> list[float]:
    """A material's factors as the eight channels of ml.shapes.example, 0–1."""
    albedo, emission = to_srgb(material.base_color[:3]).tolist(), to_srgb(np.clip(material.emissive, 0, 1)).tolist()
    return [*albedo, material.roughness, material.metallic, *emission]
