"""The frame of training data: where an asset lies in the cube or sphere that a model sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError
from tasks.topology import F64
from tasks.transform import transformed

Kind = Literal["cube", "sphere"]


@dataclass(frozen=True)
class SampleFrame:
    """place = (metres − centre) · scale."""

    centre: tuple[float, float, float]  # metres
    scale: float  # frame units a metre

    def places(self, points: npt.ArrayLike) -> F64:
        """(n, 3) metres in the frame."""
        moved: F64 = (np.asarray(points, np.float64) - self.centre) * self.scale
        return moved

    def metres(self, places: npt.ArrayLike) -> F64:
        """The inverse of `places`."""
        points: F64 = np.asarray(places, np.float64) / self.scale + self.centre
        return points

    def placed(self, asset: Asset) -> Asset:
        """The asset, its source and LODs in the frame."""
        return transformed(asset, self.scale * np.eye(3), -self.scale * np.array(self.centre))

    def record(self) -> dict[str, object]:
        """What every product keeps of it."""
        return {"centre": list(self.centre), "scale": self.scale}


def sample_frame(asset: Asset, kind: Kind, extent: float) -> SampleFrame:
    """The frame that puts the asset's box in the middle, its longest side from −extent to extent (`cube`: Dora's
    [−1, 1], Chen et al. 2024; TRELLIS' 0.5), or its farthest vertex at distance extent (`sphere`).

    Raises InputError `mesh.no-faces`, `mesh.not-finite`, and `mesh.no-area` where all faces lie in one point.
    """
    bounds = asset.bounds()
    if not np.isfinite(bounds).all():
        raise InputError("mesh.not-finite", "vertices are NaN or infinite")
    centre = bounds.mean(axis=0)
    if kind == "cube":
        reach = float(np.ptp(bounds, axis=0).max()) / 2.0
    else:
        reach = max(_farthest(part.vertices[part.faces.reshape(-1)], centre) for part in asset.parts if len(part.faces))
    if not reach > 0.0:
        raise InputError("mesh.no-area", f"all {asset.face_count} faces lie in one point")
    x, y, z = centre.tolist()
    return SampleFrame((x, y, z), extent / reach)


def _farthest(corners: npt.NDArray[np.float32], centre: F64) -> float:
    away = corners.astype(np.float64) - centre
    return float(np.sqrt(np.einsum("ij,ij->i", away, away).max()))
