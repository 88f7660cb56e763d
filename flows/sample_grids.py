"""Pictures of what the shape model draws while it is trained: a row for each prompt, a column for each seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.asset import U8, InputError
from ml.field_asset import ShapeField, field_asset
from ml.png import encode_png
from tasks.portraits import BACKGROUND, portraits

PROMPTS = ("an oak chair with a red seat", "a round marble table", "a blue ceramic vase", "a brass lantern")
SEEDS = (0, 1)
CELLS, SIDE = 48, 128  # of the field along the longest side; pixels
DIRECTION = (30.0, 20.0)  # azimuth and elevation, degrees


@dataclass(frozen=True)
class SampleGrid:
    """Called with a step and the flow's averaged weights, it writes `step-….png` in `folder`."""

    vae: Any  # ml.shapes.vae.ShapeVae, which knows torch
    options: Any  # ml.shapes.sampler.SamplerOptions
    folder: Path

    def __call__(self, step: int, flow: Any) -> None:
        from ml.shapes.asked import Asked
        from ml.shapes.decoding import fields
        from ml.shapes.drawing import draw
        from ml.shapes.model import ShapeModel

        model = ShapeModel(self.vae, flow, flow.middle.device)
        asked = [Asked(prompt, "", ()) for prompt in PROMPTS for _ in SEEDS]
        drawn = draw(model, asked, SEEDS * len(PROMPTS), self.options)
        tiles = np.stack([tile(field) for field in fields(model, drawn)])
        grid = tiles.reshape(len(PROMPTS), len(SEEDS), SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
        self.folder.mkdir(parents=True, exist_ok=True)
        pixels = np.ascontiguousarray(grid.reshape(len(PROMPTS) * SIDE, len(SEEDS) * SIDE, 3))
        (self.folder / f"step-{step:09d}.png").write_bytes(encode_png(pixels))


def tile(field: ShapeField) -> U8:
    """(SIDE, SIDE, 3) picture of a field; the plain background where it has no surface yet."""
    try:
        picture: U8 = portraits(field_asset(field, 1.0, CELLS, "shape"), SIDE, (DIRECTION,))[0]
    except InputError:
        picture = np.full((SIDE, SIDE, 3), int(BACKGROUND), np.uint8)
    return picture
