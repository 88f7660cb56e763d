"""UV unwrapping: one padded, non-overlapping atlas over the whole asset, its parts merged into one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import xatlas

from ml.asset import F32, I32, Asset, InputError, Material, Part
from ml.normals import face_crosses
from tasks.normals import split_hard_edges
from tasks.pack import pack_charts
from tasks.topology import degenerate_faces, face_components, half_edges, weld

# xatlas compares areas and lengths with absolute epsilons (1.2e-7): at 1024 units a face has to be 1e-13 of the
# asset's square to be ignored, while a 15 cm model fed in metres lost thousands and fell into 4× the charts.
XATLAS_EXTENT = 1024.0
# Four times xatlas' default. It checks a whole chart for each face it adds, so large smooth charts cost the square of
# their size; this ends them sooner: five smooth meshes of 20k faces took 0.8–1.6 CPU-s against 1.5–2.4 at half of it.
NORMAL_DEVIATION_WEIGHT = 8.0
# Above this many faces charts are also kept under the area of 2,000 average ones: at 30k faces 2.8–4.0 CPU-s become
# 1.9–2.1 and at 50k over 10 become 3.8, for up to a tenth of the utilisation, which is why smaller meshes go without.
MANY_FACES, CHART_FACES = 24_000, 2_000


@dataclass(frozen=True)
class UnwrapOptions:
    """`padding` counts texels between charts at `resolution`; `when` = needed leaves usable UVs alone."""

    resolution: int = field(default=1024, metadata={"min": 64, "max": 4096, "help": "texture edge to pack for, pixels"})
    padding: int = field(default=4, metadata={"min": 0, "max": 32, "help": "least gap between charts, pixels"})
    max_faces: int = field(
        default=50_000, metadata={"min": 100, "max": 200_000, "help": "refuse above: xatlas needs minutes there"}
    )
    when: Literal["needed", "always"] = field(
        default="needed", metadata={"help": "needed: keep an atlas or textured parts that already have UVs"}
    )


def unwrap(asset: Asset, options: UnwrapOptions = UnwrapOptions()) -> Asset:
    """The asset as ONE part with ONE atlas in 0–1; `source` becomes the asset before, for `bake` to read.

    Faces keep their order over the merged parts. Raises InputError `mesh.no-faces` or `uv.too-many-faces`.
    """
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    kept = usable_uvs(asset) if options.when == "needed" else ""
    if kept:
        return asset.noted(unwrap=kept)
    if asset.face_count > options.max_faces:
        message = f"{asset.face_count} faces; unwrapping takes at most {options.max_faces}: simplify first"
        raise InputError("uv.too-many-faces", message)
    parts = [part for part in asset.parts if len(part.faces)]
    shaded = [part if part.normals is not None else split_hard_edges(part) for part in parts]
    corner_uv, charts = _atlas(parts, options)
    merged = _merge(shaded, corner_uv, _common_material(asset.name, parts))
    result = replace(asset, parts=(merged,), lods=(), source=asset.source or asset)
    note = f"{len(parts)} parts into one atlas of {charts} charts"
    return result.noted(unwrap=note).measured({"uv.charts": charts, "uv.utilisation": _covered_area(corner_uv)})


def usable_uvs(asset: Asset) -> str:
    """Why the asset's UVs can stay: one part with UVs in 0–1, or untouched parts whose textures all have UVs."""
    if len(asset.parts) == 1 and _in_unit_square(asset.parts[0].uv):
        return "kept: one part with UVs in 0–1"
    textured = [part for part in asset.parts if part.material.textures]
    if asset.source is None and textured and all(part.uv is not None for part in textured):
        return "kept: every textured part has its UVs"
    return ""


def _in_unit_square(uv: F32 | None) -> bool:
    slack = 1e-4  # a tenth of a texel at 1024: exporters round
    return uv is not None and len(uv) > 0 and bool(np.all((uv >= -slack) & (uv <= 1 + slack)))


def _atlas(parts: list[Part], options: UnwrapOptions) -> tuple[F32, int]:
    """UVs of every face corner over all parts, (faces, 3, 2), and the number of charts."""
    welded = [weld(part.vertices, part.faces)[:2] for part in parts]
    proper = [~degenerate_faces(vertices, faces) for vertices, faces in welded]
    sizes = [len(keep) for keep in proper]
    shown = np.concatenate(proper)
    corners = np.zeros((len(shown), 3, 2), dtype=np.float32)
    flat, chart = _flattened([(vertices, faces[keep]) for (vertices, faces), keep in zip(welded, proper, strict=True)])
    if len(flat):
        corners[shown] = pack_charts(flat, chart, options.padding / options.resolution)
    for (_, faces), keep, uv in zip(welded, proper, np.split(corners, np.cumsum(sizes)[:-1]), strict=True):
        if keep.any() and not keep.all():
            uv[~keep] = _borrowed(uv[keep], faces[keep], faces[~keep])
    return corners, int(chart.max(initial=-1)) + 1


