"""Baking: the source's colours, PBR values and normals transferred into the textures of a new UV atlas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ml.asset import F32, Asset, InputError, Material, Part, Texture
from tasks.ambient_occlusion import ambient_occlusion
from tasks.bake_canvas import LINEAR, SRGB, Atlas, Canvas, make_atlas
from tasks.bake_normals import FLAT_STEPS, Frames, SourceNormals, paint_normals, same_shading
from tasks.box_tree import face_order
from tasks.bvh_nodes import leaf_order
from tasks.normals import split_hard_edges
from tasks.ray_tree import RayTree, build_ray_tree
from tasks.source_samples import FACING_PENALTY, Hits, SourceSamples
from tasks.texel_areas import texel_areas
from tasks.texel_projection import Projection, project

SAME_GEOMETRY = 1e-6  # of the diagonal: float32 rounding of a transform applied to both meshes
BLOCK = 1 << 17  # texels shaded at once: their values stay in the cache, and memory does not grow with the atlas
Map = Literal["base_color", "normal", "surface", "emissive"]


@dataclass(frozen=True)
class BakeOptions:
    """`resolution` is the atlas' edge; `maps` chooses which of the source's maps are baked."""

    resolution: int = field(default=1024, metadata={"min": 64, "max": 4096, "help": "texture width and height, pixels"})
    maps: Literal["all", "base_color"] | tuple[Map, ...] = field(
        default="all",
        metadata={"help": "all, or some of base_color, normal, surface (occlusion-roughness-metallic), emissive"},
    )
    color_format: Literal["png", "jpeg"] = field(
        default="png", metadata={"help": "jpeg: quality 92, full chroma, a fifth of the bytes; opaque base colour only"}
    )
    ambient_occlusion: float = field(
        default=0.0, metadata={"min": 0.0, "max": 1.0, "help": "how much of it to bake into the red channel; 0: none"}
    )
    occlusion_distance: float = field(
        default=0.5, metadata={"min": 0.001, "max": 10.0, "help": "what lies farther does not occlude, diagonals"}
    )

    def has(self, name: Map) -> bool:
        """Whether a map is asked for."""
        return self.maps == "all" or name in ((self.maps,) if isinstance(self.maps, str) else self.maps)


def bake(asset: Asset, options: BakeOptions = BakeOptions()) -> Asset:
    """The asset with ONE material whose textures show the source's; untouched when it has no source.

    Base colour (sRGB), tangent-space normals (MikkTSpace, +Y up), occlusion-roughness-metallic and emissive, the last
    three only where they vary (else factors), are read where each texel's ray along the smooth normal meets the source,
    or at its closest point. Raises InputError `bake.no-uv` without one part with UVs.
    """
    source = asset.source
    if source is None or not source.face_count:
        return asset
    if len(asset.parts) != 1 or asset.parts[0].uv is None:
        raise InputError("bake.no-uv", f"{len(asset.parts)} parts; baking needs one part with an atlas: unwrap first")
    part = asset.parts[0] if asset.parts[0].normals is not None else split_hard_edges(asset.parts[0])
    baker = _baker(part, SourceSamples(source), options)
    used = [own.material for own, seen in zip(source.parts, baker.seen, strict=True) if seen]
    material = _surface(asset.name, used)
    if options.has("base_color"):
        material = replace(material, **base_color(baker, used, options.color_format == "jpeg"))
    if options.has("surface"):
        open_share = _openness(baker, options) if options.ambient_occlusion > 0 else None
        material = replace(material, **surface_maps(baker, used, open_share))
    if options.has("emissive"):
        material = replace(material, **emissive(baker, used))
    if options.has("normal"):
        material = replace(material, **normal_map(baker))
    baked = replace(part, material=material, colors=None)
    result = replace(asset, parts=(baked,)).noted(bake=f"{options.resolution} px, {baker.path}")
    coverage = len(baker.canvas.texel) / options.resolution**2
    return result.measured({"bake.resolution": options.resolution, "bake.coverage": coverage})


@dataclass(frozen=True)
class Baker:
    """The low part's texels and where on the source each of them lands."""

    part: Part
    atlas: Atlas
    samples: SourceSamples
    canvas: Canvas
    tree: RayTree | None  # of the source, where rays are cast
    found: Projection
    same: bool  # whether the source has the same triangles
    path: str  # how texels found their places

    @cached_property
    def normals(self) -> SourceNormals:
        """The source's normals, found once for the two maps that need them."""
        return SourceNormals(self.samples)

    @property
    def seen(self) -> list[bool]:
        """Whether each part of the source has a texel."""
        seen = np.zeros(len(self.samples.source.parts), np.bool_)
        for _, hits in self.blocks:
            seen[hits.owner] = True
        return [bool(value) for value in seen]

    @cached_property
    def blocks(self) -> list[tuple[slice, Hits]]:
        """The texels, BLOCK by BLOCK."""
        slices = [slice(start, start + BLOCK) for start in range(0, len(self.found.face), BLOCK)]
        return [(rows, self.samples.hits(self.found.face[rows], self.found.barycentric[rows])) for rows in slices]

    def painted(self, read: Callable[[Hits], F32], curves: tuple[Any, ...]) -> tuple[Any, F32]:
        """A map, (size², channels) before its gutters, of what `read` finds at the hits; the first texel's value."""
        flat = self.canvas.blank(len(curves))
        first = np.zeros(len(curves), np.float32)
        for rows, hits in self.blocks:
            values = read(hits)
            self.canvas.paint(flat, rows, values, curves)
            if rows.start == 0:
                first = values[0]
        return flat, first


