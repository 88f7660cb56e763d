"""Reads OFF and its variants with colours, normals or texture coordinates (COFF, NOFF, STOFF)."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError, Part, make_part
from ml.normals import repaired_normals
from ml.readers.colors import linear_bytes
from ml.readers.coordinates import flipped_uv
from ml.readers.limits import ReadLimits, parsing
from ml.readers.polygons import triangulate
from ml.readers.text import BLANKS, I64, count_tokens, parse_numbers

MAGIC = re.compile(rb"\s*(?:#[^\n]*\n\s*)*(ST)?(C)?(N)?OFF\b")
Table = npt.NDArray[np.float64]


def read_off(data: bytes, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in the bytes of an .off, one part; colours of faces are left out, those of vertices are kept.

    Raises InputError `mesh.truncated`, `mesh.broken`, `mesh.bad-index`, `mesh.not-finite` or `mesh.too-large`.
    """
    with parsing("OFF"):
        magic = MAGIC.match(data)
        if magic is None:
            raise InputError("mesh.broken", "the file does not begin with OFF")
        values, counts = _rows(data[magic.end() :])
        if len(counts) == 0 or counts[0] < 2:
            raise InputError("mesh.truncated", "the OFF has no vertex and face counts")
        vertices, faces = (int(value) for value in values[:2])
        limits.check(faces, vertices)
        if len(counts) < 1 + vertices + faces:
            raise InputError("mesh.truncated", f"{vertices} vertices and {faces} faces in {len(counts) - 1} lines")
        ends = np.cumsum(counts)
        split = int(ends[vertices])
        table = _vertex_table(values[counts[0] : split], counts[1 : 1 + vertices])
        rows = slice(1 + vertices, 1 + vertices + faces)
        triangles = _faces(values[split : int(ends[vertices + faces])], counts[rows], table, limits)
        return Asset((_part(table, triangles, magic),))


def _rows(body: bytes) -> tuple[Table, I64]:
    """All numbers, and how many stand in each line that holds any."""
    text = re.sub(rb"#[^\n]*", b"", body.translate(BLANKS))
    octets = np.frombuffer(text + b"\n", dtype=np.uint8)
    ends = np.flatnonzero(octets == 10)
    counts = count_tokens(octets, np.concatenate([[0], ends[:-1] + 1]))
    values = parse_numbers(text, np.float64)
    if len(values) != counts.sum():
        raise InputError("mesh.broken", "the OFF holds text where numbers should stand")
    return values, counts[counts > 0]


def _vertex_table(values: Table, counts: I64) -> Table:
    if len(counts) == 0:
        return np.empty((0, 3))
    if counts.min() != counts.max() or counts[0] < 3:
        raise InputError("mesh.broken", f"vertex lines hold {counts.min()} to {counts.max()} numbers")
    return values.reshape(len(counts), -1)


def _faces(values: Table, counts: I64, table: Table, limits: ReadLimits) -> I64:
    """(t, 3) triangles of the lines `n i₁ … iₙ [colour]`."""
    starts = np.cumsum(counts) - counts
    sizes = values[starts]
    if ((sizes < 0) | (sizes > counts - 1)).any():
        raise InputError("mesh.truncated", "a face line has fewer indices than it claims")
    polygons = sizes.astype(np.int64)
    limits.check(faces=int(np.maximum(polygons - 2, 0).sum()))
    within = np.arange(len(values)) - np.repeat(starts, counts)
    corners = values[(within >= 1) & (within <= np.repeat(polygons, counts))]
    if len(corners) and not (corners.min() >= 0 and corners.max() < len(table)):
        raise InputError("mesh.bad-index", f"face index {corners.max()} (or {corners.min()}) of {len(table)} vertices")
    indices = corners.astype(np.int64)
    triangles, _ = triangulate(table[indices, :3], polygons)
    return indices[triangles]


def _part(table: Table, triangles: I64, magic: re.Match[bytes]) -> Part:
    """The letters before OFF say what follows x, y, z: normals (N), then colours (C), then coordinates (ST)."""
    part = make_part(table[:, :3], triangles)
    column = 3
    if magic[3] and table.shape[1] >= column + 3:
        normals = table[:, column : column + 3].astype(np.float32)
        part = replace(part, normals=repaired_normals(normals, part.vertices, part.faces))
        column += 3
    if magic[2] and table.shape[1] >= column + 3:
        uv_columns = 2 if magic[1] else 0
        colors = np.nan_to_num(table[:, column : min(column + 4, table.shape[1] - uv_columns)])
        part = replace(part, colors=linear_bytes(colors / (255.0 if colors.size and colors.max() > 1.0 else 1.0)))
        column += colors.shape[1]
    if magic[1] and table.shape[1] >= column + 2:
        part = replace(part, uv=flipped_uv(table[:, column : column + 2]))
    return part
