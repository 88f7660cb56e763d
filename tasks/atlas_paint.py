"""A library material painted into a part's atlas by box projection, beside what the atlas shows elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, Material, Part, Texture
from ml.color_space import decode, encode
from ml.materials.library import SIZES, Maps, look_of, substance_of, texture_maps
from ml.normals import face_crosses
from ml.substances import Color
from tasks.bake_canvas import LINEAR, SRGB, Atlas, Canvas, make_atlas
from tasks.bake_normals import FLAT_STEPS, Frames, SourceNormals, paint_normals
from tasks.box_projection import along_longest, projected, projection_planes, upright
from tasks.normals import split_hard_edges
from tasks.source_samples import SourceSamples
from tasks.texel_projection import Projection
from tasks.texel_raster import interpolate

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

    def grain(self, part: Part) -> I32:
        """(m,) the axis that the tile's v runs along on each face: the longest of its piece for wood, else up."""
        return along_longest(part) if substance_of(self.name).family == "wood" else upright(part)


def painted(part: Part, chosen: Mask, coat: Coat, size: int) -> Part:
    """The part, which has UVs, with the coat on the chosen faces (m,) and its old look elsewhere, in maps of `size`².

    With the coat's own name, and see-through where it is glass, when every face is chosen. Vertex colours are worked
    in, occlusion stays.
    """
    part = part if part.normals is not None else split_hard_edges(part)
    atlas, canvas = make_atlas(part, size)
    look = _Look.before(part, atlas)
    own = chosen[atlas.face]
    points = interpolate(part.vertices, part.faces, atlas.face[own], atlas.barycentric[own])
    maps = tile_maps(part, coat, size)
    arrays = decode(maps.base_color), maps.roughness_metallic, maps.normal
    grain = coat.grain(part)[atlas.face[own]]
    smooth = _normals(replace(part, material=replace(part.material, normal_texture=None)), atlas)
    look.put(own, *projected(points, smooth[own], grain, arrays, coat.tile, projection_planes()))
    material = look.material(part, atlas, canvas)
    if chosen.all():
        material = replace(material, name=coat.name)
        alpha = substance_of(coat.name).alpha
        if alpha < 1.0:
            material = replace(material, base_color=(1.0, 1.0, 1.0, alpha), alpha_mode="BLEND")
    return replace(part, material=material, colors=None)


def _normals(part: Part, atlas: Atlas) -> F32:
    """(t, 3) unit normals, the part's own normal map in them."""
    samples = SourceSamples(Asset((part,)))
    return SourceNormals(samples).at(Projection.of_itself(atlas.face, atlas.barycentric))


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


@dataclass
class _Look:
    """What each texel shows."""

    base: F32  # (t, 4) linear
    surface: F32  # (t, 3) occlusion, roughness, metallic
    emissive: F32 | None  # (t, 3) linear
    normal: F32  # (t, 3) unit, in the asset's frame

    @staticmethod
    def before(part: Part, atlas: Atlas) -> _Look:
        """As the part's material has it."""
        samples = SourceSamples(Asset((part,)))
        hits = samples.hits(atlas.face, atlas.barycentric)
        glow = samples.emissive(hits) if max(part.material.emissive) > 0 else None
        return _Look(samples.base_color(hits), samples.surface(hits), glow, _normals(part, atlas))

    def put(self, own: Mask, color: F32, surface: F32, normal: F32) -> None:
        """Replace the look of some texels; they glow no more, their occlusion stays."""
        self.base[own, :3], self.base[own, 3] = color, 1.0
        self.surface[own, 1:] = surface
        self.normal[own] = normal
        if self.emissive is not None:
            self.emissive[own] = 0.0

    def material(self, part: Part, atlas: Atlas, canvas: Canvas) -> Material:
        """The part's material with every map painted anew."""
        old = part.material
        see_through = old.alpha_mode != "OPAQUE" and bool((self.base[:, 3] < 1.0).any())
        curves = (SRGB, SRGB, SRGB, LINEAR) if see_through else (SRGB,) * 3
        packed = _map(canvas, self.surface, (LINEAR,) * 3, "occlusion_roughness_metallic")
        glow: dict[str, Any] = {"emissive": (0.0, 0.0, 0.0), "emissive_texture": None}
        if self.emissive is not None and (self.emissive > 0).any():
            peak = max(1.0, float(self.emissive.max()))
            glow = {
                "emissive": (peak,) * 3,
                "emissive_texture": _map(canvas, self.emissive / peak, (SRGB,) * 3, "emissive"),
            }
        return replace(
            old,
            base_color=(1.0, 1.0, 1.0, 1.0),
            metallic=1.0,
            roughness=1.0,
            base_color_texture=_map(canvas, self.base, curves, "base_color"),
            metallic_roughness_texture=packed,
            normal_texture=self._normal_map(part, atlas, canvas),
            normal_scale=1.0,
            occlusion_texture=None if old.occlusion_texture is None else packed,
            occlusion_strength=1.0,
            alpha_mode=old.alpha_mode if see_through else "OPAQUE",
            **glow,
        )

    def _normal_map(self, part: Part, atlas: Atlas, canvas: Canvas) -> Texture | None:
        flat, frames = canvas.blank(3), Frames.of(part)
        where = frames.normals, frames.tangents, atlas.face, atlas.barycentric
        farthest = paint_normals(flat, canvas.texel, *where, self.normal)
        return canvas.png(flat, "normal") if farthest > FLAT_STEPS else None


def _map(canvas: Canvas, values: F32, curves: tuple[U8, ...], name: str) -> Texture:
    flat = canvas.blank(len(curves))
    canvas.paint(flat, slice(None), values, curves)
    return canvas.png(flat, name)
