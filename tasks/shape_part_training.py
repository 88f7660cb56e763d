"""Trains the reader of parts on shapes whose parts are known; `meshmill train shapes` runs it last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np

from ml.alignment.examples import parts_of_categories
from ml.asset import F32, I32, InputError
from ml.parametric.finishes import SAID_AS
from ml.prompt import parse_prompt
from ml.shapes.claims import claims_of
from ml.shapes.example import THINNEST
from tasks.outer_surface import outer_surface
from tasks.procedural_examples import Drawn, procedural_asset
from tasks.sampling import uniform_samples
from tasks.shape_claims import holds
from tasks.shape_examples import box_of
from tasks.shape_truths import looks_of

if TYPE_CHECKING:
    from torch import Tensor

    from ml.shapes.part_reader import PartReader

POINTS = 512  # of a shape
WIDTH, ROUNDS, BATCH, RATE = 96, 8, 32, 2e-3
ROUGHNESS, TILT, STRETCH = (
    0.02,
    0.2,
    0.1,
)  # made shapes are never quite smooth: isotropic units, of unit normals, octaves
SEED = 5_000_000


@dataclass(frozen=True)
class LabelledShape:
    """Places on a shape, and the part that each lies on."""

    category: str
    points: F32  # (POINTS, 3) box frame
    normals: F32  # (POINTS, 3)
    extents: F32  # (3,)
    names: tuple[str, ...]  # of the parts, as prompts say them
    owners: I32  # (POINTS,) of them
    whole: tuple[bool, ...] | None  # whether each part wears what is said of the whole; None where nothing is


def labelled_shapes(seed: int) -> Iterator[LabelledShape]:
    """Shapes of the generator without end, categories in turn; 30 CPU-ms each."""
    for index in count():
        try:
            yield _labelled(procedural_asset(seed, index, "train"), seed + index)
        except InputError:
            continue


def _labelled(drawn: Drawn, seed: int) -> LabelledShape:
    asset = drawn.asset
    surface, box = outer_surface(asset), box_of(asset.bounds())
    found = uniform_samples((surface.vertices - box.centre) / box.reach, surface.faces, POINTS, seed)
    said = [claim for claim in claims_of(parse_prompt(drawn.captions[0])) if not claim.part]
    palette = np.array([looks_of(part.material) for part in asset.parts], np.float32)
    return LabelledShape(
        drawn.category,
        (found.points / box.extents).astype(np.float32),
        found.normals.astype(np.float32),
        box.extents.astype(np.float32),
        tuple(SAID_AS.get(part.name, part.name) for part in asset.parts),
        surface.owner[found.faces],
        tuple(map(bool, holds(said[0], palette))) if len(said) == 1 else None,
    )


def train_parts(shapes: Iterable[LabelledShape]) -> PartReader:
    """Fit the reader to labelled shapes; 4,000 of them in 150 CPU-s."""
    import torch
    from torch.nn import functional

    from ml.shapes.part_reader import PartReader, PartsConfig

    found = list(shapes)
    categories = tuple(sorted(parts_of_categories()))
    names = tuple(sorted({name for shape in found for name in shape.names}))
    torch.manual_seed(SEED)
    reader = PartReader(PartsConfig(WIDTH, categories, names))
    _count(reader, found)
    data = _tensors(found, categories, names)
    steps = ROUNDS * -(-len(found) // BATCH)
    optimizer = torch.optim.AdamW(reader.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for _ in range(ROUNDS):
        for rows in torch.split(torch.randperm(len(found)), BATCH):
            points, normals, extents, category, owners = (each[rows] for each in data)
            sides = extents * 2.0 ** (STRETCH * torch.randn_like(extents))
            points = points + ROUGHNESS * torch.randn_like(points) * torch.rand(len(rows), 1, 1) / extents[:, None]
            sides = sides / sides.amax(dim=1, keepdim=True)
            normals = functional.normalize(normals + TILT * torch.randn_like(normals), dim=-1)
            loss = functional.cross_entropy(reader(points, normals, sides, category).flatten(0, 1), owners.flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return reader.eval()


def _count(reader: PartReader, shapes: Sequence[LabelledShape]) -> None:
    """Which parts each category has, and how often they wear the whole's words."""
    seen = np.zeros((2, *reader.known.shape))
    for shape in shapes:
        row = reader.config.categories.index(shape.category)
        for k, name in enumerate(shape.names):
            column = reader.config.names.index(name)
            reader.known[row, column] = 1.0
            if shape.whole is not None:
                seen[:, row, column] += 1, shape.whole[k]
    reader.whole += reader.whole.new_tensor(seen[1] / np.maximum(seen[0], 1))


def _tensors(shapes: Sequence[LabelledShape], categories: Sequence[str], names: Sequence[str]) -> list[Tensor]:
    import torch

    owners = [np.array([names.index(name) for name in shape.names])[shape.owners] for shape in shapes]
    points, normals, extents = (
        torch.from_numpy(np.stack([getattr(shape, name) for shape in shapes]))
        for name in ("points", "normals", "extents")
    )
    rows = torch.tensor([categories.index(shape.category) for shape in shapes])
    return [points, normals, extents.clamp_min(THINNEST), rows, torch.from_numpy(np.stack(owners)).long()]


def first_shapes(number: int) -> Iterator[LabelledShape]:
    """The training's own."""
    return islice(labelled_shapes(SEED), number)
