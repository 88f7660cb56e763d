"""How far two surfaces lie apart, and how far two sets of texture coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import I32
from tasks.bvh import Bvh, build_bvh, closest_point
from tasks.sampling import uniform_samples
from tasks.topology import F64

SAMPLES = 200_000
TEXELS = 2048  # UV distances are told in texels of such a texture


@dataclass(frozen=True)
class Surface:
    """The original, prepared to be compared with."""

    points: F64
    faces: I32
    bvh: Bvh
    samples: npt.NDArray[np.float32]

    @staticmethod
    def of(points: F64, faces: I32) -> Surface:
        """Its hierarchy and SAMPLES points on it."""
        return Surface(points, faces, build_bvh(points, faces), uniform_samples(points, faces, SAMPLES).points)

    def distance(self, points: F64, faces: I32) -> tuple[float, float]:
        """Mean and Hausdorff distance, both ways, in the unit of the points."""
        there = closest_point(self.bvh, uniform_samples(points, faces, SAMPLES, seed=1).points)[2]
        back = closest_point(build_bvh(points, faces), self.samples)[2]
        return float(0.5 * (there.mean() + back.mean())), float(max(there.max(), back.max()))

    def uv_distance(self, uv: F64, points: F64, faces: I32, corners: F64) -> tuple[float, float]:
        """Mean distance in texels between corner UVs (m, 3, 2) and `uv` (M, 3, 2) of the original; share over a seam.

        Points whose closest original face has UVs more than a quarter of the atlas away lie beyond a seam; they count
        in the share alone.
        """
        samples = uniform_samples(points, faces, SAMPLES, seed=2)
        drawn = np.einsum("ik,ikd->id", samples.barycentric, corners[samples.faces])
        face, weights, _ = closest_point(self.bvh, samples.points)
        meant = np.einsum("ik,ikd->id", weights, uv[face])
        apart = np.linalg.norm(drawn - meant, axis=1)
        same = apart < 0.05
        return float(apart[same].mean() * TEXELS), float(1.0 - same.mean())
