"""Turns a model's axes into the house's: Y up, front +Z, right-handed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.generators.pretrained.card import Axis

F64 = npt.NDArray[np.float64]


def to_house(up: Axis, front: Axis) -> F64:
    """(3, 3) rotation of `up` to +Y and `front` to +Z, for `vertices @ rotation.T`; ValueError for parallel axes."""
    y, z = _unit(up), _unit(front)
    x = np.cross(y, z)
    if not x.any():
        raise ValueError(f"up {up} and front {front} are parallel")
    return np.stack([x, y, z])


def _unit(axis: Axis) -> F64:
    vector = np.zeros(3)
    vector["xyz".index(axis[1])] = 1.0 if axis[0] == "+" else -1.0
    return vector
