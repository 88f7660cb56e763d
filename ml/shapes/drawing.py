"""Requests' conditions to shape fields by the shape model: batches in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ml.alignment.tokens import tokenize
from ml.asset import F32
from ml.field_asset import ShapeField
from ml.plane_field import REACH, PlaneField
from ml.shapes.asked import Asked, pictures_of
from ml.shapes.conditions import Conditions, no_conditions
from ml.shapes.example import ShapeExample
from ml.shapes.field import AXES, FARTHEST, UNIT
from ml.shapes.model import ShapeModel, load_model
from ml.shapes.sampler import SamplerOptions
from ml.shapes.shipped import WEIGHTS
from ml.shapes.stated import as_stated

PLACES = 3
THREADS = 1  # of torch: assets run in parallel already


def ready_model(folder: str = "") -> ShapeModel:
    """The shipped model, or one in another folder, on one thread; raises InputError `weights.*`."""
    torch.set_num_threads(THREADS)
    return load_model(Path(folder) if folder else WEIGHTS)


def draw(
    model: ShapeModel,
    asked: Sequence[Asked],
    seeds: Sequence[int],
    options: SamplerOptions = SamplerOptions(),
    start: Tensor | None = None,
    strength: float = 1.0,
    kept: Tensor | None = None,
) -> Tensor:
    """(b, n + 1, c) latents, one an asset; `start`, `strength` and `kept` as `ShapeModel.generate` has them.

    Assets with something unwanted are drawn apart: the model draws them in another way, which must not depend on what
    else is in the batch.
    """
    drawn: dict[int, Tensor] = {}
    for refusing in (False, True):
        rows = [row for row, each in enumerate(asked) if bool(each.unwanted) == refusing]
        if not rows:
            continue
        some = [asked[row] for row in rows]
        away = no_conditions(len(rows))._replace(tokens=_tokens([each.unwanted for each in some])) if refusing else None
        known = None if start is None else start[rows]
        made = model.generate(conditions(some), [seeds[row] for row in rows], options, away, known, strength, kept)
        drawn.update(zip(rows, made, strict=True))
    return torch.stack([drawn[row] for row in range(len(asked))])


def encoded(model: ShapeModel, example: ShapeExample) -> Tensor:
    """(1, n + 1, c) latent of an asset's example."""
    names = ("surface", "surface_normals", "surface_looks", "edges", "edge_normals", "extents")
    batch = {name: torch.from_numpy(getattr(example, name)).float()[None] for name in names}
    batch["surface_looks"] /= 255.0
    return model.encode(batch)


def tokens_outside(model: ShapeModel, inside: Callable[[F32], npt.NDArray[np.bool_]]) -> Tensor:
    """(n + 1,) the tokens in whose columns, along the axis that their plane has not, no place is `inside`, and the one
    of the extents; `inside` is asked of (m, 3) points of the box frame, PLACES along a side of a token's cell."""
    side = model.vae.config.side
    line = ((np.arange(side * PLACES) + 0.5) * (2.0 / (side * PLACES)) - 1.0) * REACH
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    found = np.any(inside(points).reshape([side, PLACES] * 3), axis=(1, 3, 5))  # (x, y, z) cells
    columns = [found.any(axis=3 - across - up).T for across, up in AXES]  # rows along the plane's second axis
    return torch.from_numpy(np.append(~np.stack(columns).reshape(-1), True))


def conditions(asked: Sequence[Asked]) -> Conditions:
    """Of b assets; pictures as floats in 0–1."""
    shown, kinds, views = pictures_of(asked)
    numbers = [torch.tensor(each, dtype=torch.int64).reshape(shown.shape[:2]) for each in (kinds, views)]
    return Conditions(_tokens([each.text for each in asked]), torch.from_numpy(shown).float() / 255.0, *numbers)


def fields(model: ShapeModel, latents: Tensor, asked: Sequence[Asked] = ()) -> list[ShapeField]:
    """The fields of (b, n + 1, c) latents; those that were `asked` for by texts wear what their texts state."""
    planes, extents = model.planes(latents)
    reader = model.vae.reader
    distance, looks = (_layers(each) for each in (reader.distance_layers, reader.looks_layers))
    drawn = [
        ShapeField(
            PlaneField(planes.geometry[row].numpy(), *(each.numpy() for each in distance)),
            PlaneField(planes.looks[row].half().numpy(), *(each.numpy() for each in looks)),
            extents[row],
            UNIT,
            FARTHEST,
        )
        for row in range(len(latents))
    ]
    if model.parts is None or not asked:
        return drawn
    return [as_stated(field, each.text, model.parts) for field, each in zip(drawn, asked, strict=True)]


def _layers(layers: nn.Module) -> list[Tensor]:
    """Weights and biases of the three layers, in their order."""
    return [each.detach().float().cpu() for each in layers.parameters()]


def _tokens(texts: Sequence[str]) -> Tensor:
    """(b, CONTEXT) token numbers, zeros for ""."""
    numbers = torch.from_numpy(tokenize(texts))
    numbers[[not text for text in texts]] = 0
    return numbers