def _flattened(meshes: list[tuple[F32, I32]]) -> tuple[F32, I32]:
    """Flat corners (m, 3, 2) of the faces of all meshes at one scale, and the chart of each face."""
    meshes = [(vertices, faces) for vertices, faces in meshes if len(faces)]
    if not meshes:
        return np.zeros((0, 3, 2), np.float32), np.zeros(0, np.int32)
    atlas = _charted(meshes)
    corners, charts, count = [], [], 0
    for mesh in range(len(meshes)):
        _, indices, uv = atlas.get_mesh(mesh)
        faces = indices.astype(np.int32)
        own = face_components(faces, *half_edges(faces, len(uv)))  # xatlas shares no vertex between charts
        corners.append(uv[faces] * np.array([atlas.width, atlas.height], dtype=np.float32))
        charts.append(own + count)
        count += int(own.max()) + 1
    return np.concatenate(corners), np.concatenate(charts)


def _charted(meshes: list[tuple[F32, I32]]) -> xatlas.Atlas:
    """The meshes cut into charts and flattened, which xatlas also packs, in a way we do not use."""
    used = np.concatenate([vertices[faces].reshape(-1, 3) for vertices, faces in meshes])
    low = used.min(axis=0)
    scale = XATLAS_EXTENT / max(float((used.max(axis=0) - low).max()), 1e-30)
    atlas, area = xatlas.Atlas(), 0.0
    for vertices, faces in meshes:
        scaled = ((vertices - low) * scale).astype(np.float32)
        area += 0.5 * float(np.linalg.norm(face_crosses(scaled, faces), axis=1).sum())
        atlas.add_mesh(scaled, faces.astype(np.uint32))
    options, count = xatlas.ChartOptions(), len(used) // 3
    options.normal_deviation_weight = NORMAL_DEVIATION_WEIGHT
    options.max_chart_area = area * CHART_FACES / count if count > MANY_FACES else 0.0
    atlas.generate(options, xatlas.PackOptions())
    return atlas


def _borrowed(corner_uv: F32, faces: I32, bare: I32) -> F32:
    """UVs for zero-area faces: each corner takes the UV of some proper face at its position (they show nothing)."""
    table = np.zeros((max(int(faces.max()), int(bare.max(initial=0))) + 1, 2), dtype=np.float32)
    table[faces.reshape(-1)[::-1]] = corner_uv.reshape(-1, 2)[::-1]
    return table[bare]


def _merge(parts: list[Part], corner_uv: F32, material: Material) -> Part:
    """One part with a vertex for each different (position, normal, UV); vertices in order of first use."""
    corners = [part.faces.reshape(-1) for part in parts]
    position = np.concatenate([part.vertices[c] for part, c in zip(parts, corners, strict=True)])
    normal = np.concatenate([_normals(part)[c] for part, c in zip(parts, corners, strict=True)])
    record = np.concatenate([position, normal, corner_uv.reshape(-1, 2)], axis=1).astype(np.float32) + np.float32(0)
    rows = record.view(np.dtype((np.void, 32))).reshape(-1)  # + 0 above made −0 equal 0 bit by bit
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    by_use = np.argsort(first, kind="stable")
    rank = np.empty_like(by_use)
    rank[by_use] = np.arange(len(by_use))
    vertex = record[first[by_use]]
    faces = np.ascontiguousarray(rank[inverse].reshape(-1, 3), dtype=np.int32)
    position, normal, uv = (np.ascontiguousarray(vertex[:, a:b]) for a, b in ((0, 3), (3, 6), (6, 8)))
    return Part(position, faces, material, "atlas", normals=normal, uv=uv)


def _normals(part: Part) -> F32:
    assert part.normals is not None  # `unwrap` shaded every part
    return part.normals


def _common_material(name: str, parts: list[Part]) -> Material:
    """The parts' one material when they share it without textures, else a neutral one until `bake` paints it."""
    first = parts[0].material
    if not first.textures and all(part.material == first for part in parts):
        return first
    return Material(name=name, double_sided=any(part.material.double_sided for part in parts))


def _covered_area(corner_uv: F32) -> float:
    """Share of the unit square that charts cover, by the triangles' UV areas."""
    a, b = corner_uv[:, 1] - corner_uv[:, 0], corner_uv[:, 2] - corner_uv[:, 0]
    return float(0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(dtype=np.float64))
