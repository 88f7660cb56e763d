"""Reads GLB and glTF by the specification's text alone: JSON, buffers and numpy; nothing of the writer's code."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from facts import Facts, MaterialFacts, PartFacts, gathered, keep_image

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MAPS = {
    "normalTexture": ("normal", "rgb"), "occlusionTexture": ("occlusion", "r"), "emissiveTexture": ("emissive", "rgb")
}  # fmt: skip
Json = dict[str, Any]


def read(path: Path, folder: Path) -> Facts:
    """Facts of every mesh that the scene or MSFT_lod reaches; KeyError, ValueError… where it breaks the rules."""
    document = Document(path)
    pieces, parts = [], []
    for name, mesh, matrix in document.mesh_nodes():
        for primitive in document.json["meshes"][mesh]["primitives"]:
            piece, faces = document.piece(primitive, matrix)
            pieces.append(piece)
            parts.append(PartFacts(name, faces, str(primitive.get("material", ""))))
    images = [keep_image(folder, data) for data in document.images()]
    materials = {
        str(index): material_facts(spec, document.json, images)
        for index, spec in enumerate(document.json.get("materials", []))
    }
    sizes = {sha: (folder / sha).stat().st_size for sha in images}
    return Facts(**gathered(pieces), parts=parts, materials=materials, images=sizes, metadata=metadata(document.json))


class Document:
    """A parsed file with its buffers."""

    def __init__(self, path: Path) -> None:
        data, self.folder = path.read_bytes(), path.parent
        self.binary = b""
        if data[:4] == b"glTF":
            version, total, length, kind = struct.unpack_from("<IIII", data, 4)
            if (version, total, kind) != (2, len(data), 0x4E4F534A):
                raise ValueError("broken GLB header")
            self.json: Json = json.loads(data[20 : 20 + length])
            if len(data) > 20 + length:
                self.binary = data[28 + length :]
        else:
            self.json = json.loads(data)
        self.buffers = [self.buffer(spec) for spec in self.json.get("buffers", [])]

    def buffer(self, spec: Json) -> bytes:
        """The bytes of a buffer, of its declared length; none for one that meshopt's decoder would fill."""
        if any(extension.get("fallback") for extension in spec.get("extensions", {}).values()):
            return b""
        data = self.resource(spec["uri"]) if "uri" in spec else self.binary
        if len(data) < spec["byteLength"]:
            raise ValueError(f"buffer of {len(data)} bytes, {spec['byteLength']} declared")
        return data[: spec["byteLength"]]

    def resource(self, uri: str) -> bytes:
        """A data URI's bytes or a file's beside this one."""
        if uri.startswith("data:"):
            return base64.b64decode(uri.split(",", 1)[1])
        return (self.folder / unquote(uri)).read_bytes()

    def view(self, index: int) -> bytes:
        """The bytes of a bufferView."""
        spec = self.json["bufferViews"][index]
        start = spec.get("byteOffset", 0)
        return self.buffers[spec["buffer"]][start : start + spec["byteLength"]]

    def images(self) -> list[bytes]:
        """Every image's file."""
        specs = self.json.get("images", [])
        return [self.view(spec["bufferView"]) if "bufferView" in spec else self.resource(spec["uri"]) for spec in specs]

    def values(self, index: int) -> np.ndarray:
        """An accessor as a (count, width) array; normalised integers become numbers in [0, 1] or [-1, 1]."""
        spec = self.json["accessors"][index]
        view = self.json["bufferViews"][spec["bufferView"]]
        kind, width = np.dtype(COMPONENTS[spec["componentType"]]), WIDTHS[spec["type"]]
        stride = view.get("byteStride", kind.itemsize * width)
        data = self.view(spec["bufferView"])[spec.get("byteOffset", 0) :]
        raw = np.ndarray((spec["count"], width), kind, data, strides=(stride, kind.itemsize))
        if not spec.get("normalized"):
            return raw.copy()
        return np.maximum(raw / np.iinfo(kind).max, -1.0)

    def piece(self, primitive: Json, matrix: np.ndarray) -> tuple[tuple[Any, ...], int]:
        """(arrays in the order of facts.COLUMNS, faces) of a triangle list, in the scene's frame."""
        if primitive.get("mode", 4) != 4:
            raise ValueError("not a triangle list")
        attributes = primitive["attributes"]
        points = self.values(attributes["POSITION"]).astype(np.float64)
        order = self.values(primitive["indices"])[:, 0] if "indices" in primitive else np.arange(len(points))
        uv = self.values(attributes["TEXCOORD_0"]).astype(np.float64) if "TEXCOORD_0" in attributes else None
        uv = None if uv is None else transformed(uv, self.texture_transform(primitive))
        normals = self.values(attributes["NORMAL"]).astype(np.float64) if "NORMAL" in attributes else None
        if normals is not None:
            normals = unit(normals @ np.linalg.inv(matrix[:3, :3]))
        points = points @ matrix[:3, :3].T + matrix[:3, 3]
        uv1, colors, tangents = (
            self.values(attributes[name]).astype(np.float64) if name in attributes else None
            for name in ("TEXCOORD_1", "COLOR_0", "TANGENT")
        )
        if tangents is not None:
            tangents = np.c_[unit(tangents[:, :3] @ matrix[:3, :3].T), tangents[:, 3]]
        arrays = (points, uv, normals, uv1, colors, tangents)
        return tuple(None if values is None else values[order] for values in arrays), len(order) // 3

    def texture_transform(self, primitive: Json) -> Json:
        """KHR_texture_transform of the first map (quantised coordinates carry their scale there)."""
        if "material" not in primitive:
            return {}
        material = self.json["materials"][primitive["material"]]
        maps = [*material.get("pbrMetallicRoughness", {}).values(), *material.values()]
        found = (value["extensions"] for value in maps if isinstance(value, dict) and "extensions" in value)
        return next((extension.get("KHR_texture_transform", {}) for extension in found), {})

    def mesh_nodes(self) -> list[tuple[str, int, np.ndarray]]:
        """(name, mesh, matrix to the scene) of the scene's nodes and of the levels that MSFT_lod hangs on them."""
        found: list[tuple[str, int, np.ndarray]] = []

        def visit(index: int, above: np.ndarray) -> None:
            node = self.json["nodes"][index]
            matrix = above @ local_matrix(node)
            if "mesh" in node:
                found.append((node.get("name", ""), node["mesh"], matrix))
            for child in node.get("children", []):
                visit(child, matrix)
            for level in node.get("extensions", {}).get("MSFT_lod", {}).get("ids", []):
                visit(level, above)

        for root in self.json["scenes"][self.json.get("scene", 0)]["nodes"]:
            visit(root, np.eye(4))
        return found


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def transformed(uv: np.ndarray, spec: Json) -> np.ndarray:
    """Coordinates after KHR_texture_transform's scale and offset (rotation is not written by any of our exports)."""
    return uv * np.asarray(spec.get("scale", [1, 1])) + np.asarray(spec.get("offset", [0, 0]))


