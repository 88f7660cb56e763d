"""A part on integer grids: equal vertices merged, collapsed faces dropped, in the order that compresses best."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from meshoptimizer import generate_vertex_remap, optimize_vertex_cache_strip, optimize_vertex_fetch_remap

from ml.asset import F32, U8, InputError, Part
from ml.readers.meshopt import octahedral, scaled
from tasks.quantize import Packing, octahedral_rows, padded, within

U32 = npt.NDArray[np.uint32]
LOSSY = "export.lossy"  # InputError: a compressed file would not show what the asset is


@dataclass(frozen=True)
class Stream:
    """One vertex attribute as a file holds it: (n, stride) bytes, and what its accessor says of them."""

    rows: U8
    kind: str  # numpy's type character
    width: int
    normalized: bool = False
    filter: str = ""  # by which meshopt decodes the rows; "" for none

    @property
    def values(self) -> npt.NDArray[Any]:
        """(n, width) numbers, still as the filter has them."""
        whole = np.ascontiguousarray(self.rows).view(np.dtype(self.kind))
        return whole[:, : self.width]

    @property
    def decoded(self) -> npt.NDArray[Any]:
        """(n, width) numbers as a reader has them."""
        whole = np.ascontiguousarray(self.rows).view(np.dtype(self.kind))
        if self.filter == "OCTAHEDRAL":
            return octahedral(whole, 127 if self.kind == "b" else 32767)[:, : self.width]
        return scaled(whole.view(np.int32)) if self.filter == "EXPONENTIAL" else self.values


@dataclass(frozen=True)
class PackedPart:
    """Triangles over merged vertices, and the attributes by glTF name."""

    part: Part
    faces: U32  # (m, 3)
    streams: dict[str, Stream]
    source: U32  # (n,) a vertex of `part` that each vertex is


def pack(part: Part, tangents: F32 | None, packing: Packing) -> PackedPart:
    """The part on its grids; raises InputError `export.lossy` when no face has three corners left.

    meshoptimizer orders the triangles for the strips that its codec predicts best, then the vertices as they are met.
    """
    streams = quantized(part, tangents, packing)
    rows = np.concatenate([stream.rows for stream in streams.values()], axis=1)
    merged = np.empty(len(rows), np.uint32)
    flat = np.ascontiguousarray(part.faces.reshape(-1), dtype=np.uint32)
    unique = generate_vertex_remap(merged, flat, len(flat), rows, len(rows), rows.shape[1])
    places = streams["POSITION"].rows.view(np.uint64)[:, 0]
    a, b, c = (places[part.faces[:, k]] for k in range(3))
    kept = (a != b) & (b != c) & (c != a)
    if not kept.any():
        raise InputError(LOSSY, f"{part.name!r} is smaller than a step of its file's grid, {packing.grid.step:.3g} m")
    corners = merged[part.faces[kept]].reshape(-1)
    source = np.empty(unique, np.uint32)
    source[merged[flat[::-1]]] = flat[::-1]
    ordered = np.empty_like(corners)
    optimize_vertex_cache_strip(ordered, corners, len(corners), unique)
    rank = np.empty(unique, np.uint32)
    used = optimize_vertex_fetch_remap(rank, ordered, len(ordered), unique)
    shown = np.empty(used, np.uint32)
    met = rank < used  # the others, corners of dropped faces alone, are marked with all bits
    shown[rank[met]] = source[met]
    final = {name: replace(stream, rows=stream.rows[shown]) for name, stream in streams.items()}
    return PackedPart(part, rank[ordered].reshape(-1, 3), final, shown)


def quantized(part: Part, tangents: F32 | None, packing: Packing) -> dict[str, Stream]:
    """Every attribute of the part as integers, each row a multiple of four bytes as buffer views want it."""
    streams = {"POSITION": Stream(padded(packing.grid.snap(part.vertices), 8), "H", 3)}
    kind, stride = ("b", 4) if packing.normal_bits <= 8 else ("h", 8)
    for name, vectors in (("NORMAL", part.normals), ("TANGENT", tangents)):
        if vectors is not None:
            rows = padded(octahedral_rows(vectors, packing.normal_bits), stride)
            streams[name] = Stream(rows, kind, 4 if name == "TANGENT" else 3, True, "OCTAHEDRAL")
    if part.uv is not None:
        uv_grid = packing.uv_grid(part)
        gridded = None if uv_grid is None else Stream(padded(uv_grid.snap(part.uv), 4), "H", 2, True)
        streams["TEXCOORD_0"] = gridded or _plain(part.uv)
    if part.uv1 is not None:
        streams["TEXCOORD_1"] = _plain(part.uv1)
    if part.colors is not None:
        streams["COLOR_0"] = Stream(padded(part.colors, 4), "B", 4, True)
    return streams


def _plain(uv: F32) -> Stream:
    """Coordinates that no material can scale back: 16 bits over [0, 1] or [−1, 1], floats beyond.

    The floats lie on a grid of a power of two, which meshopt's exponential filter packs; 65535 steps span them.
    """
    most = within(uv)
    if most:
        kind = "H" if most == 65535 else "h"
        return Stream(padded(np.rint(uv * float(most)).astype(kind), 4), kind, 2, True)
    exponent = math.ceil(math.log2(max(float(np.ptp(uv, axis=0).max()), float(np.abs(uv).max()) / 64.0) / 65535.0))
    words = np.rint(uv.astype(np.float64) * 2.0**-exponent).astype(np.int32)
    return Stream(padded((words & 0xFFFFFF) | (exponent << 24), 8), "f", 2, False, "EXPONENTIAL")
