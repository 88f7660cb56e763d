"""Textures as KTX2 for KHR_texture_basisu: UASTC with all mipmaps under Zstandard, decoded again and measured."""

from __future__ import annotations

import math
import struct

import numpy as np
import zstandard

from ml.asset import F32, U8, Texture
from ml.readers.ktx2 import IDENTIFIER, UASTC, ZSTANDARD, decode_ktx2
from ml.srgb import decode_table, to_srgb
from tasks.gltf_materials import Encoded
from tasks.texture_webp import LEAST_PSNR, opaque, psnr
from tasks.uastc import encode_uastc

ZSTD_LEVEL = 10  # 19 takes 12 times as long and saves 2 %
RGB, RGBA = 0, 3  # channel types of a UASTC sample


def ktx2(texture: Texture, srgb: bool) -> tuple[Encoded, float]:
    """The texture as KTX2 and its PSNR in dB; as it was where it would lose too much (noise does).

    KHR_texture_basisu asks for sides that are multiples of four, and for all mipmaps or none: an image with other
    sides stays as it was as well. Raises InputError `image.*`.
    """
    pixels = texture.pixels()
    height, width = pixels.shape[:2]
    if height % 4 or width % 4:
        return Encoded(texture.data, texture.mime), math.inf
    levels = [encode_uastc(tiles(level)).tobytes() for level in mipmaps(pixels, srgb)]
    alpha = bool((pixels[..., 3] != 255).any())
    data = container(levels, width, height, srgb, alpha)
    shown = decode_ktx2(data)
    kept = opaque(pixels)
    value = psnr(kept, shown[..., : kept.shape[2]])
    return (
        (Encoded(data, "image/ktx2"), value) if value >= LEAST_PSNR else (Encoded(texture.data, texture.mime), math.inf)
    )


def tiles(pixels: U8) -> U8:
    """(n, 16, 4) blocks of 4×4 texels, the last row and column repeated where a side is no multiple of four."""
    down, across = -pixels.shape[0] % 4, -pixels.shape[1] % 4
    whole = np.pad(pixels, ((0, down), (0, across), (0, 0)), "edge")
    rows, columns = whole.shape[0] // 4, whole.shape[1] // 4
    return np.ascontiguousarray(whole.reshape(rows, 4, columns, 4, 4).transpose(0, 2, 1, 3, 4).reshape(-1, 16, 4))


def mipmaps(pixels: U8, srgb: bool) -> list[U8]:
    """The image and its halves down to one texel, averaged in linear light where colours are sRGB."""
    made, light = [pixels], _light(pixels, srgb)
    while max(light.shape[:2]) > 1:
        height, width = (max(side // 2, 1) for side in light.shape[:2])
        rows = light[: 2 * height].reshape(height, -1, *light.shape[1:]).mean(axis=1)
        light = rows[:, : 2 * width].reshape(height, width, -1, 4).mean(axis=2)
        made.append(_stored(light, srgb))
    return made


def _light(pixels: U8, srgb: bool) -> F32:
    """Pixels as light: the sRGB curve is undone for colours, never for alpha."""
    light = pixels.astype(np.float32) / np.float32(255.0)
    if srgb:
        light[..., :3] = decode_table()[pixels[..., :3]]
    return np.asarray(light)


def _stored(light: F32, srgb: bool) -> U8:
    shown = light.copy()
    if srgb:
        shown[..., :3] = to_srgb(shown[..., :3])
    return np.asarray(np.rint(np.clip(shown, 0.0, 1.0) * 255.0), np.uint8)


def container(levels: list[bytes], width: int, height: int, srgb: bool, alpha: bool) -> bytes:
    """A KTX2 file (KTX 2.0 §3) of UASTC levels, largest first; the smallest comes first in the file."""
    packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    packed = [packer.compress(level) for level in levels]
    words = [_entry("KTXorientation", "rd"), _entry("KTXwriter", "Meshmill")]
    facts = _descriptor(srgb, alpha)
    described = 80 + 24 * len(levels)
    told = described + len(facts)
    at = told + sum(map(len, words))
    index = [b""] * len(levels)
    for k in reversed(range(len(levels))):
        index[k] = struct.pack("<3Q", at, len(packed[k]), len(levels[k]))
        at += len(packed[k])
    head = struct.pack("<9I", 0, 1, width, height, 0, 0, 1, len(levels), ZSTANDARD)
    places = struct.pack("<4I2Q", described, len(facts), told, sum(map(len, words)), 0, 0)
    return b"".join([IDENTIFIER, head, places, *index, facts, *words, *reversed(packed)])


def _descriptor(srgb: bool, alpha: bool) -> bytes:
    """A basic data format descriptor of one sample over 4×4 texels (Khronos Data Format 1.4 §5)."""
    basic = struct.pack("<IHH4B4B8B", 0, 2, 40, UASTC, 1, 2 if srgb else 1, 0, 3, 3, 0, 0, *([0] * 8))
    sample = struct.pack("<HBB4BII", 0, 127, RGBA if alpha else RGB, 0, 0, 0, 0, 0, 0xFFFFFFFF)
    return struct.pack("<I", 4 + len(basic) + len(sample)) + basic + sample


def _entry(key: str, value: str) -> bytes:
    text = key.encode() + b"\0" + value.encode() + b"\0"
    return struct.pack("<I", len(text)) + text + b"\0" * (-len(text) % 4)
