"""Splits glTF's packed occlusion, roughness and metallic map into the grey maps that FBX and MTL readers expect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ml.asset import U8, Material, Texture

OCCLUSION = 0  # red; green is roughness and blue metallic (glTF 2.0 §3.9.2, §3.9.3)


@dataclass(frozen=True)
class GreyMaps:
    """A material's surface as grey maps, the factors multiplied in; a number where a map would be constant."""

    occlusion: float | Texture
    roughness: float | Texture
    metallic: float | Texture


def grey_maps(material: Material) -> GreyMaps:
    """The material's grey maps; the formats of one asset share them, so that each is encoded once."""
    packed, shade = material.metallic_roughness_texture, material.occlusion_texture
    strength = 0.0 if shade is None else material.occlusion_strength
    together = shade is not None and packed is not None and shade.data == packed.data
    occlusion: float | Texture = 1.0
    roughness: float | Texture = material.roughness
    metallic: float | Texture = material.metallic
    if packed is not None:
        factors = (strength if together else 0.0, material.roughness, material.metallic)
        occlusion, roughness, metallic = _split(packed, factors)
    if shade is not None and not together:
        occlusion = _split(shade, (strength, 0.0, 0.0))[0]
    return GreyMaps(occlusion, roughness, metallic)


@lru_cache(maxsize=4)  # a few megabytes each
def _split(texture: Texture, factors: tuple[float, float, float]) -> tuple[float | Texture, ...]:
    """Occlusion, roughness and metallic of a packed map; a channel with factor 0 is not encoded."""
    if not any(factors):
        return 1.0, 0.0, 0.0
    pixels = texture.pixels()
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    made: list[float | Texture] = []
    for channel, factor in enumerate(factors):
        if factor == 0.0:
            made.append(1.0 if channel == OCCLUSION else 0.0)
        elif grey and factor == 1.0:
            made.append(_level(pixels[..., channel], texture))
        else:
            made.append(_level(_scaled(np.ascontiguousarray(pixels[..., channel]), channel, factor)))
    return tuple(made)


def _scaled(values: U8, channel: int, factor: float) -> U8:
    """Roughness and metallic times their factor; occlusion 1 + strength · (value − 1) (glTF 2.0 §3.9.3)."""
    if factor == 1.0:
        return values
    steps = np.arange(256) * factor
    table = steps + 255.0 * (1.0 - factor) if channel == OCCLUSION else steps
    scaled: U8 = np.clip(np.rint(table), 0, 255).astype(np.uint8)[values]
    return scaled


def _level(values: U8, already: Texture | None = None) -> float | Texture:
    """The one value of a constant map, else the map, encoded unless a texture holds just that."""
    if values.min() == values.max():
        return float(values.flat[0]) / 255.0
    return already or Texture.from_pixels(values)


def forget_grey_maps() -> None:
    """Drop what is kept for the next format, so that a measurement begins at nothing."""
    _split.cache_clear()
