"""A library material painted into a part's atlas by box projection, beside what the atlas shows elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, Material, Part, Texture
from ml.color_space import decode, encode
from ml.materials.library import GLASS_ALPHA, SIZES, Maps, look_of, substance_of, texture_maps
from ml.normals import face_crosses, vertex_normals
from ml.substances import Color
from tasks.box_projection import paint, planes_for
from tasks.source_samples import SourceSamples, hits_of
from tasks.tangents import with_tangents
from tasks.texel_raster import interpolate, nearest_covered, rasterize, sample_bilinear

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Coat:
    """A library material as it is applied."""

    name: str
    scale: float = 1.0  # of the pattern; 1 is its real size
    seed: int = 0
    color: Color | None = None  # linear, instead of the substance's own

    @property
    def tile(self) -> float:
        """Edge of a tile in metres."""
        return look_of(self.name)[1].size_m * self.scale

    def grain(self, points: F32) -> int:
        """The axis that the tile's v runs along on what spans `points`: the longest for wood, else up."""
        return int(np.argmax(np.ptp(points, axis=0))) if substance_of(self.name).family == "wood" and len(points) else 1


@dataclass(frozen=True)
class Texels:
    """The covered texels of a part's atlas."""

    part: Part  # with normals
    tangents: F32  # (n, 4)
    size: int
    index: npt.NDArray[np.int64]  # (t,) flat
    nearest: Any  # (size²,) flat index of the nearest covered texel
    faces: I32  # (t,)
    weights: F32  # (t, 3)

    @staticmethod
    def of(part: Part, size: int) -> Texels:
        """Rasterise a part that has UVs."""
        if part.normals is None:
            part = replace(part, normals=vertex_normals(part.vertices, part.faces))
        part, tangents = with_tangents(part)
        face, barycentric = rasterize(part.uv, part.faces, size)
        index = np.flatnonzero(face >= 0)
        weights = np.empty((len(index), 3), np.float32)
        weights[:, 1:] = barycentric.reshape(-1, 2)[index]
        weights[:, 0] = 1 - weights[:, 1] - weights[:, 2]
        nearest = nearest_covered(face >= 0).reshape(-1)
        return Texels(part, tangents, size, index, nearest, face.reshape(-1)[index], weights)

    def values(self, attribute: Any, rows: Any = slice(None)) -> F32:
        """(t, k) of an attribute of the vertices."""
        found: F32 = interpolate(attribute, self.part.faces, self.faces[rows], self.weights[rows])
        return found

    def frames(self, rows: Mask) -> F32:
        """(t, 9) tangent, bitangent and normal as a renderer rebuilds them from interpolated vertices (MikkTSpace)."""
        normal = _unit(self.values(self.part.normals, rows))
        tangent = self.values(self.tangents, rows)
        along = _unit(tangent[:, :3] - normal * (tangent[:, :3] * normal).sum(axis=1, keepdims=True))
        across = np.cross(normal, along) * np.where(tangent[:, 3:] < 0, np.float32(-1), np.float32(1))
        return np.concatenate([along, across.astype(np.float32), normal], axis=1)

    def texture(self, values: U8, name: str) -> Texture:
        """(t, c) bytes as a map; gutters repeat their nearest texel."""
        flat = np.zeros((self.size * self.size, values.shape[1]), np.uint8)
        flat[self.index] = values
        return Texture.from_pixels(flat[self.nearest].reshape(self.size, self.size, -1), name)


def painted(part: Part, chosen: Mask, coat: Coat, size: int) -> Part:
    """The part, which has UVs, with the coat on the chosen faces (m,) and its old look elsewhere, in maps of `size`².

    With the coat's own name, and see-through where it is glass, when every face is chosen. Vertex colours are worked
    in, occlusion stays.
    """
    texels = Texels.of(part, size)
    own = chosen[texels.faces]
    look = _Look.before(texels)
    maps = tile_maps(texels.part, coat, size)
    grain = coat.grain(part.vertices[np.unique(part.faces[chosen])])
    arrays = decode(maps.base_color), maps.roughness_metallic, maps.normal
    points = texels.values(texels.part.vertices, own)
    look.put(own, *paint(points, texels.frames(own), arrays, coat.tile, planes_for(grain)))
    material = look.material(part.material, texels)
    if chosen.all():
        material = replace(material, name=coat.name)
        if substance_of(coat.name).family == "glass":
            material = replace(material, base_color=(1.0, 1.0, 1.0, GLASS_ALPHA), alpha_mode="BLEND")
    return replace(texels.part, material=material, colors=None)