def _baker(part: Part, samples: SourceSamples, options: BakeOptions) -> Baker:
    """Texels mapped one to one when both meshes have the same triangles, else projected."""
    assert part.uv is not None
    atlas, canvas = make_atlas(part, options.resolution)
    samples = replace(samples, density=len(atlas.face) / max(texel_areas(part)[1], 1e-300))
    vertices, faces, _ = samples.merged
    arranged = leaf_order if options.ambient_occlusion > 0 else face_order
    if _same_geometry(part, vertices, faces):
        found = Projection.of_itself(atlas.face, atlas.barycentric)
        needed = build_ray_tree(vertices, faces, arranged) if options.ambient_occlusion > 0 else None
        return Baker(part, atlas, samples, canvas, needed, found, True, "same triangles")
    tree = build_ray_tree(vertices, faces, arranged)
    found = project(part, atlas.face, atlas.barycentric, tree, vertices, faces, FACING_PENALTY)
    path = f"projected, {found.missed / max(len(atlas.face), 1):.1%} closest points"
    return Baker(part, atlas, samples, canvas, tree, found, False, path)


def _same_geometry(part: Part, vertices: Any, faces: Any) -> bool:
    if len(part.faces) != len(faces):
        return False
    corners = vertices[faces]
    tolerance = SAME_GEOMETRY * float(np.linalg.norm(np.ptp(corners.reshape(-1, 3), axis=0)))
    return bool(np.abs(part.vertices[part.faces] - corners).max() <= tolerance)


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


def base_color(baker: Baker, used: list[Material], jpeg: bool) -> dict[str, Any]:
    """Base colour map with alpha where a used material is not opaque."""
    see_through = any(m.alpha_mode != "OPAQUE" for m in used)
    curves = (SRGB, SRGB, SRGB, LINEAR) if see_through else (SRGB, SRGB, SRGB)
    flat, _ = baker.painted(baker.samples.base_color, curves)
    finish = baker.canvas.jpeg if jpeg and not see_through else baker.canvas.png
    return {"base_color": (1.0, 1.0, 1.0, 1.0), "base_color_texture": finish(flat, "base_color")}


def _openness(baker: Baker, options: BakeOptions) -> F32:
    """(t,) what ambient occlusion leaves of the light at each texel."""
    assert baker.tree is not None
    vertices, faces, _ = baker.samples.merged
    texel, reach = baker.canvas.texel, options.occlusion_distance * baker.tree.diagonal
    shading = baker.normals.smooth
    found = ambient_occlusion(baker.tree, (vertices, faces), baker.found, shading, texel, options.resolution, reach)
    return np.float32(1) - np.float32(options.ambient_occlusion) * (np.float32(1) - found)


def surface_maps(baker: Baker, used: list[Material], open_share: F32 | None = None) -> dict[str, Any]:
    """Occlusion (R), roughness (G) and metallic (B) in one map, or plain factors when none varies.

    `open_share` (t,) multiplies the source's own occlusion; where it alone varies, it gets a map of one channel.
    """
    factors = {(m.roughness, m.metallic) for m in used}
    varies = any(m.metallic_roughness_texture or m.occlusion_texture or m.looks for m in used)
    if len(factors) == 1 and not varies:
        plain = dict(zip(("roughness", "metallic"), factors.pop(), strict=True))
        return plain if open_share is None else {**plain, "occlusion_texture": _occlusion_map(baker, open_share)}
    flat, first = baker.painted(baker.samples.surface, (LINEAR, LINEAR, LINEAR))
    if open_share is not None:
        baker.canvas.darken(flat, open_share)
    if baker.canvas.is_plain(flat):
        return {"roughness": float(first[1]), "metallic": float(first[2])}
    texture = baker.canvas.png(flat, "occlusion_roughness_metallic")
    maps = {"roughness": 1.0, "metallic": 1.0, "metallic_roughness_texture": texture}
    occluded = open_share is not None or any(m.occlusion_texture is not None for m in used)
    return {**maps, "occlusion_texture": texture} if occluded else maps


def _occlusion_map(baker: Baker, open_share: F32) -> Texture:
    flat = baker.canvas.blank(1)
    baker.canvas.paint(flat, slice(None), open_share[:, None], (LINEAR,))
    return baker.canvas.png(flat, "occlusion")


def emissive(baker: Baker, used: list[Material]) -> dict[str, Any]:
    """The emissive map, or nothing when no used material glows; what shines brighter than 1 scales the map's factor."""
    brightest = max(1.0 if m.looks else max(m.emissive) for m in used)
    if brightest <= 0:
        return {}
    scale = max(brightest, 1.0)
    read = baker.samples.emissive if scale == 1.0 else lambda hits: baker.samples.emissive(hits) / np.float32(scale)
    flat, first = baker.painted(read, (SRGB, SRGB, SRGB))
    if baker.canvas.is_plain(flat):
        return {"emissive": tuple(float(v) * scale for v in first)}
    return {"emissive": (scale, scale, scale), "emissive_texture": baker.canvas.png(flat, "emissive")}


def normal_map(baker: Baker) -> dict[str, Any]:
    """The tangent-space normal map, or nothing where the low mesh's own normals say the same."""
    if baker.same and same_shading(baker.part, baker.samples.source):
        return {}
    frames, source = Frames.of(baker.part), baker.normals
    flat, farthest = baker.canvas.blank(3), 0
    for rows, _ in baker.blocks:
        own, weights = baker.atlas.face[rows], baker.atlas.barycentric[rows]
        wanted = source.at(baker.found.rows(rows))
        texel = baker.canvas.texel[rows]
        farthest = max(farthest, paint_normals(flat, texel, frames.normals, frames.tangents, own, weights, wanted))
    if farthest <= FLAT_STEPS:
        return {}
    return {"normal_texture": baker.canvas.png(flat, "normal"), "normal_scale": 1.0}
