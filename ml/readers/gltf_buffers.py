"""The binary side of a glTF file: chunks, buffers and accessors, each range checked before it is touched."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from ml.asset import InputError
from ml.readers.limits import ReadLimits
from ml.readers.meshopt import decode_meshopt
from ml.sources import Source

Json = dict[str, Any]
Values = npt.NDArray[Any]

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MESHOPT = ("KHR_meshopt_compression", "EXT_meshopt_compression")  # the ratified name first, its streams are the newer
CHUNK_JSON, CHUNK_BIN = 0x4E4F534A, 0x004E4942


@dataclass
class Document:
    """A parsed glTF: its JSON, the GLB's binary chunk, and the source beside which external files lie."""

    json: Json
    binary: bytes | memoryview | None
    source: Source | None
    limits: ReadLimits
    _buffers: dict[int, memoryview] = field(default_factory=dict)
    unpacked: dict[int, Values] = field(default_factory=dict)  # accessors whose values came out of a codec
    _unpacked: dict[int, memoryview] = field(default_factory=dict)

    def item(self, kind: str, index: object) -> Json:
        """`json[kind][index]`; raises InputError `mesh.broken` when there is no such object."""
        items = self.json.get(kind, [])
        if type(index) is not int or not isinstance(items, list) or not 0 <= index < len(items):
            raise InputError("mesh.broken", f"{kind}[{index!r}] does not exist")
        if not isinstance(items[index], dict):
            raise InputError("mesh.broken", f"{kind}[{index}] is not an object")
        found: Json = items[index]
        return found

    def count(self, accessor: object) -> int:
        """The number of elements an accessor claims, which may not exceed what a mesh may hold."""
        count = whole(self.item("accessors", accessor), "count")
        self.limits.check(vertices=count)
        return count

    def external(self, uri: str) -> bytes:
        """The bytes of a data: URI or of a file beside this one; raises InputError `input.*`."""
        if uri.startswith("data:"):
            header, _, payload = uri.partition(",")
            try:
                return base64.b64decode(payload) if header.endswith(";base64") else unquote(payload).encode("latin-1")
            except (binascii.Error, UnicodeError) as error:
                raise InputError("mesh.broken", f"data URI could not be decoded: {error}") from error
        if self.source is None:
            raise InputError("input.missing", f"{uri[:200]!r} is another file, but only one was given")
        return self.source.sibling(unquote(uri)).read()

    def buffer(self, index: object) -> memoryview:
        """Buffer `index`, its bytes loaded once; at least `byteLength` long."""
        spec = self.item("buffers", index)
        assert isinstance(index, int)
        if index not in self._buffers:
            uri = spec.get("uri")
            if uri is None and (index != 0 or self.binary is None):
                raise InputError("mesh.truncated", f"buffer {index} has no data")
            data = memoryview(self.external(str(uri)) if uri is not None else self.binary or b"")
            length = whole(spec, "byteLength")
            if len(data) < length:
                raise InputError("mesh.truncated", f"buffer {index} holds {len(data)} of {length} bytes")
            self._buffers[index] = data[:length]
        return self._buffers[index]

    def view(self, index: object) -> memoryview:
        """The bytes of bufferView `index`, decompressed; raises InputError as `decode_meshopt` does."""
        spec = self.item("bufferViews", index)
        extensions = spec.get("extensions", {})
        packed = next((extensions[name] for name in MESHOPT if name in extensions), None)
        if packed is None:
            return self._range(spec, f"bufferView {index}")
        assert isinstance(index, int)
        if index not in self._unpacked:
            self._unpacked[index] = self._decompressed(packed, index)
        return self._unpacked[index]

    def _decompressed(self, packed: Json, index: int) -> memoryview:
        count, stride = whole(packed, "count"), whole(packed, "byteStride")
        self.limits.check(vertices=count // 3 if packed.get("mode") != "ATTRIBUTES" else count)
        data = self._range(packed, f"the compressed bufferView {index}")
        made = decode_meshopt(data, count, stride, str(packed.get("mode")), str(packed.get("filter", "NONE")))
        return memoryview(made.tobytes())

    def _range(self, spec: Json, what: str) -> memoryview:
        data = self.buffer(spec.get("buffer"))
        offset, length = whole(spec, "byteOffset", 0), whole(spec, "byteLength")
        if offset + length > len(data):
            raise InputError("mesh.truncated", f"{what} ends at {offset + length} of {len(data)} bytes")
        return data[offset : offset + length]

    def accessor(self, index: object) -> Values:
        """The (count, width) values of accessor `index` in their stored type; read-only where nothing is sparse."""
        if isinstance(index, int) and index in self.unpacked:
            return self.unpacked[index]
        spec = self.item("accessors", index)
        count, dtype, width = self.count(index), _dtype(spec), _width(spec)
        if "bufferView" in spec:
            values = self._strided(spec["bufferView"], whole(spec, "byteOffset", 0), count, dtype, width)
        else:
            values = np.zeros((count, width), dtype)
        return self._with_sparse(values, spec["sparse"]) if "sparse" in spec else values

    def stored_type(self, index: object) -> np.dtype[Any]:
        """The component type that accessor `index` names."""
        return _dtype(self.item("accessors", index))

    def _strided(self, view: object, offset: int, count: int, dtype: np.dtype[Any], width: int) -> Values:
        data = self.view(view)
        tight = dtype.itemsize * width
        stride = whole(self.item("bufferViews", view), "byteStride", 0) or tight
        if stride < tight:
            raise InputError("mesh.broken", f"byteStride {stride} is less than the element's {tight} bytes")
        needed = offset + stride * (count - 1) + tight if count else offset
        if needed > len(data):
            raise InputError("mesh.truncated", f"accessor needs {needed} bytes, its bufferView holds {len(data)}")
        return np.ndarray((count, width), dtype, buffer=data, offset=offset, strides=(stride, dtype.itemsize))

    def _with_sparse(self, values: Values, sparse: Json) -> Values:
        count = whole(sparse, "count")
        if count > len(values):
            raise InputError("mesh.broken", f"{count} sparse values for {len(values)} elements")
        where, what = sparse["indices"], sparse["values"]
        at = self._strided(where["bufferView"], whole(where, "byteOffset", 0), count, _dtype(where), 1)[:, 0]
        if count and int(at.max()) >= len(values):
            raise InputError("mesh.bad-index", f"sparse index {int(at.max())} outside {len(values)} elements")
        filled = values.copy()
        filled[at] = self._strided(
            what["bufferView"], whole(what, "byteOffset", 0), count, values.dtype, values.shape[1]
        )
        return filled

    def floats(self, index: object) -> npt.NDArray[np.float32]:
        """Accessor `index` as fresh contiguous float32, normalised integers mapped to [0, 1] or [−1, 1] (§3.6.2)."""
        values = self.accessor(index)
        scaled = values.astype(np.float32, order="C")
        if self.item("accessors", index).get("normalized") is True and values.dtype.kind in "iu":
            scaled /= np.float32(np.iinfo(values.dtype).max)
            np.maximum(scaled, -1.0, out=scaled)
        return scaled


def whole(spec: Json, key: str, default: int | None = None) -> int:
    """A non-negative integer property; raises InputError `mesh.broken` for anything else."""
    value = spec.get(key, default)
    if type(value) is float and value.is_integer():  # some writers put 3.0
        value = int(value)
    if type(value) is not int or value < 0:
        raise InputError("mesh.broken", f"{key} is {value!r}, not a non-negative integer")
    return value


def _dtype(spec: Json) -> np.dtype[Any]:
    code = spec.get("componentType")
    if code not in COMPONENTS:
        raise InputError("mesh.broken", f"componentType {code!r} is not one of glTF's")
    return np.dtype(COMPONENTS[code])


def _width(spec: Json) -> int:
    kind = spec.get("type")
    if kind not in WIDTHS:
        raise InputError("mesh.broken", f"accessor type {kind!r} cannot be a vertex attribute")
    return WIDTHS[kind]


def parse_container(data: bytes) -> tuple[Json, memoryview | None]:
    """The JSON and binary chunk of a GLB, or the JSON of a .gltf; raises InputError `mesh.truncated|broken`."""
    if data[:4] != b"glTF":
        return _parse_json(data), None
    if len(data) < 20:
        raise InputError("mesh.truncated", f"a GLB of {len(data)} bytes; its headers alone take 20")
    _, version, length = struct.unpack_from("<4sII", data)
    if version != 2:
        raise InputError("mesh.unsupported", f"GLB version {version}; only version 2 is read")
    if length > len(data):
        raise InputError("mesh.truncated", f"the GLB claims {length} bytes and holds {len(data)}")
    chunks: dict[int, memoryview] = {}
    offset, view = 12, memoryview(data)
    while offset + 8 <= length:
        size, kind = struct.unpack_from("<II", data, offset)
        if offset + 8 + size > length:
            raise InputError("mesh.truncated", f"a GLB chunk ends at {offset + 8 + size} of {length} bytes")
        chunks.setdefault(kind, view[offset + 8 : offset + 8 + size])
        offset += 8 + size
    if CHUNK_JSON not in chunks:
        raise InputError("mesh.broken", "the GLB has no JSON chunk")
    return _parse_json(bytes(chunks[CHUNK_JSON])), chunks.get(CHUNK_BIN)


def _parse_json(data: bytes) -> Json:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError("mesh.broken", f"the glTF's JSON could not be parsed: {str(error)[:200]}") from error
    if not isinstance(document, dict) or not str(document.get("asset", {}).get("version", "")).startswith("2"):
        raise InputError("mesh.unsupported", "not a glTF 2 document")
    return document
