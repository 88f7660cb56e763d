"""Textures as WebP for EXT_texture_webp, decoded again and measured; whichever of three forms is smallest."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from ml.asset import U8, Texture, decode_image
from tasks.gltf_materials import Encoded

METHOD = 4  # of 6: 6 takes 2.5 times as long and saves 1–2 %
LEAST_PSNR = 30.0  # dB: what a lossy form shows worse than this is kept without loss instead
# Lossless coding of a 2K photograph takes a second and never wins: it is tried where PNG already needs few bits.
FLAT_BITS = 4.0


def webp(texture: Texture, quality: int) -> tuple[Encoded, float]:
    """The texture as WebP or as it was, and its PSNR in dB (infinite where no pixel changed).

    Raises InputError `image.*` for a texture that cannot be decoded.
    """
    pixels = opaque(texture.pixels())
    lossy = _encoded(pixels, quality=quality, method=METHOD, use_sharp_yuv=True)
    shown = psnr(pixels, decode_image(lossy)[..., : pixels.shape[2]])
    choices = [(lossy, "image/webp", shown)] if shown >= LEAST_PSNR else []
    flat = len(texture.data) * 8 < FLAT_BITS * pixels.shape[0] * pixels.shape[1]
    if not choices or (texture.mime == "image/png" and flat):
        plain = _encoded(pixels, lossless=True, method=METHOD)
        if np.array_equal(opaque(decode_image(plain)), pixels):
            choices.append((plain, "image/webp", math.inf))
    choices.append((texture.data, texture.mime, math.inf))
    data, mime, value = min(choices, key=lambda choice: len(choice[0]))
    return Encoded(data, mime), value


def opaque(pixels: U8) -> U8:
    """(h, w, 3) where alpha is full everywhere, else (h, w, 4)."""
    return pixels if (pixels[..., 3] != 255).any() else np.ascontiguousarray(pixels[..., :3])


def psnr(before: U8, after: U8) -> float:
    """Peak signal-to-noise ratio in dB over all channels; infinite for equal pixels, 0 for another size."""
    if before.shape != after.shape:
        return 0.0
    difference = before.astype(np.int16) - after
    mean = float(np.einsum("ijk,ijk->", difference, difference, dtype=np.float64)) / difference.size
    return math.inf if mean == 0.0 else 10.0 * math.log10(255.0**2 / mean)


def _encoded(pixels: U8, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", exact=True, **options)
    return buffer.getvalue()
