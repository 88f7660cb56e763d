"""Reads STL, binary and ASCII, welding the corners that coincide exactly; the format has no units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, Asset, InputError, make_part
from ml.readers.limits import ReadLimits, parsing
from ml.readers.text import Lines

HEADER, RECORD = 84, 50
NO_UNITS = "STL has no units: numbers are taken as metres until a scale step decides"


def read_stl(data: bytes, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in the bytes of an .stl, one welded part without normals (the stored facet normals are redundant).

    Raises InputError `mesh.truncated`, `mesh.broken`, `mesh.not-finite` or `mesh.too-large`.
    """
    with parsing("STL"):
        corners = _ascii(data, limits) if _is_ascii(data) else _binary(data, limits)
        return Asset((make_part(*weld_exact(corners)),), notes={"import_units": NO_UNITS})


def _is_ascii(data: bytes) -> bool:
    """Some binary files begin with `solid` too, so a binary size that fits decides first."""
    if len(data) >= HEADER and HEADER + RECORD * _claimed(data) == len(data):
        return False
    return data.lstrip()[:5].lower() == b"solid" and (b"facet" in data[:4096].lower() or b"endsolid" in data.lower())


def _claimed(data: bytes) -> int:
    return int.from_bytes(data[80:HEADER], "little")


def _binary(data: bytes, limits: ReadLimits) -> F32:
    if len(data) < HEADER:
        raise InputError("mesh.truncated", f"an STL of {len(data)} bytes; its header alone takes {HEADER}")
    faces = _claimed(data)
    limits.check(faces=faces)
    if HEADER + RECORD * faces > len(data):
        held = (len(data) - HEADER) // RECORD
        raise InputError("mesh.truncated", f"the STL claims {faces} triangles and holds {held}")
    record = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    corners: F32 = np.frombuffer(data, record, faces, HEADER)["corners"].reshape(-1, 3)
    return corners


def _ascii(data: bytes, limits: ReadLimits) -> F32:
    lines = Lines(data.lower())
    vertices = lines.begins_with(b"ver")
    count = int(vertices.sum())
    limits.check(vertices=count)
    facets = int(lines.begins_with(b"fac").sum())
    if count != 3 * facets or b"endsolid" not in data[-4096:].lower():
        raise InputError("mesh.truncated", f"the STL holds {count} corners for {facets} facets, or has no endsolid")
    return lines.vectors(vertices, len("vertex"), 3, 3).astype(np.float32)


def weld_exact(corners: F32) -> tuple[F32, I32]:
    """Distinct points (n, 3) of a triangle soup's corners (3m, 3), and faces (m, 3) over them.

    Bit patterns are sorted as integers, x and y as one 64-bit key and then z: 8× faster than np.unique(axis=0).
    """
    bits = np.ascontiguousarray(corners + np.float32(0.0), dtype=np.float32).view(np.uint32).astype(np.uint64)
    shift = np.uint64(32)
    _, planar = np.unique((bits[:, 0] << shift) | bits[:, 1], return_inverse=True)
    key: npt.NDArray[np.uint64] = (planar.astype(np.uint64) << shift) | bits[:, 2]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # vertices in the order the file names them
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return np.ascontiguousarray(corners[first[order]]), rank[inverse].reshape(-1, 3)
