"""Vertex colours between the sRGB that OBJ, PLY and OFF files hold and the linear bytes of a part."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import U8


def to_linear(srgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    values = np.asarray(srgb, dtype=np.float64)
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.0) + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Linear light in [0, 1] to sRGB (IEC 61966-2-1)."""
    values = np.asarray(linear, dtype=np.float64)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0.0) ** (1 / 2.4) - 0.055)


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
