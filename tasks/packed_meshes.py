"""Writes quantised meshes into a glTF document: plain, or compressed with EXT_meshopt_compression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from meshoptimizer import encode_index_buffer, encode_vertex_buffer

from ml.asset import F32, Part
from tasks.gltf_document import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, GltfDocument, Json
from tasks.gltf_materials import MaterialWriter
from tasks.packed_part import PackedPart, Stream, pack
from tasks.quantize import Packing, padded

MESHOPT = "EXT_meshopt_compression"


class QuantizedMeshes:
    """Meshes as KHR_mesh_quantization has them: integers, scaled back by each node and each texture reference."""

    def __init__(self, document: GltfDocument, materials: MaterialWriter, packing: Packing) -> None:
        self.document = document
        self.materials = materials
        self.packing = packing
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
        self.document.meshes.append({"name": part.name, "primitives": [primitive]})
        return len(self.document.meshes) - 1, self.packing.grid.transform

    def _attribute(self, name: str, stream: Stream) -> int:
        normalized = {"normalized": True} if stream.normalized else {}
        view = self._vertex_view(stream)
        return self.document.accessor(stream.values, bounds=name == "POSITION", bufferView=view, **normalized)

    def _vertex_view(self, stream: Stream) -> int:
        rows = stream.rows
        if stream.octahedral:
            rows = padded(stream.directions, rows.shape[1])
        return self.document.view(rows.reshape(-1).data, byteStride=rows.shape[1], target=ARRAY_BUFFER)

    def _indices(self, packed: PackedPart) -> int:
        corners = narrow(packed)
        view = self.document.view(corners.view(np.uint8).data, target=ELEMENT_ARRAY_BUFFER)
        return self.document.accessor(corners, bufferView=view)


class MeshoptMeshes(QuantizedMeshes):
    """The same, each buffer view compressed: what it would hold lies in a buffer that no file has."""

    def _vertex_view(self, stream: Stream) -> int:
        count, stride = stream.rows.shape
        data = encode_vertex_buffer(stream.rows, count, stride)
        how = {"filter": "OCTAHEDRAL"} if stream.octahedral else {}
        return self._compressed(data, count, stride, ARRAY_BUFFER, {"mode": "ATTRIBUTES", **how}, stride)

    def _indices(self, packed: PackedPart) -> int:
        corners = narrow(packed)
        data = encode_index_buffer(packed.faces.reshape(-1), len(corners), int(packed.faces.max()) + 1)
        size = corners.dtype.itemsize
        view = self._compressed(data, len(corners), size, ELEMENT_ARRAY_BUFFER, {"mode": "TRIANGLES"})
        return self.document.accessor(corners, bufferView=view)

    def _compressed(self, data: bytes, count: int, size: int, target: int, how: Json, stride: int | None = None) -> int:
        document = self.document
        document.required.add(MESHOPT)
        packed = {"buffer": 0, "byteOffset": document.append(data), "byteLength": len(data), "byteStride": size}
        place = document.fallback + -document.fallback % 4
        document.fallback = place + count * size
        view: Json = {"buffer": 1, "byteOffset": place, "byteLength": count * size}
        if stride is not None:
            view["byteStride"] = stride
        document.views.append({**view, "target": target, "extensions": {MESHOPT: {**packed, "count": count, **how}}})
        return len(document.views) - 1


def narrow(packed: PackedPart) -> npt.NDArray[np.uint16] | npt.NDArray[np.uint32]:
    """(3m,) corners, 16-bit where they fit; 65535 itself is kept free, it restarts primitives (§3.7.2.1)."""
    corners = np.ascontiguousarray(packed.faces.reshape(-1))
    return corners.astype(np.uint16) if len(packed.source) <= 65535 else corners
