"""Colours between 8-bit sRGB, linear light and OKLab, over whole images."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ml.asset import F32, U8
from ml.srgb import decode_table, encode_table

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB → cone responses, and their
# cube roots → lightness L (0–1), green–red a and blue–yellow b.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FROM_LAB, FROM_CONES = np.linalg.inv(TO_LAB), np.linalg.inv(TO_CONES)


def decode(pixels: U8) -> F32:
    """8-bit sRGB of any shape as linear light."""
    linear: F32 = decode_table()[pixels]
    return linear


def encode(linear: F32) -> U8:
    """Linear light of any shape as 8-bit sRGB; what lies outside 0–1 is cut, NaN is black."""
    flat = np.ascontiguousarray(linear, dtype=np.float32).reshape(-1)
    pixels: U8 = _encode(flat, encode_table()).reshape(linear.shape)
    return pixels


@numba.njit(cache=True, nogil=True)
def _encode(linear: Any, table: Any) -> Any:
    out = np.zeros(len(linear), dtype=np.uint8)
    for i in range(len(linear)):
        value = linear[i]
        if value > 0.0:  # false for NaN
            out[i] = table[int(min(value, np.float32(1.0)) * np.float32(65535) + np.float32(0.5))]
    return out


def to_oklab(linear: F32) -> F32:
    """(n, 3) linear sRGB as OKLab; negative light counts as none."""
    lab: F32 = _to_oklab(np.ascontiguousarray(linear, dtype=np.float32), TO_CONES, TO_LAB)
    return lab


def from_oklab(lab: F32) -> F32:
    """(n, 3) OKLab as linear sRGB; colours that no screen shows come out below 0 or above 1."""
    linear: F32 = _from_oklab(np.ascontiguousarray(lab, dtype=np.float32), FROM_LAB, FROM_CONES)
    return linear


@numba.njit(cache=True, nogil=True)
def _to_oklab(linear: Any, to_cones: Any, to_lab: Any) -> Any:
    out = np.empty_like(linear)
    for i in range(len(linear)):
        r, g, b = max(linear[i, 0], 0.0), max(linear[i, 1], 0.0), max(linear[i, 2], 0.0)
        x = (to_cones[0, 0] * r + to_cones[0, 1] * g + to_cones[0, 2] * b) ** (1.0 / 3.0)
        y = (to_cones[1, 0] * r + to_cones[1, 1] * g + to_cones[1, 2] * b) ** (1.0 / 3.0)
        z = (to_cones[2, 0] * r + to_cones[2, 1] * g + to_cones[2, 2] * b) ** (1.0 / 3.0)
        for k in range(3):
            out[i, k] = to_lab[k, 0] * x + to_lab[k, 1] * y + to_lab[k, 2] * z
    return out


@numba.njit(cache=True, nogil=True)
def _from_oklab(lab: Any, from_lab: Any, from_cones: Any) -> Any:
    out = np.empty_like(lab)
    for i in range(len(lab)):
        l, a, b = lab[i, 0], lab[i, 1], lab[i, 2]  # noqa: E741
        x = (from_lab[0, 0] * l + from_lab[0, 1] * a + from_lab[0, 2] * b) ** 3
        y = (from_lab[1, 0] * l + from_lab[1, 1] * a + from_lab[1, 2] * b) ** 3
        z = (from_lab[2, 0] * l + from_lab[2, 1] * a + from_lab[2, 2] * b) ** 3
        for k in range(3):
            out[i, k] = from_cones[k, 0] * x + from_cones[k, 1] * y + from_cones[k, 2] * z
    return out
