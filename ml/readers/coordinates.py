"""Texture coordinates as parts hold them: float32, finite, v growing downward."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32


def finite_uv(uv: npt.NDArray[Any]) -> F32:
    """(n, 2) float32 with NaN, infinity and what overflows float32 set to 0: one bad corner is not worth a refusal."""
    return np.nan_to_num(uv.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def flipped_uv(uv: npt.NDArray[Any]) -> F32:
    """`finite_uv` of coordinates whose v grows upward, as in OBJ, PLY and OFF."""
    return finite_uv(np.stack([uv[:, 0], 1.0 - np.nan_to_num(uv[:, 1])], axis=1))
