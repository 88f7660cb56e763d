"""The binary form of a progressive mesh: a header and its columns, each packed on its own."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import U8, InputError
from tasks.progressive import Progressive

# Little endian: magic, version, then the counts b, g, s, t, u, l of progressive.Progressive. Each column follows as its
# packed length (uint32) and zlib stream (RFC 1950): points, faces, kept, offsets, added, third, turned, moved, levels.
# Numbers of 4 bytes are stored byte plane by byte plane, flags 8 to a byte (numpy.packbits). Faces are stored as
# differences to the number before, kept and third as differences to the twin's number, which is larger: small numbers.
MAGIC, VERSION = b"MMPM", 1
HEADER = struct.Struct("<4s7I")
MOST = 2**31 - 1  # of any count: indices are int32
Column = npt.NDArray[Any]


def encode(mesh: Progressive) -> bytes:
    """The mesh in the binary form above; `decode` gives back the same arrays."""
    twins = _twins(mesh)
    columns: list[Column] = [
        mesh.points,
        np.diff(mesh.faces.reshape(-1), prepend=np.int32(0)).astype(np.int32),
        (twins - mesh.kept).astype(np.int32),
        mesh.offsets,
        mesh.added,
        (np.repeat(twins, mesh.added) - mesh.third).astype(np.int32),
        np.packbits(mesh.turned),
        np.packbits(mesh.moved),
        mesh.levels,
    ]
    counts = [len(a) for a in (mesh.points, mesh.faces, mesh.kept, mesh.third, mesh.moved, mesh.levels)]
    packed = [zlib.compress(_planes(column).tobytes(), 6) for column in columns]
    return HEADER.pack(MAGIC, VERSION, *counts) + b"".join(struct.pack("<I", len(p)) + p for p in packed)


def decode(data: bytes) -> Progressive:
    """The mesh of `encode`; raises InputError `mesh.bad-progressive` for anything else."""
    try:
        magic, version, *counts = HEADER.unpack_from(data)
    except struct.error as error:
        raise _bad(str(error)) from error
    if magic != MAGIC or version != VERSION or max(counts) > MOST // 8:
        raise _bad(f"magic {magic!r}, version {version}, counts {counts}")
    b, g, s, t, u, levels = counts
    words, flags = np.dtype("<i4"), np.dtype("u1")
    shapes: list[tuple[tuple[int, ...], np.dtype[Any]]] = [((b, 3), np.dtype("<f4")), ((g, 3), words), ((s,), words)]
    shapes += [((s, 2, 3), np.dtype("<u4")), ((s,), flags), ((t,), words)]
    shapes += [((-(-t // 8),), flags), ((-(-u // 8),), flags), ((levels,), words)]
    columns: list[Column] = []
    at = HEADER.size
    for shape, kind in shapes:
        column, at = _column(data, at, shape, kind)
        columns.append(column)
    points, faces, kept, offsets, added, third, turned, moved, steps = columns
    if int(added.sum(dtype=np.int64)) != t:
        raise _bad(f"{int(added.sum(dtype=np.int64))} faces are added, {t} are there")
    twins = np.arange(b, b + s)
    faces = np.cumsum(faces.reshape(-1), dtype=np.int64).reshape(-1, 3)
    if not np.isfinite(points).all() or (faces.size and not (faces.min() >= 0 and faces.max() < b)):
        raise _bad("the base mesh is wrong")
    if steps.size and not (steps.min() >= 0 and steps.max() <= s):
        raise _bad(f"levels beyond {s} splits")
    return Progressive(
        points=points,
        faces=faces.astype(np.int32),
        kept=(twins - kept).astype(np.int32),
        offsets=offsets,
        added=added,
        third=(np.repeat(twins, added) - third).astype(np.int32),
        turned=np.unpackbits(turned, count=t).astype(np.bool_),
        moved=np.unpackbits(moved, count=u).astype(np.bool_),
        levels=steps,
    )


def _bad(message: str) -> InputError:
    return InputError("mesh.bad-progressive", f"not a progressive mesh: {message}")


def _twins(mesh: Progressive) -> npt.NDArray[np.int64]:
    return np.arange(len(mesh.points), len(mesh.points) + len(mesh.kept))


def _planes(column: Column) -> U8:
    """Its bytes, all the first ones first."""
    planes: U8 = np.ascontiguousarray(column.reshape(-1)).view(np.uint8).reshape(-1, column.itemsize).T
    return planes


def _column(data: bytes, at: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> tuple[Column, int]:
    """One column and where the next starts."""
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    try:
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        raw = zlib.decompressobj().decompress(data[at : at + length], size + 1)
    except (struct.error, zlib.error) as error:
        raise _bad(str(error)) from error
    if len(raw) != size:
        raise _bad(f"a column has not {size} bytes")
    planes = np.frombuffer(raw, np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind).reshape(shape), at + length
