"""Exports Wavefront OBJ with one MTL and its texture files; LODs are OBJ files of their own that share them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, Part
from tasks.image_files import file_name, unique_name
from tasks.mtl import MtlWriter
from tasks.number_rows import ANY, float_rows, int_rows
from tasks.outputs import OutputFile, levels
from tasks.provenance_fields import provenance_fields
from tasks.surface import drawable
from tasks.topology import weld
from tasks.vertex_colors import srgb_vertex_colors


@dataclass(frozen=True)
class ObjOptions:
    """How an OBJ is written."""

    lods: Literal["separate", "none"] = field(
        default="separate", metadata={"help": "write each LOD as STEM_LODn.obj, or only the full asset"}
    )


def export_obj(asset: Asset, stem: str, options: ObjOptions = ObjOptions()) -> list[OutputFile]:
    """`stem.obj` and its LODs, `stem.mtl`, and the textures, in metres and Y up.

    File names are made safe for MTL lines, which cannot quote. Raises InputError `mesh.no-faces`.
    """
    stem = file_name(stem, "asset")
    library = MtlWriter(stem)
    wanted = levels(asset, stem) if options.lods == "separate" else [(0, stem, asset)]
    meshes = [OutputFile(f"{name}.obj", "obj", lod, _encoded(drawable(level), library)) for lod, name, level in wanted]
    return [*meshes, library.library(), *library.images.files]


def _encoded(asset: Asset, library: MtlWriter) -> bytes:
    fields = [f"# {key}: {text}" for key, text in provenance_fields(asset.provenance).items()]
    head = "\n".join(["# Meshmill, metres, Y up", *fields, f"mtllib {library.stem}.mtl\n"])
    chunks = [head.encode("utf-8")]
    base = np.ones(3, dtype=np.int64)  # OBJ counts v, vt and vn from 1, each through the whole file
    taken: set[str] = set()
    mapped = any(part.uv is not None for part in asset.parts)
    for part in asset.parts:
        chunks.append(f"o {unique_name(part.name, taken, 'part')}\n".encode("ascii"))
        chunks += _part_lines(_with_coordinates(part) if mapped else part, library, base)
    return b"".join(chunks)


def _with_coordinates(part: Part) -> Part:
    """The part with some coordinates: VTK (f3d, ParaView) maps no part of a file in which one has none."""
    return part if part.uv is not None else replace(part, uv=np.zeros((len(part.vertices), 2), np.float32))


def _part_lines(part: Part, library: MtlWriter, base: npt.NDArray[np.int64]) -> list[bytes]:
    """The part's lines; `base` moves on by what they hold.

    Vertices that only UV or shading seams split are written once, so that importers see a connected surface.
    """
    assert part.normals is not None
    rows: npt.NDArray[Any]
    if part.colors is None:
        rows, position, _ = weld(part.vertices, part.faces)
    else:
        plain = replace(part, material=replace(part.material, base_color=(1.0, 1.0, 1.0, 1.0), base_color_texture=None))
        rows = np.concatenate([part.vertices, srgb_vertex_colors(plain)[:, :3] / np.float32(255)], axis=1)
        position = part.faces
    lines, columns = [_rows("v", rows)], [position + base[0]]
    if part.uv is not None:
        lines.append(_rows("vt", np.stack([part.uv[:, 0], 1.0 - part.uv[:, 1].astype(np.float64)], axis=1)))
        columns.append(part.faces + base[1])
    lines += [_rows("vn", part.normals, 6), f"usemtl {library.name(part.material)}\n".encode("ascii")]
    columns.append(part.faces + base[2])
    base += (len(rows), 0 if part.uv is None else len(part.uv), len(part.normals))
    return [*lines, _faces(columns)]


def _rows(keyword: str, values: npt.NDArray[Any], decimals: int = ANY) -> bytes:
    return float_rows(values, [f"{keyword} ", *[" "] * (values.shape[1] - 1), "\n"], decimals)


def _faces(columns: list[npt.NDArray[Any]]) -> bytes:
    corner = ["/"] * (len(columns) - 1) if len(columns) == 3 else ["//"]
    table = np.stack(columns, axis=2).reshape(len(columns[0]), -1)
    return int_rows(table, ["f ", *corner, " ", *corner, " ", *corner, "\n"])
