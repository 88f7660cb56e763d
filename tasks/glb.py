"""Encodes an asset as GLB bytes exactly as it is: the file behind the GLB export and the hand-over between machines."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, InputError, Material, Part, Texture

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
BYTE, SHORT, INT, FLOAT = 5121, 5123, 5125, 5126  # unsigned ones
LINEAR, TRILINEAR, REPEAT = 9729, 9987, 10497
Json = dict[str, Any]


def encode_glb(asset: Asset, copyright: str = "", tangents: Mapping[int, F32] | None = None) -> bytes:
    """A GLB of every part that has faces, with the asset's name and notes in `asset.extras`; deterministic bytes.

    `tangents` holds (n, 4) frames by part index, for the parts that need them.

    LODs, `source`, metrics and findings do not travel. `ml.readers.gltf.read_glb` gives the same parts, materials and
    texture bytes back. Raises InputError `mesh.no-faces`.
    """
    writer = _Writer()
    for index, part in enumerate(asset.parts):
        if len(part.faces):
            writer.add_part(part, (tangents or {}).get(index))
    if not writer.nodes:
        raise InputError("mesh.no-faces", "the asset has no faces to write")
    return writer.finish(asset, copyright)


# Plain dicts rather than pygltflib's dataclasses: its export walks every object through dataclasses_json, 20–60 ms
# for a file that this writes in 5, and it would still leave all offsets, bounds and sharing to us.
@dataclass
class _Writer:
    """The growing document; materials, textures and images are each written once, however many parts use them."""

    blobs: list[bytes | memoryview] = field(default_factory=list)
    length: int = 0
    views: list[Json] = field(default_factory=list)
    accessors: list[Json] = field(default_factory=list)
    meshes: list[Json] = field(default_factory=list)
    nodes: list[Json] = field(default_factory=list)
    materials: dict[Material, int] = field(default_factory=dict)
    material_specs: list[Json] = field(default_factory=list)
    textures: dict[bytes, int] = field(default_factory=dict)  # keyed by content: texture k shows image k
    images: list[Json] = field(default_factory=list)
    extensions: set[str] = field(default_factory=set)

    def add_part(self, part: Part, tangents: F32 | None) -> None:
        """One mesh of one primitive, and the node that shows it, both under the part's name."""
        attributes = {"POSITION": self.accessor(part.vertices, "VEC3", FLOAT, bounds=True)}
        if part.normals is not None:
            attributes["NORMAL"] = self.accessor(part.normals, "VEC3", FLOAT)
        if tangents is not None:
            attributes["TANGENT"] = self.accessor(tangents, "VEC4", FLOAT)
        if part.uv is not None:
            attributes["TEXCOORD_0"] = self.accessor(part.uv, "VEC2", FLOAT)
        if part.colors is not None:
            attributes["COLOR_0"] = self.accessor(part.colors, "VEC4", BYTE, normalized=True)
        primitive = {
            "attributes": attributes,
            "indices": self.indices(part),
            "material": self.material(part.material),
        }
        self.meshes.append({"name": part.name, "primitives": [primitive]})
        self.nodes.append({"name": part.name, "mesh": len(self.meshes) - 1})

    def indices(self, part: Part) -> int:
        """16-bit where they fit; 65535 itself is kept free, it restarts primitives (§3.7.2.1)."""
        small = len(part.vertices) <= 65535
        corners = part.faces.reshape(-1).astype(np.uint16 if small else np.uint32)
        return self.accessor(corners, "SCALAR", SHORT if small else INT, target=ELEMENT_ARRAY_BUFFER)

    def accessor(
        self,
        values: npt.NDArray[Any],
        kind: str,
        component: int,
        *,
        target: int = ARRAY_BUFFER,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Append an array as its own bufferView and accessor; returns the accessor's index."""
        data = np.ascontiguousarray(values)
        spec: Json = {"bufferView": self.view(data.tobytes(), target), "componentType": component, "count": len(data)}
        spec["type"] = kind
        if normalized:
            spec["normalized"] = True
        if bounds:
            columns = [data[:, axis] for axis in range(data.shape[1])]  # 4× faster than min(axis=0) on three columns
            spec["min"], spec["max"] = [float(c.min()) for c in columns], [float(c.max()) for c in columns]
        self.accessors.append(spec)
        return len(self.accessors) - 1

    def view(self, data: bytes, target: int | None = None) -> int:
        """Append bytes at a multiple of four; returns the bufferView's index."""
        padding = -self.length % 4
        self.blobs += [b"\0" * padding, data]
        spec: Json = {"buffer": 0, "byteOffset": self.length + padding, "byteLength": len(data)}
        if target is not None:
            spec["target"] = target
        self.views.append(spec)
        self.length += padding + len(data)
        return len(self.views) - 1

    def material(self, material: Material) -> int:
        """The index of a material, written when it is first met."""
        if material not in self.materials:
            self.materials[material] = len(self.materials)
            self.material_specs.append(self.material_spec(material))
        return self.materials[material]

    def material_spec(self, material: Material) -> Json:
        """Every factor explicit, so that a reader's defaults never matter."""
        surface: Json = {
            "baseColorFactor": list(material.base_color),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        }
        spec: Json = {"name": material.name, "pbrMetallicRoughness": surface, "alphaMode": material.alpha_mode}
        self.put_texture(surface, "baseColorTexture", material.base_color_texture)
        self.put_texture(surface, "metallicRoughnessTexture", material.metallic_roughness_texture)
        self.put_texture(spec, "normalTexture", material.normal_texture, scale=material.normal_scale)
        self.put_texture(spec, "occlusionTexture", material.occlusion_texture, strength=material.occlusion_strength)
        self.put_texture(spec, "emissiveTexture", material.emissive_texture)
        if material.alpha_mode == "MASK":
            spec["alphaCutoff"] = material.alpha_cutoff
        if material.double_sided:
            spec["doubleSided"] = True
        strength = max(1.0, *material.emissive)
        if any(material.emissive):
            spec["emissiveFactor"] = [value / strength for value in material.emissive]
        if strength > 1.0:
            self.extensions.add("KHR_materials_emissive_strength")
            spec["extensions"] = {"KHR_materials_emissive_strength": {"emissiveStrength": strength}}
        return spec

    def put_texture(self, owner: Json, slot: str, texture: Texture | None, **extra: float) -> None:
        """Point `owner[slot]` at a texture, writing its image unless the same bytes are already there."""
        if texture is None:
            return
        if texture.data not in self.textures:
            self.textures[texture.data] = len(self.images)
            image: Json = {"bufferView": self.view(texture.data), "mimeType": texture.mime}
            if texture.name:
                image["name"] = texture.name
            self.images.append(image)
        owner[slot] = {"index": self.textures[texture.data], **extra}

    def finish(self, asset: Asset, copyright: str) -> bytes:
        """The two chunks behind the GLB header (§4.4), each padded to four bytes."""
        extras = {"meshmill": {"name": asset.name, "notes": dict(asset.notes)}}
        document: Json = {
            "asset": {"version": "2.0", "generator": "Meshmill", "extras": extras},
            "scene": 0,
            "scenes": [{"name": asset.name, "nodes": list(range(len(self.nodes)))}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.material_specs,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self.length}],
        }
        if copyright:
            document["asset"]["copyright"] = copyright
        if self.images:
            document["images"] = self.images
            document["textures"] = [{"sampler": 0, "source": source} for source in range(len(self.images))]
            document["samplers"] = [{"magFilter": LINEAR, "minFilter": TRILINEAR, "wrapS": REPEAT, "wrapT": REPEAT}]
        if self.extensions:
            document["extensionsUsed"] = sorted(self.extensions)
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        tail = -self.length % 4
        total = 12 + 8 + len(text) + 8 + self.length + tail
        head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
        body = struct.pack("<II", self.length + tail, 0x004E4942)
        return b"".join([head, text, body, *self.blobs, b"\0" * tail])
