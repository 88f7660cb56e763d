"""Textures of the levels of detail: each map at half the level before, encoded once, shared by all its materials."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Literal

import numpy as np
from numba import njit
from PIL import Image

from ml.asset import U8, Asset, Material, Texture
from tasks.scene import LINEAR_TO_SRGB, SRGB_TO_LINEAR
from tasks.topology import F64

SMALLEST = 64  # pixels a side: below it a map saves nothing, and charts a few texels wide run into each other
JPEG_QUALITY = 92
Kind = Literal["color", "normal", "data"]
# What each slot of a material holds, glTF 2.0 §3.9: colours are sRGB, normals are vectors, the rest is linear.
SLOTS: dict[str, Kind] = {
    "base_color_texture": "color",
    "metallic_roughness_texture": "data",
    "normal_texture": "normal",
    "occlusion_texture": "data",
    "emissive_texture": "color",
}


class TextureLevels:
    """The maps of an asset and of its levels: each decoded once, halved once and encoded once."""

    def __init__(self) -> None:
        self._images: dict[tuple[bytes, Kind], list[U8]] = {}  # each map and its halves so far
        self._halved: dict[tuple[bytes, Kind], Texture] = {}

    def halved(self, asset: Asset) -> Asset:
        """The asset with every map at half its sides; those with a side under twice SMALLEST stay as they are.

        Parts that shared a material still do. Raises InputError `image.*` for a map that cannot be decoded.
        """
        made: dict[int, Material] = {}
        for material in (part.material for part in asset.parts):
            if id(material) not in made:
                maps = {slot: getattr(material, slot) for slot in SLOTS}
                halves = {slot: self._half(texture, SLOTS[slot]) for slot, texture in maps.items() if texture}
                same = all(half is maps[slot] for slot, half in halves.items())
                made[id(material)] = material if same else replace(material, **halves)  # type: ignore[arg-type]
        return replace(asset, parts=tuple(replace(part, material=made[id(part.material)]) for part in asset.parts))

    def image(self, texture: Texture, kind: Kind, level: int = 0) -> U8:
        """(h, w, 4) mip level of a map."""
        images = self._images.setdefault((texture.data, kind), [])
        if not images:
            images.append(texture.pixels())
        while len(images) <= level:
            images.append(half_image(images[-1], kind))
        return images[level]

    def mipmaps(self, texture: Texture, kind: Kind, finest: int) -> list[U8]:
        """The mip levels of a map from the `finest` down to about four texels."""
        images = [self.image(texture, kind, finest)]
        while min(images[-1].shape[:2]) >= 8:
            images.append(self.image(texture, kind, finest + len(images)))
        return images

    def _half(self, texture: Texture, kind: Kind) -> Texture:
        if min(texture.size) < 2 * SMALLEST:
            return texture
        key = (texture.data, kind)
        if key not in self._halved:
            self._halved[key] = half = _encoded(self.image(texture, kind, 1), texture)
            self._images.setdefault((half.data, kind), self._images[key][1:])
        return self._halved[key]


def half_image(pixels: U8, kind: Kind) -> U8:
    """(h, w, 4) at half its sides, each texel the mean of four: colours in linear light weighted by alpha, normals
    as vectors brought back to unit length, data as it is. A last odd row or column is averaged with itself.
    """
    half = np.empty(((len(pixels) + 1) // 2, (pixels.shape[1] + 1) // 2, 4), np.uint8)
    if kind == "color":
        _half_color(pixels, SRGB_TO_LINEAR, LINEAR_TO_SRGB, half)
    elif kind == "normal":
        _half_normal(pixels, half)
    else:
        _half_data(pixels, half)
    return half


def _encoded(pixels: U8, like: Texture) -> Texture:
    """In the format of `like`, alpha only where there is some."""
    shown = pixels if (pixels[..., 3] < 255).any() else np.ascontiguousarray(pixels[..., :3])
    if like.mime == "image/png" or shown.shape[2] == 4:
        return Texture.from_pixels(shown, like.name)
    buffer = io.BytesIO()
    Image.fromarray(shown).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Texture(buffer.getvalue(), "image/jpeg", like.name)


@njit(cache=True, nogil=True)
def _half_data(pixels: U8, half: U8) -> None:
    bottom, right = len(pixels) - 1, pixels.shape[1] - 1
    for y in range(len(half)):
        for x in range(half.shape[1]):
            y1, x1 = min(2 * y + 1, bottom), min(2 * x + 1, right)
            for c in range(4):
                total = int(pixels[2 * y, 2 * x, c]) + int(pixels[2 * y, x1, c])
                total += int(pixels[y1, 2 * x, c]) + int(pixels[y1, x1, c])
                half[y, x, c] = (total + 2) // 4


@njit(cache=True, nogil=True)
def _half_color(pixels: U8, decode: F64, encode: U8, half: U8) -> None:
    bottom, right, top = len(pixels) - 1, pixels.shape[1] - 1, len(encode) - 1
    for y in range(len(half)):
        for x in range(half.shape[1]):
            y1, x1 = min(2 * y + 1, bottom), min(2 * x + 1, right)
            red = green = blue = weight = 0.0
            alpha = 0
            for j, i in ((2 * y, 2 * x), (2 * y, x1), (y1, 2 * x), (y1, x1)):
                a = pixels[j, i, 3]
                share = a + 1e-3  # where nothing shows, the colour behind still is the mean
                alpha += int(a)
                weight += share
                red += share * decode[pixels[j, i, 0]]
                green += share * decode[pixels[j, i, 1]]
                blue += share * decode[pixels[j, i, 2]]
            half[y, x, 0] = encode[int(red / weight * top + 0.5)]
            half[y, x, 1] = encode[int(green / weight * top + 0.5)]
            half[y, x, 2] = encode[int(blue / weight * top + 0.5)]
            half[y, x, 3] = (alpha + 2) // 4


@njit(cache=True, nogil=True)
def _half_normal(pixels: U8, half: U8) -> None:
    bottom, right = len(pixels) - 1, pixels.shape[1] - 1
    for y in range(len(half)):
        for x in range(half.shape[1]):
            y1, x1 = min(2 * y + 1, bottom), min(2 * x + 1, right)
            nx = ny = nz = 0.0
            for j, i in ((2 * y, 2 * x), (2 * y, x1), (y1, 2 * x), (y1, x1)):
                nx += pixels[j, i, 0] - 127.5
                ny += pixels[j, i, 1] - 127.5
                nz += pixels[j, i, 2] - 127.5
            length = np.sqrt(nx * nx + ny * ny + nz * nz)
            if length < 1.0:  # they cancel out: straight up
                nx, ny, nz, length = 0.0, 0.0, 1.0, 1.0
            half[y, x, 0] = int(nx / length * 127.5 + 128.0)
            half[y, x, 1] = int(ny / length * 127.5 + 128.0)
            half[y, x, 2] = int(nz / length * 127.5 + 128.0)
            half[y, x, 3] = 255
