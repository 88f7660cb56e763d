"""What every export of an asset must hold: the asset's own faces, coordinates, effective material values and maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from facts import F64, Facts, PartFacts, digest, gathered

from ml.asset import Asset, Material, Provenance, Texture
from tasks.png_chunks import plain_png
from tasks.surface import drawable


@dataclass(frozen=True)
class Slot:
    """A material's slot: the mean of what is drawn (factor times map, linear), and the digests its map may have."""

    mean: tuple[float, ...]
    digests: frozenset[str] = frozenset()  # empty: no map, or one that no format need copy byte by byte
    mapped: bool = False  # a map that is not constant
    textured: bool = False  # any map


@dataclass(frozen=True)
class Level:
    """One level of detail."""

    facts: Facts  # without materials
    materials: list[dict[str, Slot]]  # by part


@dataclass(frozen=True)
class Expected:
    """An asset as every format must hold it, as far as it can."""

    levels: list[Level]
    collision: list[int] = field(default_factory=list)  # faces of each body
    words: dict[str, str] = field(default_factory=dict)  # provenance


def expected(asset: Asset) -> Expected:
    """The asset with its LODs; faces without area, which no format keeps, left out. Raises InputError."""
    means: dict[Material, dict[str, Slot]] = {}
    levels = [level_of(level, means) for level in (asset, *asset.lods)]
    return Expected(levels, [len(part.faces) for part in asset.collision], words(asset.provenance))


def level_of(asset: Asset, means: dict[Material, dict[str, Slot]]) -> Level:
    """Geometry and materials of one level; `means` remembers what maps measure."""
    pieces, parts, materials = [], [], []
    for part in drawable(asset).parts:
        order = part.faces.reshape(-1)
        normals = None if part.normals is None else part.normals[order]
        pieces.append((part.vertices[order], None if part.uv is None else part.uv[order], normals))
        parts.append(PartFacts(part.name, len(part.faces)))
        if part.material not in means:
            means[part.material] = slots_of(part.material)
        materials.append(means[part.material])
    return Level(Facts(**gathered(pieces), parts=parts), materials)


def words(provenance: Provenance) -> dict[str, str]:
    """Field to the text that must be found in a file's metadata."""
    named = ("title", "creator", "copyright", "license", "generator", "prompt")
    found = {name: getattr(provenance, name) for name in named if getattr(provenance, name)}
    if provenance.ai_generated:
        found["ai_generated"] = "trainedAlgorithmicMedia"
    return found | ({} if provenance.seed is None else {"seed": str(provenance.seed)})


def slots_of(material: Material) -> dict[str, Slot]:
    """Every slot's effective mean: what a reader should arrive at, however the file splits factor and map."""
    base, packed, shade = (
        material.base_color_texture, material.metallic_roughness_texture, material.occlusion_texture
    )  # fmt: skip
    glow = material.emissive_texture if any(material.emissive) else None
    slots = {
        "base_color": slot(material.base_color[:3], base, "rgb"),
        "roughness": slot((material.roughness,), packed, "g", False),
        "metallic": slot((material.metallic,), packed, "b", False),
        "emissive": slot(material.emissive, glow, "rgb"),
        "normal": slot((1.0,), material.normal_texture, "rgb", linear=True),
        "normal_scale": Slot((material.normal_scale,)),
    }
    opaque = material.alpha_mode == "OPAQUE"
    slots["alpha"] = Slot((1.0,)) if opaque else slot((material.base_color[3],), base, "a", False)
    if shade is not None:
        mean = image_mean(shade.pixels() / 255.0, "r")[0]
        slots["occlusion"] = Slot((1.0 + material.occlusion_strength * (mean - 1.0),), mapped=varies(shade, "r"))
    return slots


def slot(
    factor: tuple[float, ...], texture: Texture | None, channels: str, copied: bool = True, linear: bool = False
) -> Slot:
    """A slot with its map; where the factor is 1 the map's own bytes must be found (`copied`)."""
    if texture is None:
        return Slot(tuple(map(float, factor)))
    pixels = texture.pixels() / 255.0
    pixels = pixels if linear or channels != "rgb" else linear_of(pixels)
    factors = factor * (3 // len(factor)) if channels == "rgb" else factor
    mean = tuple(float(f * m) for f, m in zip(factors, image_mean(pixels, channels), strict=True))
    same = copied and all(value == 1.0 for value in factor)
    digests = {digest(texture.data), digest(plain_png(texture).data)} if same else set()
    return Slot(mean, frozenset(digests), varies(texture, channels) and any(factor), True)


def linear_of(pixels: F64) -> F64:
    """sRGB colours to linear ones; alpha as it is (IEC 61966-2-1)."""
    rgb = pixels[..., :3]
    rgb = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.concatenate([rgb, pixels[..., 3:]], axis=-1)


def image_mean(pixels: F64, channels: str) -> list[float]:
    """Mean of each channel named."""
    return [float(pixels[..., "rgba".index(channel)].mean()) for channel in channels]


def varies(texture: Texture, channels: str) -> bool:
    """Whether a map says more than one value would."""
    chosen = texture.pixels()[..., ["rgba".index(channel) for channel in channels]]
    return bool((chosen != chosen[0, 0]).any())
