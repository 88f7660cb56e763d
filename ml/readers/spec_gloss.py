"""Specular-glossiness materials (KHR_materials_pbrSpecularGlossiness) as metallic-roughness ones, texel by texel."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numba
import numpy as np
from PIL import Image

from ml.asset import F32, U8, Texture
from ml.srgb import decode_table, encode_table

DIELECTRIC = 0.04  # F0 of a dielectric at the extension's refractive index of 1.5


@dataclass(frozen=True)
class SpecularGlossiness:
    """What the extension says of a material: linear factors, each multiplied by the texture beside it."""

    diffuse: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    specular: tuple[float, float, float] = (1.0, 1.0, 1.0)
    glossiness: float = 1.0
    diffuse_texture: Texture | None = None  # sRGB, linear alpha
    specular_glossiness_texture: Texture | None = None  # RGB sRGB specular, A linear glossiness


def metallic_roughness(given: SpecularGlossiness) -> dict[str, Any]:
    """The fields of `Material` that look the same: base colour, metallic, roughness and their textures.

    The extension's appendix and the conversion it links: metallic m solves 0.04·m² + b·m + 0.04 − s = 0 for the
    brightnesses of diffuse and specular; base colour goes from the diffuse to the specular one with m². Exact for
    dielectrics at F0 = 0.04 and for metals. A texture is computed only where the result varies over it: the diffuse
    texture of a plain dielectric keeps its bytes. Raises InputError `image.*` for a texture that cannot be decoded.
    """
    if given.specular_glossiness_texture is None and max(given.specular) <= DIELECTRIC * 1.001:
        share = (1.0 - max(given.specular)) / (1.0 - DIELECTRIC)
        r, g, b = (min(1.0, value * share) for value in given.diffuse[:3])
        return {
            "base_color": (r, g, b, given.diffuse[3]),
            "metallic": 0.0,
            "roughness": 1.0 - given.glossiness,
            "base_color_texture": given.diffuse_texture,
        }
    if given.diffuse_texture is None and given.specular_glossiness_texture is None:
        base = np.empty(4)
        _convert(np.array(given.diffuse[:3]), np.array(given.specular), base)
        r, g, b, metallic = (float(value) for value in base)
        return {"base_color": (r, g, b, given.diffuse[3]), "metallic": metallic, "roughness": 1.0 - given.glossiness}
    return _textured(given)


def _textured(given: SpecularGlossiness) -> dict[str, Any]:
    diffuse, gloss = _same_size(given.diffuse_texture, given.specular_glossiness_texture)
    factors = np.array([*given.diffuse[:3], *given.specular, given.glossiness])
    base, packed = _convert_texels(diffuse, gloss, factors, decode_table(), encode_table())
    opaque = given.diffuse_texture is None or bool((base[..., 3] == 255).all())
    return {
        "base_color": (1.0, 1.0, 1.0, given.diffuse[3]),
        "metallic": 1.0,
        "roughness": 1.0,
        "base_color_texture": Texture.from_pixels(base[..., :3] if opaque else base, "base_color"),
        "metallic_roughness_texture": Texture.from_pixels(packed, "metallic_roughness"),
    }


def _same_size(*textures: Texture | None) -> list[U8]:
    """(h, w, 4) of each at the size of the larger one; a white pixel stands for none."""
    sizes = [texture.size for texture in textures if texture is not None]
    size = max(size[0] for size in sizes), max(size[1] for size in sizes)
    images = []
    for texture in textures:
        pixels = np.full((*size[::-1], 4), 255, np.uint8) if texture is None else texture.pixels()
        if pixels.shape[:2] != size[::-1]:  # channel by channel: PIL would premultiply by alpha, which is glossiness
            bands = [Image.fromarray(pixels[..., k]).resize(size, Image.Resampling.BILINEAR) for k in range(4)]
            pixels = np.stack([np.asarray(band) for band in bands], axis=2)
        images.append(np.ascontiguousarray(pixels))
    return images


@numba.njit(cache=True, nogil=True)
def _brightness(c: F32) -> float:
    return sqrt(0.299 * c[0] * c[0] + 0.587 * c[1] * c[1] + 0.114 * c[2] * c[2])


@numba.njit(cache=True, nogil=True)
def _convert(diffuse: Any, specular: Any, out: Any) -> None:
    """Base colour (3) and metallic into `out` from linear diffuse (3) and specular (3)."""
    strength = 1.0 - max(specular[0], specular[1], specular[2])
    bright = _brightness(specular)
    metallic = 0.0
    if bright >= DIELECTRIC:
        b = _brightness(diffuse) * strength / (1.0 - DIELECTRIC) + bright - 2.0 * DIELECTRIC
        root = sqrt(max(b * b - 4.0 * DIELECTRIC * (DIELECTRIC - bright), 0.0))
        metallic = min(max((root - b) / (2.0 * DIELECTRIC), 0.0), 1.0)
    share = strength / (1.0 - DIELECTRIC) / max(1.0 - metallic, 1e-6)
    for k in range(3):
        as_dielectric = diffuse[k] * share
        as_metal = (specular[k] - DIELECTRIC * (1.0 - metallic)) / max(metallic, 1e-6)
        out[k] = min(max(as_dielectric + (as_metal - as_dielectric) * metallic * metallic, 0.0), 1.0)
    out[3] = metallic


@numba.njit(cache=True, nogil=True)
def _convert_texels(diffuse: U8, gloss: U8, factors: Any, decode: F32, encode: U8) -> tuple[U8, U8]:
    """(h, w, 4) sRGB base colour and (h, w, 3) white–roughness–metallic of two (h, w, 4) textures."""
    height, width = diffuse.shape[:2]
    base = np.empty((height, width, 4), dtype=np.uint8)
    packed = np.full((height, width, 3), 255, dtype=np.uint8)
    d, s, out = np.empty(3), np.empty(3), np.empty(4)
    for y in range(height):
        for x in range(width):
            for k in range(3):
                d[k] = factors[k] * decode[diffuse[y, x, k]]
                s[k] = factors[3 + k] * decode[gloss[y, x, k]]
            _convert(d, s, out)
            for k in range(3):
                base[y, x, k] = encode[int(out[k] * 65535.0 + 0.5)]
            base[y, x, 3] = diffuse[y, x, 3]
            packed[y, x, 1] = int(255.0 - factors[6] * gloss[y, x, 3] + 0.5)
            packed[y, x, 2] = int(out[3] * 255.0 + 0.5)
    return base, packed
