"""Phong and Blinn-Phong surfaces (MTL's Kd, Ks, Ns, illum) as metallic-roughness ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import U8

Color = tuple[float, float, float]

# A dielectric's highlight has the lamp's colour, so a highlight this much less grey (1 − min/max) is a metal's. The
# plastics and gems of the OpenGL teapot table stay below 0.185, its gold, copper and bronze lie above 0.4.
METAL_SATURATION = 0.25
# What reflects and scatters nothing is a metal too: diffuse below this (no dielectric is darker) beside a highlight
# above F0 = 0.25 (no dielectric but diamond, at 0.17, comes near).
METAL_DIFFUSE, METAL_SPECULAR = 0.02, 0.25
UNSAID_ROUGHNESS = 0.8


@dataclass(frozen=True)
class Phong:
    """Factors 0–1 as an MTL block states them; None where it says nothing."""

    diffuse: Color
    specular: Color | None = None
    exponent: float | None = None
    illum: int | None = None
    diffuse_map: bool = False
    specular_map: bool = False


def surface(given: Phong) -> tuple[Color, float, float]:
    """(linear base colour, metallic, roughness).

    Ks is the strength of a highlight and no reflectance: files full of dielectrics say 0.5 or 1, so it decides only
    between metal and dielectric, and does not go through the formula for specular-glossiness, which would make half
    of them metal. A metal's base colour is the brighter of Kd and Ks. No highlight (illum 0 or 1, Ks 0) is roughness 1.
    """
    specular = given.specular or (0.0, 0.0, 0.0)
    matte = given.specular is not None and max(specular) <= 0.0 and not given.specular_map
    if matte or given.illum in (0, 1):
        return given.diffuse, 0.0, 1.0
    rough = UNSAID_ROUGHNESS if given.exponent is None else roughness(given.exponent)
    if not _is_metal(given, specular):
        return given.diffuse, 0.0, rough
    return (given.diffuse if max(given.diffuse) >= max(specular) else specular), 1.0, rough


def _is_metal(given: Phong, specular: Color) -> bool:
    if given.specular is None or given.specular_map:
        return False
    top = max(specular)
    if top > 0.1 and (top - min(specular)) / top > METAL_SATURATION:
        return True
    return max(given.diffuse) < METAL_DIFFUSE and top > METAL_SPECULAR and not given.diffuse_map


def roughness(exponent: float) -> float:
    """glTF's roughness √α of a Blinn-Phong exponent: α = √(2 / (Ns + 2)) (Walter et al. 2007, §5.2)."""
    return float((2.0 / (max(exponent, 0.0) + 2.0)) ** 0.25)


def roughness_bytes(exponent: float, scale: U8) -> U8:
    """Roughness × 255 where a map scales the exponent by `scale` / 255, of the same shape."""
    table = np.rint(255.0 * (2.0 / (exponent * np.arange(256) / 255.0 + 2.0)) ** 0.25).astype(np.uint8)
    values: U8 = table[scale]
    return values
