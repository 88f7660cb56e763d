"""What places on the source show: colours and PBR values of its materials there, for texture and vertex bakes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, Material, Texture
from ml.srgb import decode_table
from tasks.bvh import build_bvh, closest_point
from tasks.lod_textures import Kind, half_image
from tasks.texel_areas import texel_areas
from tasks.texel_raster import multiply_by_colors, multiply_by_image
from tasks.topology import F64

# A hit that faces away counts as 2 % of the diagonal farther: more than decimation moves a surface (mean 0.1–0.8 %
# down to a tenth of the faces), so the side that faces the same way wins on any wall thinner than that.
FACING_PENALTY = 0.02
STRAIGHT: F32 = (np.arange(256) / 255.0).astype(np.float32)  # bytes that are data, not colours
Rgba = tuple[float, float, float, float]
Rows = npt.NDArray[np.intp] | slice


@dataclass(frozen=True)
class Hits:
    """Places on the source's triangles."""

    owner: I32  # (t,) source part
    face: I32  # (t,) face within that part
    barycentric: F32  # (t, 3)
    looked: dict[int, tuple[Rows, U8]] = field(default_factory=dict)  # by part: its hits, and what its looks say there


def closest_hits(source: Asset, points: npt.ArrayLike, normals: npt.ArrayLike) -> Hits:
    """The source's closest place to each of (t, 3) points that faces the same way as its (t, 3) normal."""
    vertices, faces, _ = source.merged()
    diagonal = float(np.linalg.norm(np.ptp(vertices[faces.reshape(-1)], axis=0)))
    found, barycentric, _ = closest_point(build_bvh(vertices, faces), points, normals, FACING_PENALTY * diagonal)
    return SourceSamples(source).hits(found, barycentric.astype(np.float32))


