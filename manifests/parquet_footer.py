"""What a Parquet file's footer says of its column chunks, read here: pyarrow ends the process over a lie in it."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from manifests.errors import ManifestError

DICTIONARIES = {2, 8}  # PLAIN_DICTIONARY, RLE_DICTIONARY
STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
INTEGERS = (4, 5, 6)


@dataclass(frozen=True)
class Chunk:
    """A column's part of a row group."""

    name: str  # of the column in the schema, without what lies below it
    by_dictionary: bool
    packed: int  # bytes
    unpacked: int  # bytes


def chunks(stream: IO[bytes], uri: str) -> list[Chunk]:
    """Of every row group; raises ManifestError for a footer that is none.

    `FileMetaData.row_groups[].columns[].meta_data` of parquet.thrift, in Thrift's compact protocol. pyarrow 26 has the
    same numbers in `metadata.row_group(i).column(j)`, which calls std::terminate when a chunk's size statistics do not
    fit its schema: one wrong byte of a manifest would have ended the driver (found by bench/fuzz.py).
    """
    try:
        end = stream.seek(-8, os.SEEK_END)
        (length,) = struct.unpack("<I", stream.read(4))
        stream.seek(end - length)
        footer = _struct(io.BytesIO(stream.read(length)))
        return [_chunk(column[3]) for group in footer[4] for column in group[1]]
    except (
        OSError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
        struct.error,
    ) as error:
        raise ManifestError(f"{uri}: is not a whole Parquet file: its footer cannot be read") from error
    finally:
        stream.seek(0)


def _chunk(meta: dict[int, Any]) -> Chunk:
    name = meta[3][0].decode("utf-8", "replace")
    return Chunk(name, not DICTIONARIES.isdisjoint(meta[2]), int(meta[7]), int(meta[6]))


def _struct(data: IO[bytes]) -> dict[int, Any]:
    """Fields by number."""
    found: dict[int, Any] = {}
    number = 0
    while (head := _byte(data)) != STOP:
        number = number + (head >> 4) if head >> 4 else _whole(data)
        kind = head & 15
        found[number] = kind == TRUE if kind in (TRUE, FALSE) else _value(data, kind)
    return found


def _value(data: IO[bytes], kind: int) -> Any:
    if kind in INTEGERS:
        return _whole(data)
    if kind == BINARY:
        return data.read(_varint(data))
    if kind == STRUCT:
        return _struct(data)
    if kind in (LIST, SET):
        return list(_items(data))
    if kind in (TRUE, FALSE, BYTE):
        return _byte(data)
    if kind == DOUBLE:
        return data.read(8)
    if kind == MAP:
        size = _varint(data)
        kinds = _byte(data) if size else 0
        return [(_value(data, kinds >> 4), _value(data, kinds & 15)) for _ in range(size)]
    raise ValueError(f"no type {kind}")


def _items(data: IO[bytes]) -> Iterator[Any]:
    head = _byte(data)
    size = head >> 4
    return (_value(data, head & 15) for _ in range(_varint(data) if size == 15 else size))


def _byte(data: IO[bytes]) -> int:
    return data.read(1)[0]  # IndexError at the end


def _whole(data: IO[bytes]) -> int:
    """A signed number (zigzag)."""
    number = _varint(data)
    return (number >> 1) ^ -(number & 1)


def _varint(data: IO[bytes]) -> int:
    number = 0
    for shift in range(0, 70, 7):
        byte = _byte(data)
        number |= (byte & 127) << shift
        if byte < 128:
            return number
    raise ValueError("a number without an end")
