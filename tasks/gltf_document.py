"""A glTF document under construction: buffer views, accessors, nodes and images, and the GLB container around it."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
COMPONENTS = {"b": 5120, "B": 5121, "h": 5122, "H": 5123, "I": 5125, "f": 5126}  # by numpy's type character
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
LINEAR, TRILINEAR, REPEAT = 9729, 9987, 10497
MOST_BYTES = 2**32 - 1  # a GLB counts its length in 32 bits (§4.4.2)
Json = dict[str, Any]
Array = npt.NDArray[Any]


# Plain dicts rather than pygltflib's dataclasses: its export walks every object through dataclasses_json, 20–60 ms
# for a file that this writes in 5, and it would still leave all offsets, bounds and sharing to us.
@dataclass
class GltfDocument:
    """The growing document; `finish` gives its JSON, `binary` the one buffer that its views lie in."""

    blobs: list[bytes | memoryview] = field(default_factory=list)
    length: int = 0
    views: list[Json] = field(default_factory=list)
    accessors: list[Json] = field(default_factory=list)
    meshes: list[Json] = field(default_factory=list)
    nodes: list[Json] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    materials: list[Json] = field(default_factory=list)
    images: list[Json] = field(default_factory=list)
    textures: list[Json] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # extensions a reader may ignore …
    required: set[str] = field(default_factory=set)  # … and those it may not
    fallback: int = 0  # bytes of the buffer that compressed views would fill, were they not compressed

    def node(self, name: str, *, root: bool = True, **spec: Any) -> int:
        """Append a node, to the scene's roots unless told otherwise; returns its index."""
        self.nodes.append({"name": name, **spec})
        if root:
            self.roots.append(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def view(self, data: bytes | memoryview, **spec: Any) -> int:
        """Append bytes at a multiple of four; returns the bufferView's index."""
        offset = self.append(data)
        place = {"byteOffset": offset} if offset else {}
        self.views.append({"buffer": 0, **place, "byteLength": len(data), **spec})
        return len(self.views) - 1

    def append(self, data: bytes | memoryview) -> int:
        """Append bytes at a multiple of four; returns their offset."""
        padding = -self.length % 4
        self.blobs += [b"\0" * padding, data]
        offset = self.length + padding
        self.length = offset + len(data)
        return offset

    def array(self, values: Array, *, indices: bool = False, bounds: bool = False, **spec: Any) -> int:
        """Append an (n,) or (n, k) array as a tight bufferView and its accessor; returns the accessor's index."""
        data = np.ascontiguousarray(values)
        target = ELEMENT_ARRAY_BUFFER if indices else ARRAY_BUFFER
        view = self.view(data.reshape(-1).view(np.uint8).data, target=target)
        return self.accessor(data, bufferView=view, bounds=bounds, **spec)

    def accessor(self, values: Array, *, bounds: bool = False, **spec: Any) -> int:
        """Append an accessor of an array's type and count, with its bounds where they are wanted."""
        width = 1 if values.ndim == 1 else values.shape[1]
        made: Json = {"componentType": COMPONENTS[values.dtype.char], "count": len(values), "type": KINDS[width]}
        if bounds:
            columns = [values[:, axis] for axis in range(width)]  # 4× faster than min(axis=0) on three columns
            made["min"], made["max"] = [c.min().item() for c in columns], [c.max().item() for c in columns]
        self.accessors.append({**spec, **made})
        return len(self.accessors) - 1

    def finish(self, head: Json, scene: str, uri: str | None = None) -> Json:
        """The whole JSON with `head` as its `asset` object; `uri` names the buffer's file, None for a GLB's own."""
        buffer: Json = {"byteLength": self.length}
        buffers = [buffer if uri is None else {"uri": uri, **buffer}]
        if self.fallback:
            flagged = {"EXT_meshopt_compression": {"fallback": True}}
            buffers.append({"byteLength": self.fallback, "extensions": flagged})
        document: Json = {
            "asset": head,
            "scene": 0,
            "scenes": [{"name": scene, "nodes": self.roots}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.materials,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": buffers,
        }
        if self.images:
            document |= {"images": self.images, "textures": self.textures}
            document["samplers"] = [{"magFilter": LINEAR, "minFilter": TRILINEAR, "wrapS": REPEAT, "wrapT": REPEAT}]
        if self.used or self.required:
            document["extensionsUsed"] = sorted(self.used | self.required)
        if self.required:
            document["extensionsRequired"] = sorted(self.required)
        return {key: value for key, value in document.items() if value != []}

    def binary(self) -> bytes:
        """The buffer's bytes."""
        return b"".join(self.blobs)


def json_text(document: Json) -> bytes:
    """Compact UTF-8; NaN and infinity, which JSON lacks, raise ValueError."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def glb_container(document: Json, blobs: list[bytes | memoryview], length: int) -> bytes:
    """The two chunks behind the GLB header (§4.4), each padded to four bytes; raises InputError `mesh.too-large`."""
    text = json_text(document)
    text += b" " * (-len(text) % 4)
    tail = -length % 4
    total = 12 + 8 + len(text) + 8 + length + tail
    if total > MOST_BYTES:
        raise InputError("mesh.too-large", f"the GLB would take {total} bytes; the format ends at {MOST_BYTES}")
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A)
    body = struct.pack("<II", length + tail, 0x004E4942)
    return b"".join([head, text, body, *blobs, b"\0" * tail])
