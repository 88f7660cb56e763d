"""The closed solid every category is built from, and how solids are moved, copied and joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

AXES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}  # the plane each axis turns, in right-handed order


@dataclass(frozen=True)
class Solid:
    """One or more closed 2-manifold surfaces, outward oriented; vertices (n, 3) metres, faces (m, 3)."""

    vertices: F64
    faces: I32

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        """Moved by metres."""
        return Solid(self.vertices + np.array((x, y, z)), self.faces)

    def turned(self, axis: str, degrees: float) -> Solid:
        """Turned counter-clockwise about a coordinate axis through the origin."""
        a, b = AXES[axis]
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        moved = self.vertices.copy()
        moved[:, a] = cos * self.vertices[:, a] - sin * self.vertices[:, b]
        moved[:, b] = sin * self.vertices[:, a] + cos * self.vertices[:, b]
        return Solid(moved, self.faces)

    def scaled(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Solid:
        """Scaled by positive factors."""
        return Solid(self.vertices * np.array((x, y, z)), self.faces)

    def mirrored(self) -> Solid:
        """Reflected in the plane x = 0; the winding is reversed with it so that it stays outward."""
        return Solid(self.vertices * np.array((-1.0, 1.0, 1.0)), self.faces[:, ::-1])

    def bent(self, move: Callable[[F64], F64]) -> Solid:
        """Deformed by a continuous map of (n, 3) points that does not turn the solid inside out."""
        return Solid(move(self.vertices), self.faces)

    def tapered(self, bottom: float, top: float = 1.0) -> Solid:
        """Cross-sections scaled about the Y axis from `bottom` at the lowest point to `top` at the highest."""
        y = self.vertices[:, 1]
        low, high = float(y.min()), float(y.max())
        factor = bottom + (top - bottom) * (y - low) / max(high - low, 1e-9)
        return Solid(self.vertices * np.stack([factor, np.ones_like(y), factor], axis=1), self.faces)

    def low(self) -> float:
        """The lowest y in metres."""
        return float(self.vertices[:, 1].min())

    def high(self) -> float:
        """The highest y in metres."""
        return float(self.vertices[:, 1].max())


def join(solids: Iterable[Solid]) -> Solid:
    """Several solids as one; their surfaces stay separate."""
    items = list(solids)
    offsets = np.cumsum([0, *(len(item.vertices) for item in items)])
    faces = [item.faces + offset for item, offset in zip(items, offsets, strict=False)]
    return Solid(np.concatenate([item.vertices for item in items]), np.concatenate(faces).astype(np.int32))


def copies(solid: Solid, places: npt.ArrayLike) -> Solid:
    """The solid once at each of (k, 3) places."""
    points = np.asarray(places, dtype=np.float64).reshape(-1, 3)
    count = len(solid.vertices)
    vertices = (points[:, None, :] + solid.vertices).reshape(-1, 3)
    faces = (np.arange(len(points))[:, None, None] * count + solid.faces).reshape(-1, 3)
    return Solid(vertices, faces.astype(np.int32))


def around(solid: Solid, count: int, start: float = 0.0) -> Solid:
    """The solid `count` times at equal turns about the Y axis, the first turned by `start` degrees."""
    return join(solid.turned("y", start + 360.0 * k / count) for k in range(count))


def both_sides(solid: Solid) -> Solid:
    """The solid and its reflection in x = 0."""
    return join((solid, solid.mirrored()))


def four_corners(solid: Solid, x: float, z: float) -> Solid:
    """The solid at (±x, ±z), reflected so that whatever leans outward does so at every corner."""
    right = solid.at(x, 0.0, z)
    back = right.turned("y", 180.0)
    return join((right, right.mirrored(), back, back.mirrored()))
