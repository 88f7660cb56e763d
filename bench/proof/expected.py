"""What every export of an asset must hold: the asset's own faces, coordinates, effective material values and maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from facts import F64, Facts, PartFacts, digest, gathered, linear_of

from ml.asset import Asset, Material, Part, Provenance, Texture
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

    facts: Facts  # without materials; colours as the asset has them
    materials: list[dict[str, Slot]]  # by part
    tinted: F64  # (3 m, 4) linear: vertex colour times base colour, NaN where a part has no vertex colours
    shown: F64  # (3 m, 4) linear: the visible base colour, its map read at the vertex, of every part


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
    pieces, parts, materials, tinted, shown = [], [], [], [], []
    for part in drawable(asset).parts:
        order = part.faces.reshape(-1)
        every = (part.vertices, part.uv, part.normals, part.uv1, part.colors)
        points, uv, normals, uv1, colors = (None if values is None else values[order] for values in every)
        colors = None if colors is None else colors / 255.0
        pieces.append((points, uv, normals, uv1, colors, tangents(part)))
        parts.append(PartFacts(part.name, len(part.faces)))
        if part.material not in means:
            means[part.material] = slots_of(part.material)
        materials.append(means[part.material])
        factor = np.array(part.material.base_color) * (1.0 if colors is None else colors)
        tinted.append(np.full((len(order), 4), np.nan) if colors is None else factor)
        visible = np.broadcast_to(factor, (len(order), 4)) * texels(part.material, uv)
        visible[:, 3] = 1.0 if part.material.alpha_mode == "OPAQUE" else visible[:, 3]
        shown.append(visible)
    return Level(Facts(**gathered(pieces), parts=parts), materials, np.concatenate(tinted), np.concatenate(shown))


def texels(material: Material, uv: F64 | None) -> F64:
    """(n or 1, 4) linear colours of the base colour map's nearest texels; white without one."""
    base = material.base_color_texture
    if base is None or uv is None:
        return np.ones((1, 4))
    pixels = base.pixels()
    size = np.array([pixels.shape[1], pixels.shape[0]])
    column, row = np.minimum((uv.astype(np.float64) % 1.0 * size).astype(int), size - 1).T
    return linear_of(pixels[row, column] / 255.0)


def tangents(part: Part) -> F64 | None:
    """(3 m, 4) frames at the corners after MikkTSpace, for a part with a normal map; zero where there is no direction.

    Mikkelsen 2008, section 3: each face's direction of growing u, flattened against the vertex normal, weighted by the
    corner's angle, summed over the faces of a vertex whose charts are turned alike.
    """
    if part.material.normal_texture is None or part.uv is None or part.normals is None:
        return None
    points, uv, normal = (values[part.faces].astype(np.float64) for values in (part.vertices, part.uv, part.normals))
    sides, moves = points[:, 1:] - points[:, :1], uv[:, 1:] - uv[:, :1]
    area = moves[:, 0, 0] * moves[:, 1, 1] - moves[:, 0, 1] * moves[:, 1, 0]
    along = (sides[:, 0] * moves[:, 1, 1:] - sides[:, 1] * moves[:, 0, 1:]) * np.sign(area)[:, None]
    flat = along[:, None] - normal * (along[:, None] * normal).sum(axis=2, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=2, keepdims=True), 1e-300)
    ahead, behind = np.roll(points, -1, axis=1) - points, np.roll(points, 1, axis=1) - points
    angle = np.arctan2(np.linalg.norm(np.cross(ahead, behind), axis=2), (ahead * behind).sum(axis=2))
    key = (2 * part.faces + (area > 0)[:, None]).reshape(-1)
    total = np.zeros((2 * len(part.vertices), 3))
    np.add.at(total, key, (flat * angle[..., None]).reshape(-1, 3))
    weight = np.bincount(key, angle.reshape(-1), len(total))
    length = np.linalg.norm(total, axis=1)
    sound = (length > 1e-3 * weight) & (length > 0.0)
    rows = np.c_[total / np.maximum(length, 1e-300)[:, None], np.where(np.arange(len(total)) % 2, -1.0, 1.0)]
    return np.where(sound[:, None], rows, 0.0)[key]


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


def image_mean(pixels: F64, channels: str) -> list[float]:
    """Mean of each channel named."""
    return [float(pixels[..., "rgba".index(channel)].mean()) for channel in channels]


def varies(texture: Texture, channels: str) -> bool:
    """Whether a map says more than one value would."""
    chosen = texture.pixels()[..., ["rgba".index(channel) for channel in channels]]
    return bool((chosen != chosen[0, 0]).any())
