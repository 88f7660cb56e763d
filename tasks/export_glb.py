"""Exports GLB, the master format: drawable surfaces with tangents where a normal map needs them, LODs as asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml.asset import Asset
from tasks.engine_names import Engine
from tasks.glb import PlainMeshes, asset_head, encode_glb, with_xmp
from tasks.gltf_document import GltfDocument, glb_container
from tasks.gltf_materials import MaterialWriter, embedded
from tasks.gltf_scene import Level, Lods, lay_out, prepared
from tasks.outputs import OutputFile, levels

__all__ = ["GlbOptions", "encode_glb", "export_glb", "files_of_levels"]


@dataclass(frozen=True)
class GlbOptions:
    """How a GLB is written."""

    lods: Lods = field(
        default="separate",
        metadata={"help": "each LOD as STEM_LODn.glb, none of them, or all in one file: as MSFT_lod or as siblings"},
    )
    engine: Engine = field(
        default="none", metadata={"help": "whose naming rules LODs in one file and collision bodies follow"}
    )
    copyright: str = field(default="", metadata={"help": "goes into asset.copyright instead of the asset's own"})


def export_glb(asset: Asset, stem: str, options: GlbOptions = GlbOptions()) -> list[OutputFile]:
    """`stem.glb` and its LODs, with 0 errors and 0 warnings in the Khronos validator.

    Raises InputError `mesh.no-faces` for an asset without a face that has an area, `mesh.too-large` beyond 4 GB.
    """
    return [
        OutputFile(f"{name}.glb", "glb", lod, _encoded(shown, options))
        for lod, name, shown in files_of_levels(asset, stem, options.lods)
    ]


def files_of_levels(asset: Asset, stem: str, lods: Lods) -> list[tuple[int, str, list[Asset]]]:
    """(level, file stem, the levels it holds) of each file to write."""
    if lods == "separate":
        return [(lod, name, [level]) for lod, name, level in levels(asset, stem)]
    return [(0, stem, [asset] if lods == "none" else [asset, *asset.lods])]


def _encoded(shown: list[Asset], options: GlbOptions) -> bytes:
    ready: list[Level] = [prepared(level) for level in shown]
    top = ready[0].asset
    document = GltfDocument()
    meshes = PlainMeshes(document, MaterialWriter(document, embedded(document)))
    lay_out(document, ready, options.lods, options.engine, meshes.add)
    made = document.finish(asset_head(document, top, options.copyright), top.name)
    with_xmp(made, top)
    return glb_container(made, document.blobs, document.length)
