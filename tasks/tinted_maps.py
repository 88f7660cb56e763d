"""Colour maps with their factor multiplied in, for formats whose maps replace the factor."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ml.asset import Texture
from ml.readers.colors import to_linear, to_srgb

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
