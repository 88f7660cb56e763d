"""Builds small glTF documents for tests: arrays become accessors, a tetrahedron the mesh."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

Json = dict[str, Any]
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


class Builder:
    """A glTF document under construction: arrays become accessors."""

    def __init__(self) -> None:
        self.data = b""
        self.json: Json = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": [], "scene": 0}
        self.json |= {"scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0, "name": "n"}]}

    def view(self, data: bytes, **extra: Any) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data), **extra}
        self.json["bufferViews"].append(view)
        self.data += data
        return len(self.json["bufferViews"]) - 1

    def array(self, values: Any, dtype: str = "<f4", **extra: Any) -> int:
        array = np.asarray(values, dtype)
        code = {"f": 5126, "b": 5120, "B": 5121, "h": 5122, "H": 5123, "I": 5125}[array.dtype.char]
        kind = "SCALAR" if array.ndim == 1 else {2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}[array.shape[1]]
        spec = {"bufferView": self.view(array.tobytes()), "componentType": code, "count": len(array), "type": kind}
        self.json["accessors"].append(spec | extra)
        return len(self.json["accessors"]) - 1

    def mesh(self, *primitives: Json) -> Builder:
        self.json["meshes"] = [{"name": "m", "primitives": list(primitives)}]
        return self

    def glb(self) -> bytes:
        self.json.setdefault("buffers", [{"byteLength": len(self.data)}])
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        data = self.data + b"\0" * (-len(self.data) % 4)
        head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
        return (
            head + struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
        )


def tetra(builder: Builder, **attributes: int) -> Json:
    return {
        "attributes": {"POSITION": builder.array(CORNERS), **attributes},
        "indices": builder.array(FACES.reshape(-1), "<u2"),
    }


def simple(**attributes: Any) -> Builder:
    builder = Builder()
    return builder.mesh(tetra(builder, **{key: builder.array(*value) for key, value in attributes.items()}))
