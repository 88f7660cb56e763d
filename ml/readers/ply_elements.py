"""The elements of a PLY file, ASCII or binary of either byte order, as columns; claims are checked before reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError
from ml.readers.limits import ReadLimits
from ml.readers.text import BLANKS, parse_numbers

MAX_HEADER = 64 * 1024
TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
TYPES |= {"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2"}
TYPES |= {"int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"}
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Property:
    """One property of an element: its type, and the type of its length when it is a list."""

    name: str
    dtype: np.dtype[Any]
    count: np.dtype[Any] | None = None


@dataclass
class Element:
    """One element of the header and, once read, its columns: scalars by name, lists as flat values and lengths."""

    name: str
    rows: int
    properties: list[Property] = field(default_factory=list)
    scalars: dict[str, Column] = field(default_factory=dict)
    lists: dict[str, tuple[Column, npt.NDArray[np.int64]]] = field(default_factory=dict)


def read_elements(data: bytes, limits: ReadLimits) -> tuple[dict[str, Element], list[str]]:
    """Every element by name, and the header's comments; raises InputError `mesh.truncated|broken|too-large`."""
    end = data.find(b"end_header", 0, MAX_HEADER)
    newline = data.find(b"\n", end)
    if end < 0 or newline < 0:
        raise InputError("mesh.truncated", f"the PLY has no end_header in its first {MAX_HEADER} bytes")
    order, elements, comments = _header(data[:end].decode("latin-1"))
    for element in elements:
        limits.check(faces=element.rows if element.name == "face" else 0, vertices=element.rows)
    body = memoryview(data)[newline + 1 :]
    if order == "=":  # numbers of every type become one run of float64, which then reads like a binary file
        body = memoryview(parse_numbers(bytes(body).translate(BLANKS), np.float64).tobytes())
        double = np.dtype("=f8")
        for element in elements:
            element.properties = [Property(p.name, double, p.count and double) for p in element.properties]
    for element in elements:
        body = body[_read_rows(element, body) :]
    return {element.name: element for element in elements}, comments


def _header(text: str) -> tuple[str, list[Element], list[str]]:
    order, elements, comments = "", list[Element](), list[str]()
    for line in text.splitlines()[1:]:
        match line.split():
            case ["format", kind, *_] if kind in ORDERS:
                order = ORDERS[kind]
            case ["comment" | "obj_info", *_]:
                comments.append(line.split(None, 1)[1] if len(line.split()) > 1 else "")
            case ["element", name, rows] if rows.isdecimal():
                elements.append(Element(name, int(rows)))
            case ["property", "list", count, kind, name] if elements and TYPES.keys() >= {count, kind}:
                elements[-1].properties.append(Property(name, _dtype(order, kind), _dtype(order, count)))
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1].properties.append(Property(name, _dtype(order, kind)))
            case []:
                pass
            case _:
                raise InputError("mesh.broken", f"PLY header line {line[:80]!r} is not understood")
    if not order:
        raise InputError("mesh.broken", "the PLY header names no known format")
    return order, elements, comments


def _dtype(order: str, kind: str) -> np.dtype[Any]:
    return np.dtype(order + TYPES[kind])


def _read_rows(element: Element, body: memoryview) -> int:
    """Fill the element's columns from the start of `body`; returns the bytes it took."""
    least = sum((p.count or p.dtype).itemsize for p in element.properties)
    if element.rows * least > len(body):
        raise InputError(
            "mesh.truncated", f"{element.rows} {element.name} rows need {element.rows * least} bytes of {len(body)}"
        )
    if not element.rows or not element.properties:
        for p in element.properties:
            _put(element, p, np.empty(0, p.dtype), np.empty(0, np.int64))
        return 0
    return _read_uniform(element, body) or _read_ragged(element, body)


def _put(element: Element, p: Property, values: Column, counts: npt.NDArray[np.int64]) -> None:
    if p.count is None:
        element.scalars[p.name] = values
    else:
        element.lists[p.name] = (values.reshape(-1), counts)


def _read_uniform(element: Element, body: memoryview) -> int:
    """Read rows that all have the first row's list lengths as one table; 0 when they do not."""
    fields: list[tuple[Any, ...]] = []
    offset = 0
    for k, p in enumerate(element.properties):
        size = 1
        if p.count is not None:
            size = _length(body, offset, p.count)
            fields.append((f"n{k}", p.count))
            offset += p.count.itemsize
        fields.append((f"v{k}", p.dtype) if p.count is None else (f"v{k}", p.dtype, (size,)))
        offset += size * p.dtype.itemsize
        if offset > len(body):
            raise InputError("mesh.truncated", f"a {element.name} list of {size} values ends beyond the file")
    if element.rows * offset > len(body):
        return 0
    table = np.frombuffer(body, np.dtype(fields), element.rows)
    lengths = {k: table[f"n{k}"] for k, p in enumerate(element.properties) if p.count is not None}
    if any((column != column[0]).any() for column in lengths.values()):
        return 0
    for k, p in enumerate(element.properties):
        counts = lengths[k].astype(np.int64) if k in lengths else np.empty(0, np.int64)
        _put(element, p, table[f"v{k}"], counts)
    return element.rows * offset


def _read_ragged(element: Element, body: memoryview) -> int:
    """Walk rows of differing list lengths (0.4 µs a value of a row), then gather each column at once."""
    properties = element.properties
    starts = np.empty((len(properties), element.rows), np.int64)
    counts = np.ones((len(properties), element.rows), np.int64)
    offset = 0
    for row in range(element.rows):
        for k, p in enumerate(properties):
            if p.count is not None:
                counts[k, row] = size = _length(body, offset, p.count)
                starts[k, row] = offset + p.count.itemsize
                offset += p.count.itemsize + size * p.dtype.itemsize
            else:
                starts[k, row] = offset
                offset += p.dtype.itemsize
            if offset > len(body):
                raise InputError("mesh.truncated", f"{element.name} row {row} of {element.rows} ends beyond the file")
    octets = np.frombuffer(body, np.uint8)
    for k, p in enumerate(properties):
        within = np.arange(counts[k].sum()) - np.repeat(np.cumsum(counts[k]) - counts[k], counts[k])
        at = np.repeat(starts[k], counts[k]) + within * p.dtype.itemsize
        values = octets[at[:, None] + np.arange(p.dtype.itemsize)].reshape(-1).view(p.dtype)
        _put(element, p, values, counts[k])
    return offset


def _length(body: memoryview, offset: int, dtype: np.dtype[Any]) -> int:
    if offset + dtype.itemsize > len(body):
        raise InputError("mesh.truncated", "a list's length lies beyond the end of the file")
    size = np.frombuffer(body, dtype, 1, offset)[0]
    if not 0 <= size <= len(body):
        raise InputError("mesh.broken", f"a list claims {size} values")
    return int(size)
