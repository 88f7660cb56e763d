"""A shape as evaluation sees it: a closed surface in the isotropic frame, and what any of its points looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, InputError
from ml.shapes.example import THINNEST
from tasks.sampling import Samples, uniform_samples
from tasks.signed_distance import DistanceField, build_distance_field
from tasks.topology import F64

LooksAt = Callable[[F32], F32]  # (n, 3) isotropic points near the surface to (n, 8) looks in 0–1, as ml.shapes.example
SAMPLES = 8192  # points on the surface that every comparison shares


@dataclass(frozen=True)
class Body:
    """Vertices stand in the isotropic frame: middle of the box at the origin, longest half side 1, +Y up, front +Z."""

    vertices: F64  # (n, 3)
    faces: I32  # (m, 3) outward
    looks_at: LooksAt

    @cached_property
    def extents(self) -> F32:
        """(3,) half sides of the box; the longest is 1."""
        return np.asarray(np.ptp(self.vertices, axis=0) / 2.0, dtype=np.float32)

    @cached_property
    def samples(self) -> Samples:
        """SAMPLES points spread evenly over the surface."""
        return uniform_samples(self.vertices, self.faces, SAMPLES)

    @cached_property
    def looks(self) -> F32:
        """(SAMPLES, 8) of `samples`."""
        return self.looks_at(self.samples.points)

    @cached_property
    def boxed(self) -> F32:
        """(SAMPLES, 3) `samples` in the box frame, where a tall chair and a low one have their seats at one place."""
        return np.asarray(self.samples.points / np.maximum(self.extents, THINNEST), dtype=np.float32)

    @cached_property
    def field(self) -> DistanceField:
        """Distances to the surface."""
        return build_distance_field(self.vertices, self.faces)


def make_body(vertices: npt.ArrayLike, faces: I32, looks_at: LooksAt) -> Body:
    """The body of (n, 3) vertices of any size and place, moved and scaled to the isotropic frame.

    `looks_at` takes points of that frame. Raises InputError `mesh.no-faces` or `mesh.not-finite`.
    """
    points = np.asarray(vertices, dtype=np.float64).reshape(-1, 3)
    if not len(faces):
        raise InputError("mesh.no-faces", "the shape has no surface")
    if not np.isfinite(points).all():
        raise InputError("mesh.not-finite", "vertices of the shape are NaN or infinite")
    used, inverse = np.unique(faces, return_inverse=True)
    points = points[used]
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - (low + high) / 2.0) / max(float((high - low).max()) / 2.0, 1e-12)
    return Body(scaled, inverse.reshape(-1, 3).astype(np.int32), looks_at)


def uniform_looks(values: npt.ArrayLike) -> LooksAt:
    """One of (8,) looks everywhere."""
    row = np.asarray(values, dtype=np.float32)
    return lambda points: np.broadcast_to(row, (len(points), len(row)))
