"""Vertex attributes on integer grids, for compressed glTF: what KHR_mesh_quantization allows, in the fewest bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, U8, Asset, Material, Part

Array = npt.NDArray[Any]
F64 = npt.NDArray[np.float64]
# A grid finer than this share of the largest coordinate would lie between float32's own values.
FINEST = 2.0**-21
MOST = 65535


@dataclass(frozen=True)
class Grid:
    """Points `origin + step · k` with k = 0 … 2^bits − 1 on each axis, the same step on all: no shape is stretched."""

    origin: tuple[float, ...]
    step: float
    bits: int

    @staticmethod
    def over(values: Iterable[Array], bits: int) -> Grid:
        """The grid over the bounds of all (n, k) arrays; they must be finite and not all empty."""
        some = [array for array in values if len(array)]
        columns = [[array[:, axis] for array in some] for axis in range(some[0].shape[1])]  # as in GltfDocument
        low = np.array([min(part.min() for part in column) for column in columns], np.float64)
        high = np.array([max(part.max() for part in column) for column in columns], np.float64)
        largest = float(np.maximum(np.abs(low), np.abs(high)).max())
        step = max(float((high - low).max()) / (2**bits - 1), largest * FINEST)
        return Grid(tuple(low.tolist()), step or 1.0, bits)

    def short(self) -> Grid:
        """A grid a little larger whose numbers have six digits: each node of a file repeats them."""
        origin = tuple(_digits(value, "floor") for value in self.origin)
        moved = max(value - low for value, low in zip(self.origin, origin, strict=True))
        return Grid(origin, _digits(self.step + moved / (2**self.bits - 1), "ceil"), self.bits)

    def snap(self, values: Array) -> npt.NDArray[np.uint16]:
        """(n, k) nearest grid indices."""
        places: npt.NDArray[np.uint16] = _snapped(values, np.array(self.origin), self.step, 2**self.bits - 1)
        return places

    @property
    def transform(self) -> dict[str, list[float]]:
        """What a glTF node says to bring indices back."""
        return {"translation": list(self.origin), "scale": [self.step] * len(self.origin)}

    def place(self, indices: Array) -> F64:
        """(n, k) coordinates of grid indices."""
        return np.asarray(indices.astype(np.float64) * self.step + np.asarray(self.origin))


def _digits(value: float, side: Literal["floor", "ceil"]) -> float:
    """The nearest number of six significant digits on that side."""
    if value == 0.0 or not math.isfinite(value):
        return value
    places = 5 - math.floor(math.log10(abs(value)))
    rounding = ROUND_FLOOR if side == "floor" else ROUND_CEILING
    return float(Decimal(value).quantize(Decimal(1).scaleb(-places), rounding))


@njit(cache=True, nogil=True)
def _snapped(values: Array, origin: F64, step: float, last: int) -> Array:
    places = np.empty(values.shape, np.uint16)
    for i in range(len(values)):
        for axis in range(values.shape[1]):
            place = np.rint((np.float64(values[i, axis]) - origin[axis]) / step)
            places[i, axis] = np.uint16(min(max(place, 0.0), float(last)))
    return places


UvGrid = Callable[[Part], Grid | None]


@dataclass(frozen=True)
class Packing:
    """The grids a file is written on, and so how far anything in it may be from where it was."""

    grid: Grid  # of all positions
    uv_grid: UvGrid  # of each part's texture coordinates; None where they stay on 16 bits or as they are
    normal_bits: int  # of each octahedral coordinate

    @property
    def degrees(self) -> float:
        """No direction turns farther: twice the largest of a million random ones, 0.68° at 8 bits, 0.17° at 10."""
        return math.degrees(3.0 / (2 ** (self.normal_bits - 1) - 1))


def position_grid(levels: Iterable[Asset], bits: int) -> Grid:
    """One grid for all parts of all levels and collision bodies, so that parts that touch still do."""
    parts = [part for level in levels for part in (*level.parts, *level.collision)]
    return Grid.over([part.vertices for part in parts], bits).short()


def uv_grids(levels: Iterable[Asset], bits: int) -> dict[Material, Grid]:
    """A grid for the texture coordinates of each textured material, as its maps carry the transform out of it."""
    found: dict[Material, list[Array]] = {}
    for level in levels:
        for part in level.parts:
            if part.uv is not None and part.material.textures and len(part.uv):
                found.setdefault(part.material, []).append(part.uv)
    return {material: Grid.over(values, bits).short() for material, values in found.items()}


def octahedral_rows(vectors: F32, bits: int) -> Array:
    """(n, 3|4) unit vectors (and a sign) as the rows that meshopt's octahedral filter decodes.

    Cigolle et al., "A Survey of Efficient Representations for Independent Unit Vectors" (2014): x and y of the
    vector over its 1-norm, the lower half folded out. Rows are int8 up to 8 bits, int16 above, with the scale of one
    at index 2.
    """
    rows = np.zeros((len(vectors), 4), np.int8 if bits <= 8 else np.int16)
    _fold_out(vectors, 2 ** (bits - 1) - 1, np.iinfo(rows.dtype).max, rows)
    return rows


@njit(cache=True, nogil=True)
def _fold_out(vectors: F32, one: int, most: int, rows: Array) -> None:
    for i in range(len(vectors)):
        x, y, z = np.float64(vectors[i, 0]), np.float64(vectors[i, 1]), np.float64(vectors[i, 2])
        length = max(abs(x) + abs(y) + abs(z), 1e-300)
        x, y = x / length, y / length
        if z < 0.0:
            x, y = (1.0 - abs(y)) * (1.0 if x >= 0.0 else -1.0), (1.0 - abs(x)) * (1.0 if y >= 0.0 else -1.0)
        rows[i, 0], rows[i, 1], rows[i, 2] = int(np.rint(x * one)), int(np.rint(y * one)), one
        if vectors.shape[1] == 4:
            rows[i, 3] = -most if vectors[i, 3] < 0.0 else most


def padded(rows: Array, bytes_a_row: int) -> U8:
    """(n, bytes_a_row) bytes of (n, k) values, with zeros behind them."""
    data = np.ascontiguousarray(rows)
    made = np.zeros((len(data), bytes_a_row), np.uint8)
    width = data.dtype.itemsize * data.shape[1]
    made[:, :width] = data.view(np.uint8).reshape(len(data), width)
    return made


def within(uv: F32) -> int:
    """What 1 is in normalised 16-bit integers that hold all coordinates: 65535 in [0, 1], 32767 in [−1, 1], else 0."""
    low, high = (float(uv.min()), float(uv.max())) if len(uv) else (0.0, 0.0)
    return 0 if not (low >= -1.0 and high <= 1.0) else 65535 if low >= 0.0 else 32767
