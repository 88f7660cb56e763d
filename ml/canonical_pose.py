"""Which of the 24 turns of a cube brings a shape to its feet and face: a small network that scores each turn."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.asset import F32

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SIDE = 12  # cells along the cube that a shape's longest side fills
WEIGHTS = Path(__file__).with_name("canonical_pose.npz")


@cache
def turns() -> F64:
    """(24, 3, 3) rotations of the cube onto itself, none of them first."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.diag(signs)[:, list(order)]
            if np.linalg.det(matrix) > 0.0:
                found.append(matrix)
    return np.array(sorted(found, key=lambda matrix: -float(np.trace(matrix))))


@cache
def sources() -> I64:
    """(24, SIDE³) which cell of a flat grid each cell of the turned grid comes from."""
    cells = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) - (SIDE - 1) / 2
    found = np.empty((24, SIDE**3), np.int64)
    for row, matrix in zip(found, turns(), strict=True):
        to = np.rint(cells @ matrix.T + (SIDE - 1) / 2).astype(np.int64)
        row[(to[:, 0] * SIDE + to[:, 1]) * SIDE + to[:, 2]] = np.arange(SIDE**3)
    return found


def pose_grid(points: npt.ArrayLike) -> F32:
    """(SIDE³,) of (n, 3) surface points, spread evenly: square roots of the shares in cells, so that thin parts count.

    The points' box is centred and its longest side fills the cube.
    """
    places = np.asarray(points, np.float64)
    low, high = places.min(axis=0), places.max(axis=0)
    local = (places - (low + high) / 2.0) / max(float((high - low).max()), 1e-300) + 0.5
    cells = np.clip((local * SIDE).astype(np.int64), 0, SIDE - 1)
    counts = np.bincount((cells[:, 0] * SIDE + cells[:, 1]) * SIDE + cells[:, 2], minlength=SIDE**3)
    grid: F32 = np.sqrt(counts * (100.0 / len(places))).astype(np.float32)
    return grid


def turn_probabilities(grid: F32, file: Path = WEIGHTS) -> F64:
    """(24,) how likely each of `turns` is the one that the shape needs, by the weights of a file; 0.3 ms."""
    first, bias, second = _weights(file)
    hidden = np.maximum(grid[sources()] @ first + bias, 0.0)
    scores = (hidden @ second).astype(np.float64)
    odds = np.exp(scores - scores.max())
    probabilities: F64 = odds / odds.sum()
    return probabilities


@cache
def _weights(path: Path) -> tuple[F32, F32, F32]:
    with np.load(path, allow_pickle=False) as file:
        first, bias, second = (file[name].astype(np.float32) for name in ("first", "bias", "second"))
    return first, bias, second
