"""Values at places of a box from three feature planes and small layers, in numpy: how learned fields are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError

REACH = 1.05  # planes cover [−REACH, REACH]² of the box frame
BLOCK = 1024  # places at once: their hidden values, 256 kB, stay in the second cache
MOST_SIDE, MOST_WIDTH = 4096, 1024  # of planes and of layers that anybody may hand in


@dataclass(frozen=True)
class PlaneField:
    """Planes xy, xz and yz of features, and three linear layers with SiLU between them (`ml/shapes/field.py`).

    A feature is bilinear between a plane's samples and constant beyond the outermost; a place's features are those of
    its three planes, one behind the other. Raises InputError `field.bad-shape` or `field.not-finite`.
    """

    planes: npt.NDArray[np.float16] | F32  # (3, c, r, r), rows along the plane's second axis
    first: F32  # (h, 3·c)
    first_bias: F32  # (h,)
    second: F32  # (h, h)
    second_bias: F32  # (h,)
    last: F32  # (o, h)
    last_bias: F32  # (o,)

    def __post_init__(self) -> None:
        hidden, outputs = len(self.first_bias), len(self.last_bias)
        _, channels, side, _ = shape = self.planes.shape if self.planes.ndim == 4 else (0, 0, 0, 0)
        fits = (
            shape == (3, channels, side, side)
            and 2 <= side <= MOST_SIDE
            and 0 < hidden <= MOST_WIDTH
            and self.first.shape == (hidden, 3 * channels)
            and self.second.shape == (hidden, hidden)
            and self.second_bias.shape == (hidden,)
            and self.last.shape == (outputs, hidden)
        )
        if not fits:
            raise InputError("field.bad-shape", f"planes {self.planes.shape} do not fit layers of {hidden} values")
        if not all(np.isfinite(values).all() for values in self.arrays.values()):
            raise InputError("field.not-finite", "planes or layers of a field are NaN or infinite")

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.float16] | F32]:
        """Everything by name, as the constructor takes it."""
        names = ("planes", "first", "first_bias", "second", "second_bias", "last", "last_bias")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def _mapped(self) -> F32:
        """(3, r, r, h) planes with the first layer applied: it is linear, so it may come before the interpolation, and
        a place then costs 12·h products where it would cost (12 + h)·3·c."""
        _, channels, side, _ = self.planes.shape
        mapped = np.empty((3, side * side, len(self.first_bias)), np.float32)
        for plane, weights in enumerate(np.split(self.first, 3, axis=1)):
            samples = self.planes[plane].reshape(channels, -1).T.astype(np.float32)
            np.matmul(np.ascontiguousarray(samples), np.ascontiguousarray(weights.T), out=mapped[plane])
        return mapped.reshape(3, side, side, -1)

    def values(self, points: F32) -> F32:
        """(n, o) of (n, 3) points in the box frame; 0.4 µs each with 64 hidden values."""
        from ml.plane_kernels import gather  # brings numba, which reading an asset does not need

        points = np.ascontiguousarray(points, dtype=np.float32)
        out = np.empty((len(points), len(self.last_bias)), np.float32)
        hidden, spare = np.empty((2, BLOCK, len(self.first_bias)), np.float32)
        second, last = np.ascontiguousarray(self.second.T), np.ascontiguousarray(self.last.T)
        for start in range(0, len(points), BLOCK):
            rows = points[start : start + BLOCK]
            a, b = hidden[: len(rows)], spare[: len(rows)]
            gather(self._mapped, self.first_bias, rows, np.float32(1.0 / REACH), a)
            silu(a, b)
            np.matmul(a, second, out=b)
            b += self.second_bias
            silu(b, a)
            np.matmul(b, last, out=out[start : start + BLOCK])
        out += self.last_bias
        return out


def silu(x: F32, spare: F32) -> None:
    """x · sigmoid(x) in place; where exp(−x) overflows the quotient is the 0 it should be."""
    np.negative(x, out=spare)
    with np.errstate(over="ignore"):
        np.exp(spare, out=spare)
    spare += np.float32(1.0)
    x /= spare


def sigmoid(x: F32) -> F32:
    """Of raw values."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float32)


Distance = Callable[[F32], F32]  # (n,) signed distances, negative inside, of (n, 3) points in the box frame