def tile_maps(part: Part, coat: Coat, size: int) -> Maps:
    """The tile's maps at about one pixel a texel of the part's atlas, so that none is skipped."""
    assert part.uv is not None
    area = float(np.linalg.norm(face_crosses(part.vertices, part.faces), axis=1).sum()) / 2
    e, f = (part.uv[part.faces[:, k]] - part.uv[part.faces[:, 0]] for k in (1, 2))
    spread = float(np.abs(e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]).sum()) / 2
    texel = float(np.sqrt(area / max(spread, 1e-12))) / size
    pixels = min(max(coat.tile / max(texel, 1e-12), 8.0), float(SIZES[1]))
    wanted = 2 ** ceil(log2(pixels) - 0.25)
    maps = texture_maps(coat.name, max(SIZES[0], wanted), coat.seed, coat.color)
    return maps if wanted >= SIZES[0] else _reduced(maps, SIZES[0] // wanted)


def _reduced(maps: Maps, factor: int) -> Maps:
    """The maps with boxes of `factor`² pixels averaged, colour in linear light."""

    def mean(pixels: npt.NDArray[Any]) -> F32:
        s = len(pixels) // factor
        boxes: F32 = pixels.reshape(s, factor, s, factor, -1).mean(axis=(1, 3), dtype=np.float32)
        return boxes

    return Maps(
        encode(mean(decode(maps.base_color))),
        np.rint(mean(maps.roughness_metallic)).astype(np.uint8),
        np.rint(mean(maps.normal)).astype(np.uint8),
        mean(maps.height)[..., 0],
        maps.size_m,
    )


def _unit(vectors: F32) -> F32:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: F32 = vectors / np.maximum(lengths, np.float32(1e-12))
    return unit


@dataclass
class _Look:
    """What each texel shows."""

    base: F32  # (t, 4) linear
    surface: F32  # (t, 3) occlusion, roughness, metallic
    emissive: F32 | None  # (t, 3) linear
    normal: F32  # (t, 3) in the texel's frame

    @staticmethod
    def before(texels: Texels) -> _Look:
        """As the part's material has it."""
        material = texels.part.material
        alone = Asset((texels.part,))
        samples = SourceSamples(alone, hits_of(alone, texels.faces, texels.weights))
        normal = np.tile(np.array([0, 0, 1], np.float32), (len(texels.faces), 1))
        if material.normal_texture is not None:
            codes = np.linspace(0.0, 1.0, 256, dtype=np.float32)
            shown = sample_bilinear(material.normal_texture.pixels(), codes, texels.values(texels.part.uv))
            normal = _unit(
                (shown[:, :3] * 2 - 1) * np.array([material.normal_scale, material.normal_scale, 1], np.float32)
            )
        glows = max(material.emissive) > 0
        return _Look(samples.base_color(), samples.surface(), samples.emissive() if glows else None, normal)

    def put(self, own: Mask, color: F32, surface: F32, normal: F32) -> None:
        """Replace the look of some texels; they glow no more, their occlusion stays."""
        self.base[own, :3], self.base[own, 3] = color, 1.0
        self.surface[own, 1:] = surface
        self.normal[own] = normal
        if self.emissive is not None:
            self.emissive[own] = 0.0

    def material(self, old: Material, texels: Texels) -> Material:
        """The old material with every map painted anew."""
        base = encode(self.base[:, :3])
        see_through = old.alpha_mode != "OPAQUE" and bool((self.base[:, 3] < 1.0).any())
        if see_through:
            base = np.concatenate([base, _bytes(self.base[:, 3:])], axis=1)
        packed = texels.texture(_bytes(self.surface), "occlusion_roughness_metallic")
        glow: dict[str, Any] = {"emissive": (0.0, 0.0, 0.0), "emissive_texture": None}
        if self.emissive is not None and (self.emissive > 0).any():
            peak = max(1.0, float(self.emissive.max()))
            glow = {
                "emissive": (peak,) * 3,
                "emissive_texture": texels.texture(encode(self.emissive / peak), "emissive"),
            }
        return replace(
            old,
            base_color=(1.0, 1.0, 1.0, 1.0),
            metallic=1.0,
            roughness=1.0,
            base_color_texture=texels.texture(base, "base_color"),
            metallic_roughness_texture=packed,
            normal_texture=texels.texture(_bytes(self.normal * np.float32(0.5) + np.float32(0.5)), "normal"),
            normal_scale=1.0,
            occlusion_texture=None if old.occlusion_texture is None else packed,
            occlusion_strength=1.0,
            alpha_mode=old.alpha_mode if see_through else "OPAQUE",
            **glow,
        )


def _bytes(values: F32) -> U8:
    codes: U8 = np.rint(np.clip(values, 0.0, 1.0) * np.float32(255)).astype(np.uint8)
    return codes
