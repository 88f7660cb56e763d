"""Shape latents to the fields that assets are cut from: arrays, with the looks that texts state."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ml.asset import F32
from ml.field_asset import ShapeField
from ml.plane_field import PlaneField
from ml.shapes.asked import Asked
from ml.shapes.field import FARTHEST, UNIT, Planes
from ml.shapes.model import ShapeModel
from ml.shapes.stated import as_stated


def fields(model: ShapeModel, latents: Tensor, asked: Sequence[Asked] = ()) -> list[ShapeField]:
    """The fields of (b, n + 1, c) latents; those that were `asked` for by texts wear what their texts state."""
    drawn = fields_of_planes(model, *model.planes(latents))
    if model.parts is None or not asked:
        return drawn
    return [as_stated(field, each.text, model.parts) for field, each in zip(drawn, asked, strict=True)]


def fields_of_planes(model: ShapeModel, planes: Planes, extents: F32) -> list[ShapeField]:
    """The fields that the model's reader sees in the planes, on the CPU, of b latents with (b, 3) extents."""
    reader = model.vae.reader
    distance, looks = (_layers(each) for each in (reader.distance_layers, reader.looks_layers))
    return [
        ShapeField(
            PlaneField(planes.geometry[row].numpy(), *(each.numpy() for each in distance)),
            PlaneField(planes.looks[row].half().numpy(), *(each.numpy() for each in looks)),
            extents[row],
            UNIT,
            FARTHEST,
        )
        for row in range(len(extents))
    ]


def _layers(layers: nn.Module) -> list[Tensor]:
    """Weights and biases of the three layers, in their order."""
    return [each.detach().float().cpu() for each in layers.parameters()]
