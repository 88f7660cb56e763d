"""Writes quantised meshes into a glTF document: plain, or compressed with EXT_meshopt_compression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from meshoptimizer import encode_index_buffer, encode_vertex_buffer

from ml.asset import F32, U8, Part
from tasks.gltf_document import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, GltfDocument, Json
from tasks.gltf_materials import MaterialWriter
from tasks.packed_part import PackedPart, Stream, pack
from tasks.quantize import Packing, padded

MESHOPT = "EXT_meshopt_compression"
Array = npt.NDArray[Any]


@dataclass
class _View:
    """A buffer view that all parts share: what each puts there, and the accessors that read it."""

    filter: str = ""
    pieces: list[Array] = field(default_factory=list)  # (n, stride) bytes of vertices, or (n,) indices
    accessors: list[tuple[int, int]] = field(default_factory=list)  # (accessor, its offset in bytes)
    length: int = 0

    def add(self, accessor: int, piece: Array) -> None:
        """Append one part's values."""
        self.accessors.append((accessor, self.length))
        self.pieces.append(piece)
        self.length += piece.nbytes

    @property
    def values(self) -> Array:
        """All pieces, one behind the other."""
        return np.concatenate(self.pieces)


class QuantizedMeshes:
    """Meshes as KHR_mesh_quantization has them: integers, scaled back by each node and each texture reference.

    Attributes of a kind lie in one buffer view for all parts: a view takes 250 bytes of JSON where it is compressed,
    and a codec starts anew in each. `close` writes the views, after the last part.
    """

    def __init__(self, document: GltfDocument, materials: MaterialWriter, packing: Packing) -> None:
        self.document = document
        self.materials = materials
        self.packing = packing
        self._views: dict[tuple[str, str, int], _View] = {}
        document.required.add("KHR_mesh_quantization")

    def add(self, part: Part, tangents: F32 | None) -> tuple[int, Json]:
        """One mesh of one primitive; returns its index and the transform that undoes the grid."""
        packed = pack(part, tangents, self.packing)
        uv_grid = self.packing.uv_grid(part)
        if uv_grid is not None:
            self.materials.uv_grids[part.material] = uv_grid
        attributes = {name: self._attribute(name, stream) for name, stream in packed.streams.items()}
        if part.uv is None and part.uv1 is not None:  # set 1 may not stand alone (§3.7.2.1)
            attributes = {**attributes, "TEXCOORD_0": attributes["TEXCOORD_1"]}
        primitive = {
            "attributes": attributes,
            "indices": self._indices(packed),
            "material": self.materials.index(part.material),
        }
        self.document.meshes.append({"primitives": [primitive]})  # named by its node
        return len(self.document.meshes) - 1, self.packing.grid.transform

    def close(self) -> None:
        """Write the buffer views and tell the accessors where they are."""
        for view in self._views.values():
            values = view.values
            index = self._vertex_view(values, view.filter) if values.ndim == 2 else self._index_view(values)
            for accessor, offset in view.accessors:
                at = {"bufferView": index, "byteOffset": offset} if offset else {"bufferView": index}
                self.document.accessors[accessor] = {**at, **self.document.accessors[accessor]}

    def _attribute(self, name: str, stream: Stream) -> int:
        normalized = {"normalized": True} if stream.normalized else {}
        made = self.document.accessor(stream.values, bounds=name == "POSITION", **normalized)
        key = (name, stream.kind, stream.rows.shape[1])
        self._views.setdefault(key, _View(stream.filter)).add(made, self._rows(stream))
        return made

    def _indices(self, packed: PackedPart) -> int:
        """16-bit where they fit; 65535 itself is kept free, it restarts primitives (§3.7.2.1)."""
        corners = packed.faces.reshape(-1)
        if len(packed.source) <= 65535:
            corners = corners.astype(np.uint16)
        made = self.document.accessor(corners)
        self._views.setdefault(("indices", corners.dtype.char, corners.itemsize), _View()).add(made, corners)
        return made

    def _rows(self, stream: Stream) -> U8:
        return padded(stream.decoded, stream.rows.shape[1]) if stream.filter else stream.rows

    def _vertex_view(self, rows: Array, filter_name: str) -> int:
        return self.document.view(rows.reshape(-1).data, byteStride=rows.shape[1], target=ARRAY_BUFFER)

    def _index_view(self, corners: Array) -> int:
        return self.document.view(corners.view(np.uint8).data, target=ELEMENT_ARRAY_BUFFER)


class MeshoptMeshes(QuantizedMeshes):
    """The same, each buffer view compressed: what it would hold lies in a buffer that no file has."""

    def _rows(self, stream: Stream) -> U8:
        return stream.rows

    def _vertex_view(self, rows: Array, filter_name: str) -> int:
        count, stride = rows.shape
        how = {"mode": "ATTRIBUTES", **({"filter": filter_name} if filter_name else {})}
        view = {"byteStride": stride, "target": ARRAY_BUFFER}
        return self._compressed(encode_vertex_buffer(rows, count, stride), count, stride, view, how)

    def _index_view(self, corners: Array) -> int:
        data = encode_index_buffer(corners.astype(np.uint32), len(corners), int(corners.max()) + 1)
        view = {"target": ELEMENT_ARRAY_BUFFER}
        return self._compressed(data, len(corners), corners.itemsize, view, {"mode": "TRIANGLES"})

    def _compressed(self, data: bytes, count: int, size: int, view: Json, how: Json) -> int:
        document = self.document
        document.required.add(MESHOPT)
        packed = {"buffer": 0, "byteOffset": document.append(data), "byteLength": len(data), "byteStride": size}
        place = document.fallback + -document.fallback % 4
        document.fallback = place + count * size
        at = {"byteOffset": place} if place else {}
        shown = {"buffer": 1, **at, "byteLength": count * size, **view}
        document.views.append({**shown, "extensions": {MESHOPT: {**packed, "count": count, **how}}})
        return len(document.views) - 1
