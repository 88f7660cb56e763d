"""What a shape is, by its geometry alone: a small classifier that knows the true shapes and no shape model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ml.alignment.tensors import read_tensors
from ml.asset import F32
from tasks.shape_body import Body

WEIGHTS = Path(__file__).parent / "weights" / "shape_categories.safetensors"
GRID = 8  # cells along each side; 12 told no more shapes right
UNIT = 4.0  # brings the features to a spread of about one
PROPORTION = 0.5  # weight of a doubled side against a surface that moves from one cell to another


@dataclass(frozen=True)
class Judge:
    """Three linear layers with ReLU between them, over `features`."""

    categories: tuple[str, ...]
    middle: F32  # (d,) mean features
    layers: tuple[tuple[F32, F32], ...]  # weights (outputs, inputs) and biases

    def category(self, body: Body) -> str:
        """The likeliest category of the body."""
        x = (features(body.boxed, body.extents) - self.middle) * UNIT
        for weights, bias in self.layers[:-1]:
            x = np.maximum(weights @ x + bias, 0.0)
        weights, bias = self.layers[-1]
        return self.categories[int((weights @ x + bias).argmax())]


@cache
def load_judge(path: Path = WEIGHTS) -> Judge:
    """The judge that `tasks/shape_category_training.py` wrote; raises InputError `weights.unreadable`."""
    arrays = read_tensors(path)
    names = bytes(arrays.pop("categories")).decode().split("\n")
    floats = {name: values.astype(np.float32) for name, values in arrays.items()}
    layers = tuple((floats[f"{k}.weight"], floats[f"{k}.bias"]) for k in range(3))
    return Judge(tuple(names), floats["middle"], layers)


def features(boxed: F32, extents: F32) -> F32:
    """(GRID³ + 3,) of (k, 3) even surface samples in the box frame: square roots of the surface's share in each cell,
    and the proportions.

    Square roots make the Euclidean distance that of Hellinger, so that large plain faces do not outweigh thin parts.
    A sample is shared between the eight nearest cells, so that a surface a little beside another is like it.
    """
    places = (np.clip(boxed, -1.0, 1.0) + 1.0) * ((GRID - 1) / 2.0)
    low = np.minimum(places.astype(np.int64), GRID - 2)
    share = places - low
    grid = np.zeros(GRID**3)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner, bool), share, 1.0 - share), axis=1)
        cell = np.ravel_multi_index(tuple((low + corner).T), (GRID,) * 3)
        grid += np.bincount(cell, weight, GRID**3)
    shares = np.sqrt(grid * (GRID / len(places)))
    return np.concatenate([shares, np.log2(np.maximum(extents, 1e-3)) * PROPORTION]).astype(np.float32)
