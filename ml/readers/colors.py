"""Vertex colours between the sRGB that OBJ, PLY and OFF files hold and the linear bytes of a part."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import U8
from ml.srgb import to_linear

_LINEAR_BYTE: U8 = np.rint(to_linear(np.arange(256) / 255.0) * 255.0).astype(np.uint8)


def linear_bytes(srgb: npt.NDArray[Any]) -> U8:
    """(n, 3|4) sRGB colours, bytes or floats in [0, 1], as (n, 4) linear RGBA bytes; alpha is linear already."""
    if srgb.dtype != np.uint8:
        srgb = np.rint(np.clip(srgb, 0.0, 1.0) * 255.0).astype(np.uint8)
    rgba = np.full((len(srgb), 4), 255, np.uint8)
    rgba[:, :3] = _LINEAR_BYTE[srgb[:, :3]]
    if srgb.shape[1] == 4:
        rgba[:, 3] = srgb[:, 3]
    return rgba
