"""Encodes an asset as GLB bytes exactly as it is: the hand-over between machines, and the parts of every GLB export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, InputError, Part
from tasks.gltf_document import GltfDocument, Json, glb_container
from tasks.gltf_materials import MaterialWriter, embedded
from tasks.gltf_scene import Level, lay_out
from tasks.xmp import xmp_packet


def encode_glb(asset: Asset, copyright: str = "", tangents: Mapping[int, F32] | None = None) -> bytes:
    """A GLB of every part that has faces, with the asset's name and notes in `asset.extras`; deterministic bytes.

    `tangents` holds (n, 4) frames by part index, for the parts that need them.

    Levels of detail travel by MSFT_lod; collision bodies, `source`, metrics and findings do not.
    `ml.readers.gltf.read_glb` gives the same parts, materials, texture bytes and provenance back. Raises InputError
    `mesh.no-faces`, `mesh.too-large`.
    """
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the asset has no faces to write")
    document = GltfDocument()
    meshes = PlainMeshes(document, MaterialWriter(document, embedded(document)))
    levels = [Level(replace(asset, collision=()), tangents or {}), *map(Level, asset.lods)]
    lay_out(document, levels, "msft", "none", meshes.add)
    made = document.finish(asset_head(document, asset, copyright), asset.name)
    with_xmp(made, asset)
    return glb_container(made, document.blobs, document.length)


def asset_head(document: GltfDocument, asset: Asset, copyright: str) -> Json:
    """The JSON's `asset` object, and word of the packet that `with_xmp` adds."""
    extras = {"meshmill": {"name": asset.name, "notes": dict(asset.notes)}}
    head: Json = {"version": "2.0", "generator": "Meshmill", "extras": extras}
    holder = copyright or asset.provenance.copyright
    if holder:
        head["copyright"] = holder
    if xmp_packet(asset.provenance):
        document.used.add("KHR_xmp_json_ld")
        head["extensions"] = {"KHR_xmp_json_ld": {"packet": 0}}
    return head


def with_xmp(document: Json, asset: Asset) -> None:
    """Add the asset's XMP packet, if it has one."""
    packet = xmp_packet(asset.provenance)
    if packet:
        document["extensions"] = {"KHR_xmp_json_ld": {"packets": [packet]}}


class PlainMeshes:
    """Meshes as float attributes and plain indices: nothing lost, every reader reads them."""

    def __init__(self, document: GltfDocument, materials: MaterialWriter) -> None:
        self.document = document
        self.materials = materials

    def add(self, part: Part, tangents: F32 | None) -> tuple[int, Json]:
        """One mesh of one primitive; returns its index and the (empty) transform of its nodes."""
        attributes = {
            name: self.document.array(values, bounds=name == "POSITION", **spec)
            for name, (values, spec) in attributes_of(part, tangents).items()
        }
        if part.uv is None and part.uv1 is not None:  # set 1 may not stand alone (§3.7.2.1)
            attributes = {**attributes, "TEXCOORD_0": attributes["TEXCOORD_1"]}
        primitive = {
            "attributes": attributes,
            "indices": self.document.array(narrow_indices(part), indices=True),
            "material": self.materials.index(part.material),
        }
        self.document.meshes.append({"name": part.name, "primitives": [primitive]})
        return len(self.document.meshes) - 1, {}


def attributes_of(part: Part, tangents: F32 | None) -> dict[str, tuple[npt.NDArray[Any], Json]]:
    """The part's vertex attributes by glTF name, and what their accessors add."""
    found: dict[str, tuple[npt.NDArray[Any] | None, Json]] = {
        "POSITION": (part.vertices, {}),
        "NORMAL": (part.normals, {}),
        "TANGENT": (tangents, {}),
        "TEXCOORD_0": (part.uv, {}),
        "TEXCOORD_1": (part.uv1, {}),
        "COLOR_0": (part.colors, {"normalized": True}),
    }
    return {name: (values, spec) for name, (values, spec) in found.items() if values is not None}


def narrow_indices(part: Part) -> npt.NDArray[Any]:
    """(3m,) corners, 16-bit where they fit; 65535 itself is kept free, it restarts primitives (§3.7.2.1)."""
    return part.faces.reshape(-1).astype(np.uint16 if len(part.vertices) <= 65535 else np.uint32)
