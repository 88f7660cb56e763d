"""Baking: the source's colours and PBR factors transferred into the textures of a new UV atlas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, InputError, Material, Part, Texture
from ml.normals import face_crosses
from tasks.bvh import build_bvh, closest_point
from tasks.texel_raster import interpolate, nearest_covered, rasterize, sample_bilinear

I64 = npt.NDArray[np.int64]

# A hit that faces away counts as 2 % of the diagonal farther: more than decimation moves a surface (mean 0.1–0.8 %
# down to a tenth of the faces), so the side that faces the same way wins on any wall thinner than that.
FACING_PENALTY = 0.02
SAME_GEOMETRY = 1e-6  # of the diagonal: float32 rounding of a transform applied to both meshes


@dataclass(frozen=True)
class BakeOptions:
    """`resolution` is the atlas' edge; `maps` chooses base colour alone or every map the source has."""

    resolution: int = field(default=1024, metadata={"min": 64, "max": 4096, "help": "texture width and height, pixels"})
    maps: Literal["all", "base_color"] = field(
        default="all", metadata={"help": "all: also occlusion-roughness-metallic and emissive where they vary"}
    )


@dataclass(frozen=True)
class Hits:
    """For each covered texel the place on the source it shows."""

    texel: I64  # (t,) flat index into the map
    owner: I32  # (t,) source part
    face: I32  # (t,) face within that part
    barycentric: F32  # (t, 3)


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
    hits, path = _find_hits(part, source, face, barycentric)
    used = [source.parts[index].material for index in np.flatnonzero(np.bincount(hits.owner))]
    canvas = Canvas(source, hits, nearest_covered(covered).reshape(-1), options.resolution)
    material = replace(_surface(asset.name, used), **canvas.base_color(used))
    if options.maps == "all":
        material = replace(material, **canvas.surface_maps(used), **canvas.emissive(used))
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


def _find_hits(part: Part, source: Asset, face: I32, barycentric: F32) -> tuple[Hits, str]:
    """Texels mapped one to one when both meshes have the same triangles, else to the closest source triangle."""
    texel = np.flatnonzero(face >= 0)
    low_face = face.reshape(-1)[texel]
    weights = np.empty((len(texel), 3), dtype=np.float32)
    weights[:, 1:] = barycentric.reshape(-1, 2)[texel]
    weights[:, 0] = 1 - weights[:, 1] - weights[:, 2]
    vertices, faces, owner = source.merged()
    if _same_geometry(part, vertices, faces):
        found, path = low_face, "same triangles"
    else:
        found, weights = _closest(part, low_face, weights, vertices, faces)
        path = "closest point"
    first = np.cumsum([0, *(len(p.faces) for p in source.parts)])
    part_index = owner[found]
    return Hits(texel, part_index, (found - first[part_index]).astype(np.int32), weights), path


def _same_geometry(part: Part, vertices: npt.NDArray[np.float64], faces: I32) -> bool:
    if len(part.faces) != len(faces):
        return False
    corners = vertices[faces]
    tolerance = SAME_GEOMETRY * float(np.linalg.norm(np.ptp(corners.reshape(-1, 3), axis=0)))
    return bool(np.abs(part.vertices[part.faces] - corners).max() <= tolerance)


def _closest(part: Part, low_face: I32, weights: F32, vertices: npt.NDArray[np.float64], faces: I32) -> tuple[I32, F32]:
    points = interpolate(part.vertices, part.faces, low_face, weights)
    crosses = face_crosses(part.vertices, part.faces)
    diagonal = float(np.linalg.norm(np.ptp(vertices[faces.reshape(-1)], axis=0)))
    bvh = build_bvh(vertices, faces)
    found, barycentric, _ = closest_point(bvh, points, crosses[low_face], FACING_PENALTY * diagonal)
    return found, barycentric.astype(np.float32)


