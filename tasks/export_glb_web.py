"""Exports GLB for delivery: quantised or compressed geometry, WebP or KTX2 textures, decoded again and compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ml.asset import Asset, Part, Texture
from tasks.draco import DracoMeshes
from tasks.engine_names import Engine
from tasks.export_glb import files_of_levels
from tasks.glb import PlainMeshes, asset_head, with_xmp
from tasks.gltf_document import GltfDocument, glb_container
from tasks.gltf_materials import Encoded, MaterialWriter, embedded, without_defaults
from tasks.gltf_scene import Level, Lods, lay_out, prepared, reading_order
from tasks.outputs import OutputFile
from tasks.packed_check import Loss, check
from tasks.packed_meshes import MeshoptMeshes, QuantizedMeshes
from tasks.quantize import Grid, Packing, position_grid, uv_grids
from tasks.texture_ktx2 import ktx2
from tasks.texture_webp import webp

BITS = {"min": 8, "max": 16}


@dataclass(frozen=True)
class GlbWebOptions:
    """How a GLB for delivery is written."""

    geometry: Literal["none", "quantized", "meshopt", "draco"] = field(
        default="meshopt", metadata={"help": "how meshes are compressed"}
    )
    textures: Literal["keep", "webp", "ktx2"] = field(
        default="webp", metadata={"help": "how images are compressed: WebP loads fastest, KTX2 stays small on the GPU"}
    )
    lods: Lods = field(default="none", metadata={"help": "as for the GLB; most viewers show one level"})
    engine: Engine = field(default="none", metadata={"help": "whose naming rules LODs and collision bodies follow"})
    copyright: str = field(default="", metadata={"help": "goes into asset.copyright instead of the asset's own"})
    position_bits: int = field(default=14, metadata={**BITS, "help": "grid over the longest side"})
    uv_bits: int = field(default=12, metadata={**BITS, "help": "grid over a material's coordinates"})
    normal_bits: int = field(default=8, metadata={**BITS, "help": "of each octahedral coordinate"})
    quality: int = field(default=85, metadata={"min": 1, "max": 100, "help": "of WebP"})


class TextureCodec:
    """Encodes each image of a file once, and keeps what it lost."""

    def __init__(self, encode: Callable[[Texture, bool], tuple[Encoded, float]]) -> None:
        self.made: dict[tuple[bytes, bool], Encoded] = {}
        self.psnr = float("inf")
        self._encode = encode

    def __call__(self, texture: Texture, srgb: bool) -> Encoded:
        """The image to write."""
        key = (texture.data, srgb)
        if key not in self.made:
            self.made[key], psnr = self._encode(texture, srgb)
            self.psnr = min(self.psnr, psnr)
        return self.made[key]


def export_glb_web(asset: Asset, stem: str, options: GlbWebOptions = GlbWebOptions()) -> list[OutputFile]:
    """`stem_web.glb` and, where asked for, its levels; each file is read back before it counts.

    Raises InputError `mesh.no-faces`, and `export.lossy` for a file that would not show what the asset is: other
    triangles, vertices farther than half a step of the grid, normals turned farther than their bits explain.
    """
    codec = TextureCodec(_encoder(options))
    files = []
    for lod, name, shown in files_of_levels(asset, stem, options.lods):
        levels = [prepared(level) for level in shown]
        data, loss = _written(levels, options, codec)
        files.append(OutputFile(f"{name}_web.glb", "glb_web", lod, data, _metrics(loss, codec.psnr)))
    return files


def _encoder(options: GlbWebOptions) -> Callable[[Texture, bool], tuple[Encoded, float]]:
    if options.textures == "ktx2":
        return ktx2
    if options.textures == "webp":
        return lambda texture, srgb: webp(texture, options.quality)
    return lambda texture, srgb: (Encoded(texture.data, texture.mime), float("inf"))


def _written(levels: list[Level], options: GlbWebOptions, codec: TextureCodec) -> tuple[bytes, Loss]:
    assets, top = [level.asset for level in levels], levels[0].asset
    packing = _packing(assets, options)
    document = GltfDocument()
    materials = MaterialWriter(document, embedded(document), codec)
    meshes = _meshes(document, materials, options, packing)
    lay_out(document, levels, options.lods, options.engine, meshes.add)
    if isinstance(meshes, QuantizedMeshes):
        meshes.close()
    document.materials = [without_defaults(spec) for spec in document.materials]
    made = document.finish(asset_head(document, top, options.copyright), top.name)
    with_xmp(made, top)
    data = glb_container(made, document.blobs, document.length)
    parts = reading_order(levels, options.lods, options.engine)
    return data, check(parts, data, packing, materials.images)


def _metrics(loss: Loss, psnr: float) -> dict[str, float]:
    found = {"web.position_error": loss.position, "web.uv_error": loss.uv, "web.normal_error": loss.normal}
    return found if math.isinf(psnr) else {**found, "web.psnr": psnr}


def _packing(assets: list[Asset], options: GlbWebOptions) -> Packing | None:
    """Grids of texture coordinates are a material's, or for Draco, which knows no material, each part's own."""
    if options.geometry == "none":
        return None
    by_material = uv_grids(assets, options.uv_bits)

    def uv_grid(part: Part) -> Grid | None:
        if part.uv is None:
            return None
        own = options.geometry == "draco"
        return Grid.over([part.uv], options.uv_bits) if own else by_material.get(part.material)

    return Packing(position_grid(assets, options.position_bits), uv_grid, options.normal_bits)


def _meshes(
    document: GltfDocument, materials: MaterialWriter, options: GlbWebOptions, packing: Packing | None
) -> PlainMeshes | QuantizedMeshes | DracoMeshes:
    if packing is None:
        return PlainMeshes(document, materials)
    if options.geometry == "draco":
        return DracoMeshes(document, materials, packing)
    return (MeshoptMeshes if options.geometry == "meshopt" else QuantizedMeshes)(document, materials, packing)
