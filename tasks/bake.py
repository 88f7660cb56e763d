"""Baking: the source's colours and PBR factors transferred into the textures of a new UV atlas."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, InputError, Material, Part, Texture
from ml.normals import face_crosses
from tasks.source_samples import Hits, SourceSamples, closest_hits, hits_of
from tasks.texel_raster import interpolate, nearest_covered, rasterize

I64 = npt.NDArray[np.int64]

SAME_GEOMETRY = 1e-6  # of the diagonal: float32 rounding of a transform applied to both meshes


@dataclass(frozen=True)
class BakeOptions:
    """`resolution` is the atlas' edge; `maps` chooses base colour alone or every map the source has."""

    resolution: int = field(default=1024, metadata={"min": 64, "max": 4096, "help": "texture width and height, pixels"})
    maps: Literal["all", "base_color"] = field(
        default="all", metadata={"help": "all: also occlusion-roughness-metallic and emissive where they vary"}
    )


def bake(asset: Asset, options: BakeOptions = BakeOptions()) -> Asset:
    """The asset with ONE material whose textures show the source's; untouched when it has no source.

    Base colour (sRGB, always), occlusion-roughness-metallic and emissive (only where they vary; else factors) are
    sampled at each texel's closest source point. Raises InputError `bake.no-uv` without one part with UVs.
    """
    source = asset.source
    if source is None or not source.face_count:
        return asset
    if len(asset.parts) != 1 or asset.parts[0].uv is None:
        raise InputError("bake.no-uv", f"{len(asset.parts)} parts; baking needs one part with an atlas: unwrap first")
    part = asset.parts[0]
    face, barycentric = rasterize(part.uv, part.faces, options.resolution)
    covered = face >= 0
    texel = np.flatnonzero(covered)
    hits, path = _find_hits(part, source, texel, face, barycentric)
    samples = SourceSamples(source, hits)
    used = samples.materials()
    canvas = Canvas(texel, nearest_covered(covered).reshape(-1), options.resolution)
    material = replace(_surface(asset.name, used), **base_color(canvas, samples, used))
    if options.maps == "all":
        material = replace(material, **surface_maps(canvas, samples, used), **emissive(canvas, samples, used))
    baked = replace(part, material=material, colors=None)
    lost = sum(m.normal_texture is not None for m in used)
    note = f"{options.resolution} px, {path}" + (f", {lost} normal maps not carried over" if lost else "")
    result = replace(asset, parts=(baked,)).noted(bake=note)
    return result.measured({"bake.resolution": options.resolution, "bake.coverage": float(covered.mean())})


def _surface(name: str, used: list[Material]) -> Material:
    """What one material can say for all: BLEND before MASK before OPAQUE, double-sided if any is."""
    modes = {m.alpha_mode for m in used}
    mode: Literal["OPAQUE", "MASK", "BLEND"] = "BLEND" if "BLEND" in modes else "MASK" if "MASK" in modes else "OPAQUE"
    cutoff = next((m.alpha_cutoff for m in used if m.alpha_mode == "MASK"), 0.5)
    return Material(
        name=name,
        metallic=used[0].metallic,
        roughness=used[0].roughness,
        alpha_mode=mode,
        alpha_cutoff=cutoff,
        double_sided=any(m.double_sided for m in used),
    )


def _find_hits(part: Part, source: Asset, texel: I64, face: I32, barycentric: F32) -> tuple[Hits, str]:
    """Texels mapped one to one when both meshes have the same triangles, else to the closest source triangle."""
    low_face = face.reshape(-1)[texel]
    weights = np.empty((len(texel), 3), dtype=np.float32)
    weights[:, 1:] = barycentric.reshape(-1, 2)[texel]
    weights[:, 0] = 1 - weights[:, 1] - weights[:, 2]
    vertices, faces, _ = source.merged()
    if _same_geometry(part, vertices, faces):
        return hits_of(source, low_face, weights), "same triangles"
    points = interpolate(part.vertices, part.faces, low_face, weights)
    return closest_hits(source, points, face_crosses(part.vertices, part.faces)[low_face]), "closest point"


def _same_geometry(part: Part, vertices: npt.NDArray[np.float64], faces: I32) -> bool:
    if len(part.faces) != len(faces):
        return False
    corners = vertices[faces]
    tolerance = SAME_GEOMETRY * float(np.linalg.norm(np.ptp(corners.reshape(-1, 3), axis=0)))
    return bool(np.abs(part.vertices[part.faces] - corners).max() <= tolerance)


@cache
def _encode_table() -> U8:
    """(65536,) linear value × 65535 → 8-bit sRGB; 16 bits keep every one of the 256 codes reachable."""
    value = np.arange(65536) / 65535.0
    curve = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)


def _to_srgb(linear: F32) -> U8:
    return _encode_table()[(np.clip(linear, 0.0, 1.0) * np.float32(65535) + np.float32(0.5)).astype(np.uint16)]


def _to_byte(linear: F32) -> U8:
    return (np.clip(linear, 0.0, 1.0) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


@dataclass(frozen=True)
class Canvas:
    """Where values go: paints those of the covered texels into maps with filled gutters."""

    texel: I64  # (t,) flat indices of the covered texels
    nearest: I32  # (size²,) flat index of the nearest covered texel
    size: int

    def paint(self, pixels: U8, name: str) -> Texture:
        """(t, c) texel values as a PNG; every other texel repeats its nearest one, so no mip level sees background."""
        flat = np.zeros((self.size * self.size, pixels.shape[1]), dtype=np.uint8)
        flat[self.texel] = pixels
        return Texture.from_pixels(flat[self.nearest].reshape(self.size, self.size, -1), name)


def base_color(canvas: Canvas, samples: SourceSamples, used: list[Material]) -> dict[str, Any]:
    """Base colour map with alpha where a used material is not opaque."""
    values = samples.base_color()
    pixels = _to_srgb(values[:, :3])
    if any(m.alpha_mode != "OPAQUE" for m in used):
        pixels = np.concatenate([pixels, _to_byte(values[:, 3:])], axis=1)
    return {"base_color": (1.0, 1.0, 1.0, 1.0), "base_color_texture": canvas.paint(pixels, "base_color")}


def surface_maps(canvas: Canvas, samples: SourceSamples, used: list[Material]) -> dict[str, Any]:
    """Occlusion (R), roughness (G) and metallic (B) in one map, or plain factors when none varies."""
    factors = {(m.roughness, m.metallic) for m in used}
    if len(factors) == 1 and not any(m.metallic_roughness_texture or m.occlusion_texture for m in used):
        return dict(zip(("roughness", "metallic"), factors.pop(), strict=True))
    values = samples.surface()
    pixels = _to_byte(values)
    if (pixels == pixels[0]).all():
        return {"roughness": float(values[0, 1]), "metallic": float(values[0, 2])}
    texture = canvas.paint(pixels, "occlusion_roughness_metallic")
    maps = {"roughness": 1.0, "metallic": 1.0, "metallic_roughness_texture": texture}
    return {**maps, "occlusion_texture": texture} if any(m.occlusion_texture is not None for m in used) else maps


def emissive(canvas: Canvas, samples: SourceSamples, used: list[Material]) -> dict[str, Any]:
    """The emissive map, or nothing when no used material glows."""
    if not any(max(m.emissive) > 0 for m in used):
        return {}
    values = samples.emissive()
    pixels = _to_srgb(values)
    if (pixels == pixels[0]).all():
        return {"emissive": tuple(float(v) for v in values[0])}
    return {"emissive": (1.0, 1.0, 1.0), "emissive_texture": canvas.paint(pixels, "emissive")}
