"""Exports PLY: binary little-endian, metres, Y up, with normals and the visible colour of each vertex."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.asset import Asset
from tasks.outputs import OutputFile, levels
from tasks.provenance_fields import provenance_fields
from tasks.surface import drawable
from tasks.vertex_colors import srgb_vertex_colors

VERTEX = np.dtype([("position", "<f4", (3,)), ("normal", "<f4", (3,)), ("color", "u1", (4,))])
FACE = np.dtype([("count", "u1"), ("corners", "<i4", (3,))])
HEADER = """ply
format binary_little_endian 1.0
comment Meshmill, metres, Y up, sRGB colours
{comments}element vertex {vertices}
property float x
property float y
property float z
property float nx
property float ny
property float nz
property uchar red
property uchar green
property uchar blue
property uchar alpha
element face {faces}
property list uchar int vertex_indices
end_header
"""


@dataclass(frozen=True)
class PlyOptions:
    """How a PLY is written."""

    lods: Literal["separate", "none"] = field(
        default="none", metadata={"help": "write each LOD as STEM_LODn.ply, or only the full asset"}
    )


def export_ply(asset: Asset, stem: str, options: PlyOptions = PlyOptions()) -> list[OutputFile]:
    """`stem.ply` (and LODs when asked), all parts in one mesh; raises InputError `mesh.no-faces`."""
    wanted = levels(asset, stem) if options.lods == "separate" else [(0, stem, asset)]
    return [OutputFile(f"{name}.ply", "ply", lod, _encoded(drawable(level))) for lod, name, level in wanted]


def _encoded(asset: Asset) -> bytes:
    _, faces, _ = asset.merged()
    vertices = np.empty(asset.vertex_count, VERTEX)
    vertices["position"] = np.concatenate([part.vertices for part in asset.parts])
    vertices["normal"] = np.concatenate([part.normals for part in asset.parts if part.normals is not None])
    vertices["color"] = np.concatenate([srgb_vertex_colors(part) for part in asset.parts])
    table = np.empty(len(faces), FACE)
    table["count"], table["corners"] = 3, faces
    fields = provenance_fields(asset.provenance)
    comments = "".join(f"comment {key}: {text}\n" for key, text in fields.items())
    header = HEADER.format(vertices=len(vertices), faces=len(faces), comments=comments)
    return header.encode("ascii", "backslashreplace") + vertices.tobytes() + table.tobytes()
