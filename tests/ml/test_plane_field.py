"""Fields of planes say in numpy what the network's own module says in torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml.asset import F32, InputError
from ml.field_asset import ShapeField
from ml.plane_field import PlaneField, sigmoid
from ml.shapes.field import FARTHEST, UNIT, FieldReader, Planes


def random_reader(seed: int = 0) -> tuple[FieldReader, Planes]:
    torch.manual_seed(seed)
    reader = FieldReader(6, 4, 16)
    with torch.no_grad():
        reader.distance_layers[4].weight *= 20.0  # so that some values are beyond FARTHEST
    return reader, Planes(torch.randn(1, 3, 6, 12, 12), torch.randn(1, 3, 4, 12, 12))


def plane_field(layers: torch.nn.Sequential, planes: torch.Tensor) -> PlaneField:
    arrays: list[F32] = [value.detach().numpy() for value in layers.parameters()]
    return PlaneField(planes[0].numpy(), *arrays)


@pytest.mark.parametrize("seed", [0, 1])
def test_values_are_those_of_the_torch_module(seed: int) -> None:
    reader, planes = random_reader(seed)
    points = np.random.default_rng(seed).uniform(-1.2, 1.2, (3000, 3)).astype(np.float32)  # beyond the planes, too
    with torch.no_grad():
        distance = reader.distance(planes, torch.from_numpy(points)[None])[0].numpy()
        looks = reader.looks(planes, torch.from_numpy(points)[None])[0].numpy()
    shown = plane_field(reader.looks_layers, planes.looks)
    field = ShapeField(
        plane_field(reader.distance_layers, planes.geometry), shown, np.ones(3, np.float32), UNIT, FARTHEST
    )
    np.testing.assert_allclose(field.distances(points), distance, atol=2e-6)
    np.testing.assert_allclose(sigmoid(shown.values(points)), looks, atol=2e-6)


def test_a_place_that_is_no_number_reads_nothing_outside_the_planes() -> None:
    reader, planes = random_reader()
    field = plane_field(reader.distance_layers, planes.geometry)
    assert np.isfinite(field.values(np.full((2, 3), np.nan, np.float32))).all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    reader, planes = random_reader()
    field = plane_field(reader.distance_layers, planes.geometry)
    with pytest.raises(InputError, match="do not fit"):
        replace(field, first=field.first[:, 1:])
    broken = field.planes.copy()
    broken[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        replace(field, planes=broken)