@cache
def _decode_table(srgb: bool) -> F32:
    """(256,) 8-bit value → linear; the sRGB curve of IEC 61966-2-1."""
    value = np.arange(256) / 255.0
    curve = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return (curve if srgb else value).astype(np.float32)


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
    """One bake in progress: samples the source at the hits and paints maps with filled gutters."""

    source: Asset
    hits: Hits
    nearest: I32  # (size²,) flat index of the nearest covered texel
    size: int

    def base_color(self, used: list[Material]) -> dict[str, Any]:
        """Base colour map with alpha where a used material is not opaque."""
        values = self._sample(lambda m: m.base_color, lambda m: m.base_color_texture, srgb=True)
        for index, part in enumerate(self.source.parts):
            rows = np.flatnonzero(self.hits.owner == index) if part.colors is not None else ()
            if len(rows):
                values[rows] *= self._attribute(part.colors, part, rows) * np.float32(1 / 255)
        modes = np.array([p.material.alpha_mode for p in self.source.parts])
        pixels = _to_srgb(values[:, :3])
        if any(m.alpha_mode != "OPAQUE" for m in used):
            alpha = np.where((modes == "OPAQUE")[self.hits.owner], np.float32(1), values[:, 3])
            pixels = np.concatenate([pixels, _to_byte(alpha)[:, None]], axis=1)
        return {"base_color": (1.0, 1.0, 1.0, 1.0), "base_color_texture": self._paint(pixels, "base_color")}

    def surface_maps(self, used: list[Material]) -> dict[str, Any]:
        """Occlusion (R), roughness (G) and metallic (B) in one map, or plain factors when none varies."""
        factors = {(m.roughness, m.metallic) for m in used}
        if len(factors) == 1 and not any(m.metallic_roughness_texture or m.occlusion_texture for m in used):
            return dict(zip(("roughness", "metallic"), factors.pop(), strict=True))
        values = self._sample(
            lambda m: (1.0, m.roughness, m.metallic, 1.0), lambda m: m.metallic_roughness_texture, srgb=False
        )
        occluded = any(m.occlusion_texture is not None for m in used)
        values[:, 0] = self._occlusion() if occluded else 1.0
        pixels = _to_byte(values[:, :3])
        if (pixels == pixels[0]).all():
            return {"roughness": float(values[0, 1]), "metallic": float(values[0, 2])}
        texture = self._paint(pixels, "occlusion_roughness_metallic")
        maps = {"roughness": 1.0, "metallic": 1.0, "metallic_roughness_texture": texture}
        return {**maps, "occlusion_texture": texture} if occluded else maps

    def emissive(self, used: list[Material]) -> dict[str, Any]:
        """The emissive map, or nothing when no used material glows."""
        if not any(max(m.emissive) > 0 for m in used):
            return {}
        values = self._sample(lambda m: (*m.emissive, 1.0), lambda m: m.emissive_texture, srgb=True)
        pixels = _to_srgb(values[:, :3])
        if (pixels == pixels[0]).all():
            return {"emissive": tuple(float(v) for v in values[0, :3])}
        return {"emissive": (1.0, 1.0, 1.0), "emissive_texture": self._paint(pixels, "emissive")}

    def _occlusion(self) -> F32:
        texture = self._sample(lambda m: (1.0, 1.0, 1.0, 1.0), lambda m: m.occlusion_texture, srgb=False)[:, 0]
        strength = np.array([p.material.occlusion_strength for p in self.source.parts], dtype=np.float32)
        darkness: F32 = np.float32(1) - strength[self.hits.owner] * (np.float32(1) - texture)
        return darkness

    def _sample(
        self,
        factor: Callable[[Material], tuple[float, float, float, float]],
        texture: Callable[[Material], Texture | None],
        srgb: bool,
    ) -> F32:
        """(t, 4) linear: each hit's factor times its texture where the part has one and UVs to read it by."""
        factors = np.array([factor(part.material) for part in self.source.parts], dtype=np.float32)
        values: F32 = factors[self.hits.owner]
        decoded: dict[bytes, U8] = {}
        for index, part in enumerate(self.source.parts):
            image = texture(part.material)
            rows = np.flatnonzero(self.hits.owner == index) if image is not None and part.uv is not None else ()
            if image is None or not len(rows):
                continue
            if image.data not in decoded:
                decoded[image.data] = image.pixels()
            uv = self._attribute(part.uv, part, rows)
            values[rows] *= sample_bilinear(decoded[image.data], _decode_table(srgb), uv)
        return values

    def _attribute(self, values: Any, part: Part, rows: Any) -> F32:
        result: F32 = interpolate(values, part.faces, self.hits.face[rows], self.hits.barycentric[rows])
        return result

    def _paint(self, pixels: U8, name: str) -> Texture:
        """(t, c) texel values as a PNG; every other texel repeats its nearest one, so no mip level sees background."""
        flat = np.zeros((self.size * self.size, pixels.shape[1]), dtype=np.uint8)
        flat[self.hits.texel] = pixels
        return Texture.from_pixels(flat[self.nearest].reshape(self.size, self.size, -1), name)
