"""UV unwrapping: one padded, non-overlapping atlas over the whole asset, its parts merged into one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ml.asset import F32, Asset, InputError, Material, Part
from tasks.normals import split_hard_edges
from tasks.uv_layout import Layout, laid_out, shared_corners
from tasks.uv_lightmap import lightmapped
from tasks.uv_xatlas import MOST_FACES


@dataclass(frozen=True)
class UnwrapOptions:
    """How to cut, flatten and pack.

    `padding` counts texels between charts at `resolution`. At mip level k a bilinear sample reaches 1.5·2ᵏ texels
    beyond a chart, and the gutter of the next chart begins halfway: levels up to log2(padding / 3) are clean, 6 texels
    for one level, 12 for two, 24 for three, besides the full size; the metric `uv.mip_levels` counts them all.
    """

    resolution: int = field(default=1024, metadata={"min": 64, "max": 8192, "help": "texture edge to pack for, pixels"})
    padding: int = field(default=4, metadata={"min": 0, "max": 64, "help": "least gap between charts, pixels"})
    method: Literal["charts", "xatlas"] = field(
        default="charts", metadata={"help": f"charts: our own; xatlas: the library, up to {MOST_FACES} faces"}
    )
    parameterisation: Literal["auto", "planar", "lscm"] = field(
        default="auto",
        metadata={"help": "auto: least stretch; planar: projections; lscm: angles kept (not for xatlas)"},
    )
    max_faces: int = field(default=1_000_000, metadata={"min": 100, "max": 4_000_000, "help": "refuse above"})
    when: Literal["needed", "always"] = field(
        default="needed", metadata={"help": "needed: keep an atlas or textured parts that already have UVs"}
    )
    lightmap: bool = field(default=False, metadata={"help": "also lay out a second UV set for baked light"})
    lightmap_resolution: int = field(default=512, metadata={"min": 32, "max": 4096, "help": "its edge, pixels"})


def unwrap(asset: Asset, options: UnwrapOptions = UnwrapOptions()) -> Asset:
    """The asset as ONE part with ONE atlas in 0–1; `source` becomes the asset before, for `bake` to read.

    Faces keep their order over the merged parts. With `lightmap` each part also gets `uv1`, in which no face lies on
    another, whatever its textures do. Raises InputError `mesh.no-faces` or `uv.too-many-faces`.
    """
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    kept = usable_uvs(asset) if options.when == "needed" else ""
    limit = options.max_faces if options.method == "charts" else min(options.max_faces, MOST_FACES)
    if asset.face_count > limit and (options.lightmap or not kept):
        message = f"{asset.face_count} faces; unwrapping takes at most {limit}: simplify first"
        raise InputError("uv.too-many-faces", message)
    parts = [part for part in asset.parts if len(part.faces)]
    if kept and not options.lightmap:
        return asset.noted(unwrap=kept)
    layout = laid_out(parts, options.method, options.parameterisation)
    if kept:
        return replace(asset, parts=lightmapped(parts, layout, options.lightmap_resolution)).noted(unwrap=kept)
    return _atlas(asset, parts, layout, options)


def _atlas(asset: Asset, parts: list[Part], layout: Layout, options: UnwrapOptions) -> Asset:
    """The parts merged under the packed layout, with its measures."""
    shaded = [part if part.normals is not None else split_hard_edges(part) for part in parts]
    corner_uv = layout.packed(options.padding / options.resolution)
    merged: tuple[Part, ...] = (_merge(shaded, corner_uv, _common_material(asset.name, parts)),)
    if options.lightmap:
        merged = lightmapped(merged, layout, options.lightmap_resolution)
    result = replace(asset, parts=merged, lods=(), source=asset.source or asset)
    note = f"{len(parts)} parts into one atlas of {layout.charts} charts"
    return result.noted(unwrap=note).measured(layout.measures(corner_uv, options.padding, options.resolution))


def usable_uvs(asset: Asset) -> str:
    """Why the asset's UVs can stay: one part with UVs in 0–1, or untouched parts whose textures all have UVs."""
    if len(asset.parts) == 1 and in_unit_square(asset.parts[0].uv):
        return "kept: one part with UVs in 0–1"
    textured = [part for part in asset.parts if part.material.textures]
    if asset.source is None and textured and all(part.uv is not None for part in textured):
        return "kept: every textured part has its UVs"
    return ""


def in_unit_square(uv: F32 | None) -> bool:
    """Whether there are UVs, all in 0–1."""
    slack = 1e-4  # a tenth of a texel at 1024: exporters round
    return uv is not None and len(uv) > 0 and bool(np.all((uv >= -slack) & (uv <= 1 + slack)))


def _merge(parts: list[Part], corner_uv: F32, material: Material) -> Part:
    """One part with a vertex for each different (position, normal, UV); vertices in order of first use."""
    corners = [part.faces.reshape(-1) for part in parts]
    position = np.concatenate([part.vertices[c] for part, c in zip(parts, corners, strict=True)]) + np.float32(0)
    normal = np.concatenate([_normals(part)[c] for part, c in zip(parts, corners, strict=True)]) + np.float32(0)
    uv = corner_uv.reshape(-1, 2)
    faces, kept = shared_corners(position, normal, uv)
    return Part(position[kept], faces, material, "atlas", normals=normal[kept], uv=uv[kept])


def _normals(part: Part) -> F32:
    assert part.normals is not None  # `_atlas` shaded every part
    return part.normals


def _common_material(name: str, parts: list[Part]) -> Material:
    """The parts' one material when they share it without textures, else a neutral one until `bake` paints it."""
    first = parts[0].material
    if not first.textures and all(part.material == first for part in parts):
        return first
    return Material(name=name, double_sided=any(part.material.double_sided for part in parts))
