"""Writes meshes compressed with KHR_draco_mesh_compression, by the Draco library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import DracoPy
import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError, Part
from tasks.gltf_document import GltfDocument, Json
from tasks.gltf_materials import MaterialWriter
from tasks.packed_part import LOSSY, PackedPart, pack
from tasks.quantize import Grid, Packing
from tasks.triangle_match import match

DRACO = "KHR_draco_mesh_compression"
LEVEL = 7  # of 10; 10 saves another 1 % and decodes in twice the time
TYPES = {0: "POSITION", 1: "NORMAL", 2: "COLOR_0", 3: "TEXCOORD_0"}  # Draco's attribute types
GENERIC = 4
UV1, SIDE = 7, 8  # numbers of generic attributes
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Decoded:
    """What the stream gives back: faces, values and identities by glTF name, and what SIDE holds."""

    faces: npt.NDArray[np.uint32]
    values: dict[str, Array]
    ids: dict[str, int]
    side: Array | None


class DracoMeshes:
    """Meshes whose primitives are Draco streams; decoded at once, as only that tells how many vertices they have."""

    def __init__(self, document: GltfDocument, materials: MaterialWriter, packing: Packing) -> None:
        self.document = document
        self.materials = materials
        self.packing = packing
        document.required.add(DRACO)

    def add(self, part: Part, tangents: F32 | None) -> tuple[int, Json]:
        """One mesh of one primitive; returns its index and the transform that undoes the grid."""
        packed = pack(part, tangents, self.packing)
        sides = _sides(packed)
        data = self._encoded(packed, self.packing.uv_grid(part), sides)
        made = _decoded(data)
        if "TEXCOORD_1" in made.values:  # the binding widens 16-bit integers on their way out
            made.values["TEXCOORD_1"] = made.values["TEXCOORD_1"].astype(packed.streams["TEXCOORD_1"].kind)
        attributes = {
            name: self._accessor(values, bounds=name == "POSITION", normalized=values.dtype.kind == "u")
            for name, values in made.values.items()
        }
        extension = {"bufferView": self.document.view(data), "attributes": made.ids}
        if tangents is not None:
            attributes["TANGENT"] = self._tangents(packed, made, sides)
        if part.uv is None and part.uv1 is not None:  # set 1 may not stand alone (§3.7.2.1)
            attributes["TEXCOORD_0"] = attributes["TEXCOORD_1"]
            made.ids["TEXCOORD_0"] = made.ids["TEXCOORD_1"]
        primitive = {
            "attributes": attributes,
            "indices": self._accessor(made.faces.reshape(-1)),
            "material": self.materials.index(part.material),
            "extensions": {DRACO: extension},
        }
        self.document.meshes.append({"primitives": [primitive]})  # named by its node
        return len(self.document.meshes) - 1, self.packing.grid.transform

    def _encoded(self, packed: PackedPart, uv_grid: Grid | None, sides: Array | None) -> bytes:
        """Coordinates already lie on the grids that Draco quantises to, so that it moves none of them.

        Positions go in as grid indices: Draco hands its range over as text of six decimals.
        """
        part, streams, bits = packed.part, packed.streams, self.packing.grid.bits
        more: dict[str, Any] = {}
        generic = {} if sides is None else {SIDE: sides}
        if uv_grid is not None:
            more["tex_coord"] = uv_grid.place(streams["TEXCOORD_0"].values)
            more["tex_coord_quantization_bits"] = uv_grid.bits
        if part.normals is not None:
            more["normals"] = part.normals[packed.source].astype(np.float64)
            more["normal_quantization_bits"] = self.packing.normal_bits
        if part.colors is not None:
            more["colors"] = part.colors[packed.source]
        if part.uv1 is not None:
            generic[UV1] = np.ascontiguousarray(streams["TEXCOORD_1"].decoded)
        if generic:
            more["generic_attributes"] = generic
        more |= {"quantization_bits": bits, "quantization_range": 2**bits - 1, "quantization_origin": np.zeros(3)}
        places = streams["POSITION"].values.astype(np.float32)
        try:
            return bytes(DracoPy.encode(places, packed.faces, compression_level=LEVEL, **more))
        except Exception as error:
            raise InputError(LOSSY, f"Draco refuses {part.name!r}: {error}") from error

    def _tangents(self, packed: PackedPart, made: _Decoded, sides: Array | None) -> int:
        """Tangents beside the stream, in the order it decodes to: Draco's Python binding quantises no vec4."""
        ours, theirs = packed.streams["POSITION"].values, np.rint(made.values["POSITION"]).astype(np.uint16)
        if sides is not None and made.side is not None:
            ours, theirs = np.c_[ours, sides], np.c_[theirs, made.side]
        pairs = match(ours, packed.faces, theirs, made.faces)
        if pairs is None:
            raise InputError(LOSSY, f"Draco changed the triangles of {packed.part.name!r}")
        self.document.required.add("KHR_mesh_quantization")
        directions = packed.streams["TANGENT"].decoded
        rows = np.zeros((len(theirs), 4), directions.dtype)
        rows[pairs[1]] = directions[pairs[0]]
        return self.document.array(rows, normalized=True)

    def _accessor(self, values: Array, *, bounds: bool = False, normalized: bool = False) -> int:
        return self.document.accessor(values, bounds=bounds, **({"normalized": True} if normalized else {}))


def _sides(packed: PackedPart) -> Array | None:
    """(n, 1) 1 for vertices of mirrored charts, where a part also has others.

    Draco unites vertices that are equal in all it holds, as those on the line between a chart and its mirror image are.
    """
    if "TANGENT" not in packed.streams:
        return None
    mirrored = (packed.streams["TANGENT"].decoded[:, 3:] < 0).astype(np.uint8)
    return mirrored if mirrored.any() and not mirrored.all() else None


def _decoded(data: bytes) -> _Decoded:
    mesh = DracoPy.decode(data)
    generic = {UV1: "TEXCOORD_1", SIDE: "side"}
    named = {
        generic[entry["unique_id"]] if entry["attribute_type"] == GENERIC else TYPES[entry["attribute_type"]]: entry
        for entry in mesh.attributes
    }
    values = {name: np.asarray(entry["data"]).reshape(len(mesh.points), -1) for name, entry in named.items()}
    side = values.pop("side", None)
    ids = {name: int(named[name]["unique_id"]) for name in values}
    return _Decoded(np.asarray(mesh.faces, np.uint32), values, ids, side)
