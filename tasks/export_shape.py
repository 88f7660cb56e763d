"""Exports what the shape model of this house trains on: one example of the asset, captions included."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from ml.asset import Asset
from ml.prompt import parse_prompt
from ml.vocabulary import category_of
from tasks.outputs import OutputFile


@dataclass(frozen=True)
class ShapeOptions:
    """Which of the examples that an asset gives."""

    seed: int = field(default=0, metadata={"min": 0, "max": 2**32 - 1, "help": "other numbers, other points and views"})


def export_shape(asset: Asset, stem: str, options: ShapeOptions = ShapeOptions()) -> list[OutputFile]:
    """`stem_shape.npz`, as ml.shapes.example has it: closed parts only, so after the step `watertight` for meshes.

    The captions come from the row's prompt, which says of an imported mesh what it shows; without one they are empty.
    What is random follows from the geometry and the seed. Raises InputError as `shape_example` does.
    """
    from ml.shapes.captions import lengths_of
    from ml.shapes.example import example_bytes
    from tasks.shape_examples import shape_example

    prompt = asset.notes.get("prompt", "")
    category = asset.notes.get("category") or category_of(parse_prompt(prompt).subject if prompt else "")
    vertices, faces, _ = asset.merged()
    key = zlib.crc32(faces.tobytes(), zlib.crc32(vertices.tobytes()))
    example = shape_example(asset, category, lengths_of(prompt), options.seed << 32 | key)
    return [OutputFile(f"{stem}_shape.npz", "shape", 0, example_bytes(example))]
