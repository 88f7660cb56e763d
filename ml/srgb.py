"""The sRGB transfer function (IEC 61966-2-1), as functions and as tables for 8-bit images."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ml.asset import F32, U8

F64 = npt.NDArray[np.float64]


def to_linear(srgb: npt.ArrayLike) -> F64:
    """sRGB in [0, 1] to linear light."""
    values = np.asarray(srgb, dtype=np.float64)
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0.0) + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: npt.ArrayLike) -> F64:
    """Linear light in [0, 1] to sRGB."""
    values = np.asarray(linear, dtype=np.float64)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0.0) ** (1 / 2.4) - 0.055)


@cache
def decode_table() -> F32:
    """(256,) 8-bit sRGB → linear light."""
    return to_linear(np.arange(256) / 255.0).astype(np.float32)


@cache
def encode_table() -> U8:
    """(65536,) linear light × 65535 → 8-bit sRGB; 16 bits keep each of the 256 codes reachable."""
    codes: U8 = np.rint(to_srgb(np.arange(65536) / 65535.0) * 255.0).astype(np.uint8)
    return codes


def linear_bytes(linear: F32) -> tuple[U8, tuple[float, float, float, float]]:
    """(n, 4) opaque RGBA bytes of (n, 3) linear colours, and the RGBA factor that they multiply.

    A linear byte is coarse in the dark (its first step is sRGB 13), so the factor takes the brightest value and the 256
    steps are spent below it.
    """
    top = np.maximum(linear.max(axis=0), np.float32(1 / 255))
    codes = np.full((len(linear), 4), 255, np.uint8)
    codes[:, :3] = np.rint(np.clip(linear / top, 0.0, 1.0) * 255)
    red, green, blue = (min(1.0, float(value)) for value in top)
    return codes, (red, green, blue, 1.0)
