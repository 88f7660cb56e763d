"""Exports GLB, the master format: drawable surfaces with tangents where a normal map needs them, one file a level."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ml.asset import F32, Asset
from tasks.glb import encode_glb
from tasks.outputs import OutputFile, levels
from tasks.png_chunks import with_plain_maps
from tasks.surface import drawable
from tasks.tangents import with_tangents

__all__ = ["GlbOptions", "encode_glb", "export_glb"]


@dataclass(frozen=True)
class GlbOptions:
    """How a GLB is written."""

    lods: Literal["separate", "none"] = field(
        default="separate", metadata={"help": "write each LOD as STEM_LODn.glb, or only the full asset"}
    )
    copyright: str = field(default="", metadata={"help": "goes into the file's asset.copyright"})


def export_glb(asset: Asset, stem: str, options: GlbOptions = GlbOptions()) -> list[OutputFile]:
    """`stem.glb` and its LODs, with 0 errors and 0 warnings in the Khronos validator.

    Raises InputError `mesh.no-faces` for an asset without a face that has an area.
    """
    wanted = levels(asset, stem) if options.lods == "separate" else [(0, stem, asset)]
    return [
        OutputFile(f"{name}.glb", "glb", lod, _encoded(drawable(level), options.copyright))
        for lod, name, level in wanted
    ]


def _encoded(asset: Asset, copyright: str) -> bytes:
    """The validator warns of a normal map without tangents, because viewers then disagree on its orientation."""
    parts, tangents = list(asset.parts), dict[int, F32]()
    for index, part in enumerate(parts):
        material = with_plain_maps(part.material)
        parts[index] = part if material is part.material else replace(part, material=material)
        if material.normal_texture is not None:
            parts[index], tangents[index] = with_tangents(parts[index])
    return encode_glb(replace(asset, parts=tuple(parts)), copyright, tangents)
