"""Faults of size, place and pose, and assets that are not what their row says or that another row has already."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from pieces import base_pixels, with_map

from ml.asset import Asset
from tasks.transform import transformed

Matrix = npt.NDArray[np.float64]


def _moved(asset: Asset, linear: Matrix, offset: Matrix | None = None) -> Asset:
    return transformed(asset, linear, np.zeros(3) if offset is None else offset)


def _grounded(asset: Asset) -> Asset:
    low, high = asset.bounds()
    return _moved(asset, np.eye(3), -np.array([0.5 * (low[0] + high[0]), low[1], 0.5 * (low[2] + high[2])]))


def ten_times(asset: Asset, rng: Generator) -> Asset:
    """Ten times as large, or as small."""
    return _moved(asset, np.eye(3) * float(rng.choice([10.0, 0.1])))


def millimetres(asset: Asset, rng: Generator) -> Asset:
    """Millimetres that are taken for metres."""
    return _moved(asset, np.eye(3) * 1000.0)


def metres_as_millimetres(asset: Asset, rng: Generator) -> Asset:
    """Metres that were taken for millimetres."""
    return _moved(asset, np.eye(3) * 0.001)


def wrong_proportions(asset: Asset, rng: Generator) -> Asset:
    """Wider than the row asks for at the height that it asks for."""
    return _moved(asset, np.diag([float(rng.choice([0.75, 0.8, 1.25, 1.4])), 1.0, 1.0]))


def lying_down(asset: Asset, rng: Generator) -> Asset:
    """Z is up: it lies on its back, its lowest point below the ground."""
    turn = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    return _moved(asset, turn)


def topples(asset: Asset, rng: Generator) -> Asset:
    """Tilted by 30 to 40 degrees, and set on the ground like that."""
    angle = np.radians(rng.uniform(30.0, 40.0)) * float(rng.choice([-1.0, 1.0]))
    tilt = np.array([[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0], [0.0, 0.0, 1.0]])
    return _grounded(_moved(asset, tilt))


def off_the_ground(asset: Asset, rng: Generator) -> Asset:
    """Hanging in the air, or sunk."""
    height = float(np.ptp(asset.bounds(), axis=0)[1])
    return _moved(asset, np.eye(3), np.array([0.0, height * float(rng.choice([-0.4, 0.2, 0.7])), 0.0]))


def off_centre(asset: Asset, rng: Generator) -> Asset:
    """Beside the origin by more than its own width."""
    extent = np.ptp(asset.bounds(), axis=0)
    return _moved(asset, np.eye(3), np.array([1.5 * extent[0], 0.0, float(rng.uniform(-1.0, 1.0)) * extent[2]]))


def as_it_is(asset: Asset, rng: Generator) -> Asset:
    """Nothing is wrong with the asset itself."""
    return replace(asset, lods=())


def slightly_changed(asset: Asset, rng: Generator) -> Asset:
    """Vertices moved by a thousandth, another size, the colours a touch paler."""
    part = asset.parts[0]
    diagonal = float(np.linalg.norm(np.ptp(asset.bounds(), axis=0)))
    _, place = np.unique(part.vertices, axis=0, return_inverse=True)
    shifts = rng.normal(scale=3e-4 * diagonal, size=(int(place.max()) + 1, 3))
    moved = (1.02 * part.vertices + shifts[place.reshape(-1)]).astype(np.float32)
    pixels = base_pixels(part)[..., :3]
    paler = (128.0 + 0.97 * (pixels - 128.0)).astype(np.uint8)
    return Asset((with_map(replace(part, vertices=moved), paler), *asset.parts[1:]), asset.name)