@dataclass(frozen=True)
class SourceSamples:
    """The source's materials, read at hits, linear; a factor times its texture, as glTF 2.0 §3.9.2 has it.

    `density` is how many hits there are a square metre: maps that are finer, as those that tile are, are read at the
    mip level whose texels are as large (Williams 1983), else a texel of theirs in many would stand for all of them.
    """

    source: Asset
    decoded: dict[bytes, U8] = field(default_factory=dict)  # images by their encoded bytes
    density: float = math.inf
    _coarser: dict[tuple[bytes, Kind, int], U8] = field(default_factory=dict)  # by encoded bytes, kind and mip level

    @cached_property
    def merged(self) -> tuple[F64, I32, I32]:
        """`Asset.merged` of the source."""
        return self.source.merged()

    @cached_property
    def first_face(self) -> I32:
        """(parts + 1,) number of each part's first face over all parts."""
        return np.cumsum([0, *(len(part.faces) for part in self.source.parts)]).astype(np.int32)

    def hits(self, face: I32, barycentric: F32) -> Hits:
        """Hits from faces (t,) counted over all of the source's parts."""
        if len(self.source.parts) == 1:
            return Hits(np.zeros(len(face), np.int32), face, barycentric)
        owner = self.merged[2][face]
        return Hits(owner, face - self.first_face[owner], barycentric)

    def image(self, texture: Texture) -> U8:
        """(h, w, 4) pixels, decoded once."""
        if texture.data not in self.decoded:
            self.decoded[texture.data] = texture.pixels()
        return self.decoded[texture.data]

    def map_of(self, index: int, texture: Texture, kind: Kind) -> U8:
        """(h, w, 4) pixels of a map of a part, at the mip level that suits the density."""
        level = self._level(index, texture)
        if level == 0:
            return self.image(texture)
        if (texture.data, kind, level) not in self._coarser:
            pixels = self.image(texture)
            for _ in range(level):
                pixels = half_image(pixels, kind)
            self._coarser[texture.data, kind, level] = pixels
        return self._coarser[texture.data, kind, level]

    def _level(self, index: int, texture: Texture) -> int:
        """The mip level whose texels, mean over the part, are nearest in size to the space between hits."""
        wide, high = texture.size
        texels = self._uv_per_area[index] * wide * high / self.density
        return min(round(0.5 * math.log2(texels)), min(wide, high).bit_length() - 1) if texels > 1.0 else 0

    @cached_property
    def _uv_per_area(self) -> list[float]:
        """Of each part: how much of the UV square, repeats counted, lies on a square metre."""
        areas = [texel_areas(part) for part in self.source.parts]
        return [uv / area if area > 0.0 and math.isfinite(uv) else 0.0 for uv, area in areas]

    def base_color(self, hits: Hits) -> F32:
        """(t, 4) base colour with vertex colours in it; alpha is 1 on opaque materials."""
        values = self._sample(hits, lambda m: m.base_color, lambda m: m.base_color_texture, srgb=True)
        for index in present(hits):
            part = self.source.parts[index]
            if part.colors is not None and part.material.looks is None:
                multiply_by_colors(values, index, hits.owner, hits.face, hits.barycentric, part.faces, part.colors)
        opaque = np.array([part.material.alpha_mode == "OPAQUE" for part in self.source.parts])
        values[opaque[hits.owner], 3] = 1.0
        self._look(hits, values[:, :3], slice(0, 3), decode_table())
        return values

    def surface(self, hits: Hits) -> F32:
        """(t, 3) occlusion, roughness and metallic."""
        values = self._sample(
            hits, lambda m: (1.0, m.roughness, m.metallic, 1.0), lambda m: m.metallic_roughness_texture, srgb=False
        )
        values[:, 0] = 1.0  # in the red channel of that texture glTF has nothing
        if any(self.source.parts[index].material.occlusion_texture is not None for index in present(hits)):
            occlusion = self._sample(hits, lambda m: (1.0, 1.0, 1.0, 1.0), lambda m: m.occlusion_texture, srgb=False)
            strength = np.array([part.material.occlusion_strength for part in self.source.parts], dtype=np.float32)
            values[:, 0] = np.float32(1) - strength[hits.owner] * (np.float32(1) - occlusion[:, 0])
        self._look(hits, values[:, 1:3], slice(3, 5), STRAIGHT)
        return values[:, :3]

    def emissive(self, hits: Hits) -> F32:
        """(t, 3) emitted colour."""
        values = self._sample(hits, lambda m: (*m.emissive, 1.0), lambda m: m.emissive_texture, srgb=True)[:, :3]
        self._look(hits, values, slice(5, 8), decode_table())
        return values

    def _look(self, hits: Hits, values: F32, channels: slice, table: F32) -> None:
        """Write what fields of looks say into the values of their parts; a field is read once for all maps."""
        for index in present(hits):
            part = self.source.parts[index]
            if part.material.looks is None:
                continue
            if index not in hits.looked:
                rows = slice(None) if len(self.source.parts) == 1 else np.flatnonzero(hits.owner == index)
                corners = part.vertices[part.faces[hits.face[rows]]]
                places = np.einsum("tk,tkj->tj", hits.barycentric[rows], corners)
                hits.looked[index] = rows, part.material.looks.at(places)
            rows, found = hits.looked[index]
            values[rows] = table[found[:, channels]]

    def _sample(
        self, hits: Hits, factor: Callable[[Material], Rgba], texture: Callable[[Material], Texture | None], srgb: bool
    ) -> F32:
        """(t, 4): each hit's factor times its texture where the part has one and UVs to read it by."""
        factors = np.array([factor(part.material) for part in self.source.parts], dtype=np.float32)
        values: F32 = factors[hits.owner] if len(factors) > 1 else np.tile(factors, (len(hits.owner), 1))
        for index in present(hits):
            part = self.source.parts[index]
            image = texture(part.material)
            if image is not None and part.uv is not None:
                pixels = self.map_of(index, image, "color" if srgb else "data")
                table = decode_table() if srgb else STRAIGHT
                where = (index, hits.owner, hits.face, hits.barycentric)
                multiply_by_image(values, *where, part.faces, part.uv, pixels, table)
        return values


def present(hits: Hits) -> list[int]:
    """The parts that are hit, in order."""
    parts: list[int] = np.flatnonzero(np.bincount(hits.owner)).tolist()
    return parts
