"""Exports glTF as separate files: a .gltf, its .bin and the texture files, which all levels share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml.asset import Asset
from tasks.engine_names import Engine
from tasks.export_glb import files_of_levels
from tasks.glb import PlainMeshes, asset_head, with_xmp
from tasks.gltf_document import GltfDocument, Json, json_text
from tasks.gltf_materials import Encoded, MaterialWriter
from tasks.gltf_scene import Lods, lay_out, prepared
from tasks.image_files import ImageFiles, file_name
from tasks.outputs import OutputFile


@dataclass(frozen=True)
class GltfOptions:
    """How a glTF is written."""

    lods: Lods = field(
        default="separate",
        metadata={"help": "each LOD as STEM_LODn.gltf, none of them, or all in one file: as MSFT_lod or as siblings"},
    )
    engine: Engine = field(
        default="none", metadata={"help": "whose naming rules LODs in one file and collision bodies follow"}
    )
    copyright: str = field(default="", metadata={"help": "goes into asset.copyright instead of the asset's own"})


def export_gltf(asset: Asset, stem: str, options: GltfOptions = GltfOptions()) -> list[OutputFile]:
    """`stem.gltf`, `stem.bin` and textures as they are encoded, under names safe in a URI and on every disk.

    Raises InputError `mesh.no-faces`.
    """
    stem = file_name(stem, "asset")
    textures = TextureFiles(stem)
    files = []
    for lod, name, shown in files_of_levels(asset, stem, options.lods):
        ready = [prepared(level) for level in shown]
        top = ready[0].asset
        document = GltfDocument()
        meshes = PlainMeshes(document, MaterialWriter(document, textures.place))
        lay_out(document, ready, options.lods, options.engine, meshes.add)
        made = document.finish(asset_head(document, top, options.copyright), top.name, f"{name}.bin")
        with_xmp(made, top)
        files.append(OutputFile(f"{name}.gltf", "gltf", lod, json_text(made)))
        files.append(OutputFile(f"{name}.bin", "bin", lod, document.binary()))
    return files + textures.images.files


@dataclass
class TextureFiles:
    """Texture files beside a .gltf, each content once."""

    stem: str
    images: ImageFiles = field(default_factory=ImageFiles)

    def place(self, image: Encoded, name: str) -> Json:
        """The image's JSON; its bytes become a file unless they are one already."""
        uri = self.images.name(image.data, image.mime, f"{self.stem}_{name or 'texture'}")
        spec: Json = {"uri": uri, "mimeType": image.mime}
        return {**spec, "name": name} if name else spec
