"""How far two surfaces lie apart: distances from points on each to the other, in metres and % of the diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import I32
from tasks.morton import F64
from tasks.sampling import uniform_samples
from tasks.signed_distance import build_distance_field, unsigned_distance

Mesh = tuple[npt.ArrayLike, I32]


@dataclass(frozen=True)
class SurfaceDistances:
    """Of points spread evenly over the area of both surfaces; metres."""

    mean: float  # over the points of both
    rms: float
    hausdorff: float  # the farthest point: a lower bound of the true Hausdorff distance, from below as count grows
    forward: tuple[float, float, float]  # (mean, RMS, farthest) from the first surface to the second
    backward: tuple[float, float, float]  # from the second to the first
    diagonal: float  # of the first surface's box

    def percent(self, metres: float) -> float:
        """Metres as per cent of the first surface's diagonal."""
        return 100.0 * metres / self.diagonal


def surface_distances(first: Mesh, second: Mesh, count: int, seed: int = 0) -> SurfaceDistances:
    """Distances both ways between two meshes, (n, 3) vertices in metres and (m, 3) faces, over `count` points on each.

    As METRO measures (Cignoni, Rocchini & Scopigno 1998), both ways because a lost part shows in one only. Raises
    InputError `mesh.no-faces`, `mesh.no-area`, `mesh.bad-index`, `mesh.not-finite`, `sampling.bad-count`.
    """
    forward, backward = _away(first, second, count, seed), _away(second, first, count, seed + 1)
    both = np.concatenate([forward, backward])
    corners = np.asarray(first[0], dtype=np.float64).reshape(-1, 3)[np.asarray(first[1]).reshape(-1)]
    diagonal = float(np.linalg.norm(corners.max(axis=0) - corners.min(axis=0)))
    return SurfaceDistances(*_moments(both), _moments(forward), _moments(backward), diagonal)


def _away(source: Mesh, target: Mesh, count: int, seed: int) -> F64:
    """Metres from points on the source to the target."""
    points = uniform_samples(*source, count, seed).points
    return unsigned_distance(build_distance_field(*target), points).distance


def _moments(distance: F64) -> tuple[float, float, float]:
    return float(distance.mean()), float(np.sqrt(np.mean(distance**2))), float(distance.max())
