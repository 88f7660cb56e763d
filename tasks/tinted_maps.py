"""Maps with their factor worked in, for formats that have no place for it: colours tinted, normals steepened."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ml.asset import Texture
from ml.srgb import to_linear, to_srgb

Factor = tuple[float, ...]


def tinted(texture: Texture | None, factor: Factor) -> Texture | None:
    """The sRGB map times a linear RGBA factor; itself, not encoded again, where the factor is 1 in each channel."""
    return texture if texture is None or all(value == 1.0 for value in factor) else _tinted(texture, factor)


@lru_cache(maxsize=2)
def _tinted(texture: Texture, factor: Factor) -> Texture:
    """Through one table a channel: 256 values instead of every pixel go through the transfer curve."""
    pixels = texture.pixels().copy()
    steps = np.arange(256) / 255.0
    for channel, value in enumerate(factor):
        if value != 1.0:
            scaled = steps * value if channel == 3 else to_srgb(np.clip(to_linear(steps) * value, 0.0, 1.0))
            pixels[..., channel] = np.rint(np.clip(scaled, 0.0, 1.0) * 255.0).astype(np.uint8)[pixels[..., channel]]
    opaque = bool((pixels[..., 3] == 255).all())
    return Texture.from_pixels(pixels[..., :3] if opaque else pixels, texture.name)


def steepened(texture: Texture, scale: float) -> Texture:
    """The normal map with its x and y times `scale` (glTF 2.0 §3.9.3); itself at 1."""
    return texture if scale == 1.0 else _steepened(texture, scale)


@lru_cache(maxsize=2)
def _steepened(texture: Texture, scale: float) -> Texture:
    normals = texture.pixels()[..., :3].astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    normals[..., :2] *= np.float32(scale)
    normals /= np.maximum(np.sqrt((normals * normals).sum(axis=-1, keepdims=True)), np.float32(1e-6))
    return Texture.from_pixels(np.rint((normals + 1) * np.float32(127.5)).astype(np.uint8), texture.name)
