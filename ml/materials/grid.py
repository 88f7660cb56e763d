"""One tile's pixels with periodic noise over them, which patterns draw on, and the layers that they draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32
from ml.materials.noise import GRADIENTS, gradient_noise, lattice_cells

Field = npt.NDArray[Any]  # (s, s) floating point


@dataclass(frozen=True)
class Layers:
    """One look over a tile; the library sets the mean colour and roughness to the substance's."""

    shade: Field  # (s, s) or (s, s, 3) linear colour, up to a factor
    roughness: Field | float = 0.0  # (s, s), up to a constant
    height: Field | float = 0.0  # (s, s) metres
    metallic: Field | None = None  # (s, s); the substance's where None
    body: Field | None = (
        None  # (s, s) share of each pixel that is the substance itself (brick, not mortar); all where None
    )
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)  # powers of `shade` by channel: what is darker is also redder


@dataclass(frozen=True)
class Grid:
    """`size`² pixels of a square tile; noise differs by `seed` and by its own `salt`."""

    size: int
    seed: int

    @cached_property
    def u(self) -> F32:
        """(s, s) 0–1 to the right."""
        return np.ascontiguousarray(np.broadcast_to(self._centres, (self.size, self.size)))

    @cached_property
    def v(self) -> F32:
        """(s, s) 0–1 downward."""
        return np.ascontiguousarray(np.broadcast_to(self._centres[:, None], (self.size, self.size)))

    @property
    def _centres(self) -> F32:
        centres: F32 = ((np.arange(self.size) + 0.5) / self.size).astype(np.float32)
        return centres

    def noise(
        self,
        cells: tuple[int, int],
        octaves: int = 1,
        gain: float = 0.5,
        salt: int = 0,
        at: tuple[F32, F32] | None = None,
    ) -> F32:
        """(s, s) gradient noise about −1 … 1, `cells` lattice cells along u and v; `at` warped coordinates.

        Octaves finer than two pixels a cell are left out: they would alias.
        """
        while octaves > 1 and max(cells) << (octaves - 1) > self.size // 2:
            octaves -= 1
        u, v = at or (self.u, self.v)
        found: F32 = gradient_noise(u, v, np.array(cells), octaves, gain, self.seed * 1009 + salt, GRADIENTS)
        return found

    def cells(
        self, cells: tuple[int, int], jitter: float = 1.0, salt: int = 0, at: tuple[F32, F32] | None = None
    ) -> tuple[F32, F32, F32]:
        """Distance to the nearest and second of jittered lattice points, in cells, and the nearest one's own number."""
        u, v = at or (self.u, self.v)
        first, second, own = lattice_cells(u, v, np.array(cells), jitter, self.seed * 1013 + salt)
        return first, second, own

    def warped(self, cells: tuple[int, int], amount: float, octaves: int = 2, salt: int = 0) -> tuple[F32, F32]:
        """Coordinates moved by noise of `amount` tiles."""
        du = self.noise(cells, octaves, salt=salt + 11)
        dv = self.noise(cells, octaves, salt=salt + 12)
        return self.u + np.float32(amount) * du, self.v + np.float32(amount) * dv

    def ones(self) -> F32:
        """(s, s) of 1."""
        return np.ones((self.size, self.size), np.float32)


def step(low: float, high: float, x: Field) -> Field:
    """Smoothstep from 0 at `low` to 1 at `high`; falls where `low` lies above `high`."""
    t = np.clip((x - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    smooth: Field = t * t * (np.float32(3) - np.float32(2) * t)
    return smooth


def fraction(x: Field) -> Field:
    """x modulo 1."""
    rest: Field = x - np.floor(x)
    return rest


def random_by(index: Field, period: int, seed: int) -> F32:
    """A number 0–1 for each whole `index` modulo `period`."""
    table = np.random.default_rng(seed).random(period, dtype=np.float32)
    found: F32 = table[index.astype(np.int64) % period]
    return found
