"""Looks that a field says at any place of a part: what a learned shape wears until its maps are baked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml.asset import U8, InputError
from ml.plane_field import PlaneField, sigmoid

F64 = npt.NDArray[np.float64]

CHANNELS = 8  # sRGB albedo 3, roughness, metallic, sRGB emission 3
DARK = 0.06  # sRGB emission that is a network's remainder, not light
BLOCK = 1 << 17  # places read at once


@dataclass(frozen=True, eq=False)
class Looks:
    """A field of looks in the box frame, and where a part's metres lie in it.

    Raises InputError `field.bad-shape` or `field.not-finite`.
    """

    field: PlaneField
    frame: F64  # (3, 4): box = frame[:, :3] · metres + frame[:, 3]

    def __post_init__(self) -> None:
        if self.frame.shape != (3, 4) or len(self.field.last_bias) != CHANNELS:
            raise InputError(
                "field.bad-shape", f"looks with a frame {self.frame.shape} and {len(self.field.last_bias)} values"
            )
        if not np.isfinite(self.frame).all():
            raise InputError("field.not-finite", "the frame of looks is NaN or infinite")

    def at(self, points: npt.NDArray[np.floating]) -> U8:
        """(n, 8) sRGB albedo, roughness, metallic and sRGB emission, 255 for 1, at (n, 3) points in metres."""
        found = np.empty((len(points), CHANNELS), np.uint8)
        for start in range(0, len(points), BLOCK):
            box = points[start : start + BLOCK].astype(np.float64) @ self.frame[:, :3].T + self.frame[:, 3]
            values = sigmoid(self.field.values(box.astype(np.float32)))
            values[:, 5:][values[:, 5:].max(axis=1) < DARK] = 0.0
            found[start : start + BLOCK] = np.rint(values * np.float32(255))
        return found

    def moved(self, linear: F64, offset: F64) -> Looks:
        """The looks of the part after every point p went to linear · p + offset."""
        back = self.frame[:, :3] @ np.linalg.inv(linear)
        return replace(self, frame=np.column_stack([back, self.frame[:, 3] - back @ offset]))
