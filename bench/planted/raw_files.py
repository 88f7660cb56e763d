"""Plain writers for planted assets: what is wrong stays wrong; the factory's exporters would mend or refuse it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, Material, Part, Texture

COMPONENTS = {"f": 5126, "I": 5125}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3"}


@dataclass
class Document:
    """A glTF 2.0 document under way (specification 3.6 and 4.4), every array in one buffer."""

    lists: dict[str, list[Any]] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    textures: dict[bytes, int] = field(default_factory=dict)

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        """The index of the entry."""
        entries = self.lists.setdefault(kind, [])
        entries.append({key: value for key, value in entry.items() if value is not None})
        return len(entries) - 1

    def view(self, data: bytes) -> int:
        """The index of a buffer view over the bytes."""
        self.body += bytes(-len(self.body) % 4)
        start = len(self.body)
        self.body += data
        return self.add("bufferViews", {"buffer": 0, "byteOffset": start, "byteLength": len(data)})

    def array(self, values: npt.NDArray[Any] | None, kind: str) -> int | None:
        """The index of an accessor over (n, k) or (n,) values, None for none."""
        if values is None:
            return None
        data = np.ascontiguousarray(values, np.float32 if kind == "f" else np.uint32)
        entry = {
            "bufferView": self.view(data.tobytes()),
            "componentType": COMPONENTS[kind],
            "count": len(data),
            "type": TYPES[1 if data.ndim == 1 else data.shape[1]],
        }
        if kind == "f" and data.shape[1] == 3 and np.isfinite(data).all():
            entry |= {"min": data.min(axis=0).tolist(), "max": data.max(axis=0).tolist()}
        return self.add("accessors", entry)

    def texture(self, texture: Texture | None) -> dict[str, int] | None:
        """A reference to the map, each image stored once."""
        if texture is None:
            return None
        if texture.data not in self.textures:
            image = self.add("images", {"bufferView": self.view(texture.data), "mimeType": texture.mime})
            self.textures[texture.data] = self.add("textures", {"source": image})
        return {"index": self.textures[texture.data]}

    def glb(self) -> bytes:
        """The file."""
        head = {"asset": {"version": "2.0"}, "scene": 0, "buffers": [{"byteLength": len(self.body)}], **self.lists}
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 4)
        body = bytes(self.body) + bytes(-len(self.body) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def raw_glb(asset: Asset) -> bytes:
    """Every part as it is, a mesh with one primitive for each, levels of detail by MSFT_lod."""
    document = Document()
    levels = [[_node(document, part) for part in level.parts] for level in (asset, *asset.lods)]
    roots = [document.add("nodes", {"name": f"LOD{k}", "children": nodes}) for k, nodes in enumerate(levels)]
    if len(roots) > 1:
        document.lists["nodes"][roots[0]]["extensions"] = {"MSFT_lod": {"ids": roots[1:]}}
        document.lists["extensionsUsed"] = ["MSFT_lod"]
    document.add("scenes", {"nodes": roots[:1]})
    return document.glb()


def _node(document: Document, part: Part) -> int:
    attributes = {
        "POSITION": document.array(part.vertices, "f"),
        "NORMAL": document.array(part.normals, "f"),
        "TEXCOORD_0": document.array(part.uv, "f"),
        "TEXCOORD_1": document.array(part.uv1, "f") if part.uv is not None else None,
    }
    primitive = {
        "attributes": {key: value for key, value in attributes.items() if value is not None},
        "indices": document.array(part.faces.reshape(-1), "I"),
        "material": document.add("materials", _material(document, part.material)),
    }
    mesh = document.add("meshes", {"name": part.name, "primitives": [primitive]})
    return document.add("nodes", {"name": part.name, "mesh": mesh})


def _material(document: Document, material: Material) -> dict[str, Any]:
    pbr = {
        "baseColorFactor": list(material.base_color),
        "metallicFactor": material.metallic,
        "roughnessFactor": material.roughness,
        "baseColorTexture": document.texture(material.base_color_texture),
        "metallicRoughnessTexture": document.texture(material.metallic_roughness_texture),
    }
    return {
        "name": material.name,
        "pbrMetallicRoughness": {key: value for key, value in pbr.items() if value is not None},
        "normalTexture": document.texture(material.normal_texture),
        "occlusionTexture": document.texture(material.occlusion_texture),
        "emissiveTexture": document.texture(material.emissive_texture),
        "emissiveFactor": list(material.emissive),
        "alphaMode": material.alpha_mode,
        "doubleSided": material.double_sided,
    }


def raw_stl(asset: Asset) -> bytes:
    """Binary, in millimetres and Z up, as slicers take it."""
    vertices, faces, _ = asset.merged()
    corners = 1000.0 * vertices[:, [0, 2, 1]][faces] * np.array([1.0, -1.0, 1.0])
    rows = np.zeros(len(faces), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")]))
    rows["corners"] = corners
    return bytes(80) + struct.pack("<I", len(faces)) + rows.tobytes()


def raw_obj(asset: Asset) -> bytes:
    """Positions and texture coordinates of every part, without materials."""
    lines: list[str] = []
    base = 1
    for part in asset.parts:
        lines += [f"o {part.name.replace(' ', '_')}", *(f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in part.vertices)]
        if part.uv is not None:
            lines += [f"vt {u:.9g} {1.0 - v:.9g}" for u, v in part.uv]
        corner = "{0}/{0}" if part.uv is not None else "{0}"
        lines += ["f " + " ".join(corner.format(i + base) for i in face) for face in part.faces.tolist()]
        base += len(part.vertices)
    return ("\n".join(lines) + "\n").encode()


WRITERS = {"glb": raw_glb, "stl": raw_stl, "obj": raw_obj}
