"""What an evaluation asks of a shape model, and the model of the house that answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ml.asset import F32, InputError
from ml.field_asset import ShapeField
from ml.field_mesh import field_mesh
from ml.plane_field import sigmoid
from ml.shapes.asked import Asked
from ml.shapes.example import ShapeExample
from tasks.shape_body import Body

if TYPE_CHECKING:
    from torch import Tensor

    from ml.shapes.model import ShapeModel

BATCH = 16  # of the networks at once
CELLS = 128  # along the longest side; assets are cut at 256, which costs four times as much


class Maker(Protocol):
    """Whatever makes shapes. It returns None where it has no surface to show."""

    def rebuilt(self, examples: Sequence[ShapeExample], closer: bool = True) -> list[Body | None]:
        """Each example through the autoencoder and back; not `closer`: as the encoder alone puts it."""
        ...

    def made(self, asked: Sequence[Asked], seeds: Sequence[int], batch: int = BATCH) -> list[Body | None]:
        """One shape for each set of conditions."""
        ...


@dataclass(frozen=True)
class ModelMaker:
    """The shape model."""

    model: ShapeModel

    def rebuilt(self, examples: Sequence[ShapeExample], closer: bool = True) -> list[Body | None]:
        """Encode, decode, cut."""
        from ml.shapes.encoding import STEPS, encoded

        steps = STEPS if closer else 0
        return [body for example in examples for body in self._bodies(encoded(self.model, example, steps))]

    def made(self, asked: Sequence[Asked], seeds: Sequence[int], batch: int = BATCH) -> list[Body | None]:
        """Draw latents, decode, cut."""
        from ml.shapes.drawing import draw

        found: list[Body | None] = []
        for start in range(0, len(asked), batch):
            some = slice(start, start + batch)
            found += self._bodies(draw(self.model, asked[some], seeds[some]), asked[some])
        return found

    def _bodies(self, latents: Tensor, asked: Sequence[Asked] = ()) -> Iterator[Body | None]:
        from ml.shapes.decoding import fields

        for field in fields(self.model, latents, asked):
            yield body_of(field, CELLS)


def body_of(field: ShapeField, resolution: int) -> Body | None:
    """The field's surface with the field's looks, in the isotropic frame that it was predicted in; None without one.

    Cavities stay, as true shapes have them: a mug that is hollow under its coffee is a third of one that is not.
    """
    extents, looks = field.extents.astype(np.float32), field.looks  # a body need not keep the distances, 15 MB

    def looks_at(points: F32) -> F32:
        return sigmoid(looks.values(points / extents))

    try:
        box, faces = field_mesh(field.distances, extents, resolution, cavities=True)
    except InputError:
        return None
    return Body(box.astype(np.float64) * extents, faces, looks_at)