def local_matrix(node: Json) -> np.ndarray:
    """A node's own matrix: given, or from translation, rotation and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", [0, 0, 0, 1])
    turn = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(turn) * np.asarray(node.get("scale", [1, 1, 1]))
    matrix[:3, 3] = node.get("translation", [0, 0, 0])
    return matrix


def material_facts(spec: Json, document: Json, images: list[str]) -> MaterialFacts:
    """A material's factors and maps; KHR_texture_basisu and EXT_texture_webp name the image where they are used."""

    def image(info: Json) -> str:
        texture = document["textures"][info["index"]]
        sources = [value["source"] for value in texture.get("extensions", {}).values()]
        return images[sources[0] if sources else texture["source"]]

    surface = spec.get("pbrMetallicRoughness", {})
    strength = spec.get("extensions", {}).get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1.0)
    values = {
        "base_color": surface.get("baseColorFactor", [1, 1, 1, 1]),
        "metallic": [surface.get("metallicFactor", 1)],
        "roughness": [surface.get("roughnessFactor", 1)],
        "emissive": [strength * value for value in spec.get("emissiveFactor", [0, 0, 0])],
        "double_sided": [float(spec.get("doubleSided", False))],
        "alpha_mode": [float(["OPAQUE", "MASK", "BLEND"].index(spec.get("alphaMode", "OPAQUE")))],
    }
    maps = {}
    if "baseColorTexture" in surface:
        maps["base_color"] = [image(surface["baseColorTexture"]), "rgb"]
    if "metallicRoughnessTexture" in surface:
        packed = image(surface["metallicRoughnessTexture"])
        maps |= {"roughness": [packed, "g"], "metallic": [packed, "b"]}
    if spec.get("alphaMode", "OPAQUE") == "OPAQUE":
        values["alpha"] = [1.0]
    elif "base_color" in maps:
        maps["alpha"] = [maps["base_color"][0], "a"]
    values["occlusion_strength"] = [spec.get("occlusionTexture", {}).get("strength", 1)]
    maps |= {slot: [image(spec[key]), channels] for key, (slot, channels) in MAPS.items() if key in spec}
    return MaterialFacts(spec.get("name", ""), {k: list(map(float, v)) for k, v in values.items()}, maps)


def metadata(document: Json) -> dict[str, str]:
    """Every text and number that the file says of itself: asset fields, extras and XMP packets, by path."""
    found: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, entry in value.items():
                walk(entry, f"{path}.{key}")
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                walk(entry, f"{path}.{index}")
        else:
            found[path] = str(value)

    walk(document["asset"], "asset")
    walk(document.get("extensions", {}).get("KHR_xmp_json_ld", {}), "xmp")
    return found
