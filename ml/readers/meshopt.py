"""Decodes EXT_meshopt_compression: attribute and index streams and the two filters that meshes use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import InputError

Bytes = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
MODES = ("ATTRIBUTES", "TRIANGLES", "INDICES")
BROKEN = -1


def decode_meshopt(data: memoryview | bytes, count: int, stride: int, mode: str, filter_name: str = "NONE") -> Bytes:
    """The (count · stride,) bytes of a compressed buffer view, by the extension's appendices A and B.

    Raises InputError `mesh.broken` for a stream that is not one, `mesh.unsupported` for a mode or filter not read.
    """
    stream = np.frombuffer(data, np.uint8)
    if mode not in MODES or filter_name not in ("NONE", "OCTAHEDRAL", "EXPONENTIAL"):
        raise InputError("mesh.unsupported", f"meshopt mode {mode!r} with filter {filter_name!r} is not read")
    if mode != "ATTRIBUTES":
        return _indices(stream, count, stride, mode)
    if not 0 < stride <= 256 or stride % 4:
        raise InputError("mesh.broken", f"a meshopt stride of {stride} bytes")
    if len(stream) < 1 + max(stride, 32) or stream[0] != 0xA0 or (count * stride) // 512 > len(stream):
        raise InputError("mesh.broken", "not a meshopt attribute stream")  # 16 zeros take 2 bits: 64 is the most
    rows = np.zeros((count, stride), np.uint8)
    if _attributes(stream, rows) == BROKEN:
        raise InputError("mesh.truncated", "a meshopt attribute stream ends too early")
    return _filtered(rows, stride, filter_name)


def _indices(stream: Bytes, count: int, stride: int, mode: str) -> Bytes:
    if stride not in (2, 4):
        raise InputError("mesh.broken", f"meshopt indices of {stride} bytes")
    head = 0xE1 if mode == "TRIANGLES" else 0xD1
    least = 1 + count // 3 + 16 if mode == "TRIANGLES" else 1 + count + 4
    if len(stream) < least or stream[0] != head or (mode == "TRIANGLES" and count % 3):
        raise InputError("mesh.broken", "not a meshopt index stream")
    out = np.zeros(count, np.uint32)
    used = _triangles(stream, out) if mode == "TRIANGLES" else _sequence(stream, out)
    if used == BROKEN:
        raise InputError("mesh.truncated", "a meshopt index stream ends too early")
    corners: npt.NDArray[Any] = out.astype(np.uint16) if stride == 2 else out
    return np.asarray(corners.view(np.uint8))


def _filtered(rows: Bytes, stride: int, name: str) -> Bytes:
    if name == "NONE":
        return rows.reshape(-1)
    if name == "EXPONENTIAL":
        return np.asarray(scaled(rows.reshape(-1).view(np.int32)).view(np.uint8))
    if stride not in (4, 8):
        raise InputError("mesh.broken", f"an octahedral filter over {stride} bytes")
    values8 = rows.view(np.int8 if stride == 4 else np.int16)
    unit = octahedral(values8, 127 if stride == 4 else 32767)
    return np.asarray(unit.reshape(-1).view(np.uint8))


def scaled(words: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Floats of 24 bits of mantissa below 8 bits of exponent, both signed."""
    return np.asarray(np.ldexp(((words << 8) >> 8).astype(np.float64), words >> 24), np.float32)


def octahedral(packed: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """(n, 4) signed x, y, the scale of one, w → the unit vector in units of 1/most, and w as it is."""
    x, y = packed[:, 0].astype(np.float64), packed[:, 1].astype(np.float64)
    z = packed[:, 2] - np.abs(x) - np.abs(y)
    fold = np.minimum(z, 0.0)
    x, y = x + np.where(x >= 0, fold, -fold), y + np.where(y >= 0, fold, -fold)
    vectors = np.stack([x, y, z], axis=1)
    vectors *= most / np.maximum(np.sqrt((vectors**2).sum(axis=1, keepdims=True)), 1e-300)
    unit = np.trunc(vectors + np.copysign(0.5, vectors)).astype(packed.dtype)
    return np.concatenate([unit, packed[:, 3:]], axis=1)


@njit(cache=True, nogil=True)
def _attributes(stream: Bytes, rows: Bytes) -> int:
    """Blocks of up to 8 KB; in each, every byte of the stride is a run of deltas to the row before."""
    count, stride = rows.shape
    block = min((8192 // stride) & ~15, 256)
    end = len(stream) - max(stride, 32)
    at = 1
    last = stream[len(stream) - stride :].copy()
    for start in range(0, count, block):
        size = min(block, count - start)
        for k in range(stride):
            at = _deltas(stream, at, end, rows, start, size, k)
            if at == BROKEN:
                return BROKEN
            value = last[k]
            for i in range(start, start + size):
                delta = rows[i, k]
                value = np.uint8(value + (np.uint8(-(delta & 1)) ^ (delta >> 1)))
                rows[i, k] = value
            last[k] = value
    return at


@njit(cache=True, nogil=True)
def _deltas(stream: Bytes, at: int, end: int, rows: Bytes, start: int, size: int, k: int) -> int:
    """Groups of 16 values of 0, 2, 4 or 8 bits, the width two bits each in front; returns where they end."""
    groups = (size + 15) // 16
    head = at
    at += (groups + 3) // 4
    if at > end:
        return BROKEN
    for g in range(groups):
        width = (stream[head + g // 4] >> ((g % 4) * 2)) & 3
        bits = 0 if width == 0 else 1 << width
        extra = at + 2 * bits
        if extra > end:
            return BROKEN
        top = (1 << bits) - 1 if bits < 8 else 256
        for i in range(16):
            value = 0
            if bits:
                place = i * bits
                value = (stream[at + place // 8] >> (8 - bits - place % 8)) & ((1 << bits) - 1)
                if value == top:
                    if extra >= end:
                        return BROKEN
                    value = stream[extra]
                    extra += 1
            row = g * 16 + i
            if row < size:
                rows[start + row, k] = value
        at = extra
    return at


@njit(cache=True, nogil=True)
def _varint(stream: Bytes, at: int) -> tuple[int, int]:
    """(value, where it ends) of a base-128 number of at most five bytes; 0 beyond the end of the stream."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(stream):
            return 0, at
        byte = int(stream[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
    return value, at


@njit(cache=True, nogil=True)
def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


@njit(cache=True, nogil=True)
def _sequence(stream: Bytes, out: U32) -> int:
    """Deltas to one of two running indices; the lowest bit says to which."""
    last = np.zeros(2, np.int64)
    at, end = 1, len(stream) - 4
    for i in range(len(out)):
        if at >= end:
            return BROKEN
        value, at = _varint(stream, at)
        which = value & 1
        last[which] = (last[which] + _signed(value >> 1)) & 0xFFFFFFFF
        out[i] = last[which]
    return at


@njit(cache=True, nogil=True)
def _corner(code: int, fifo: U32, front: int, state: npt.NDArray[np.int64], stream: Bytes) -> int:
    """A corner by its 4-bit code: 0 a new vertex, 15 a delta to the last one, else a recent one."""
    if code == 0:
        state[0] += 1
        return int(state[0] - 1)
    if code == 15:
        value, state[2] = _varint(stream, state[2])
        state[1] = (state[1] + _signed(value)) & 0xFFFFFFFF
        return int(state[1])
    return int(fifo[(front - code) & 15])


@njit(cache=True, nogil=True)
def _triangles(stream: Bytes, out: U32) -> int:
    """One code byte a triangle: an edge of one of the last 16 and a vertex, or three vertices."""
    edges, fifo = np.zeros((16, 2), np.uint32), np.zeros(16, np.uint32)
    edge, front = 0, 0
    table = len(stream) - 16
    state = np.zeros(3, np.int64)  # next new vertex, last delta's vertex, place in the data
    state[2] = 1 + len(out) // 3
    for t in range(len(out) // 3):
        if state[2] > table:
            return BROKEN
        code = int(stream[1 + t])
        if code < 0xF0:
            a, b = edges[(edge - 1 - (code >> 4)) & 15]
            low = code & 15
            fresh = low == 0 or low >= 13
            if low in (13, 14):
                state[1] = (state[1] + (low - (low ^ 3))) & 0xFFFFFFFF
                c = state[1]
            elif low in (0, 15):
                c = _corner(low, fifo, front, state, stream)
            else:
                c = int(fifo[(front - 1 - low) & 15])
            if fresh:
                fifo[front], front = c, (front + 1) & 15
            edges[edge, 0], edges[edge, 1] = c, b
            edges[(edge + 1) & 15, 0], edges[(edge + 1) & 15, 1] = a, c
            edge = (edge + 2) & 15
        else:
            if code < 0xFE:
                pair, first = int(stream[table + (code & 15)]), 0
            else:
                pair, first = int(stream[state[2]]), 0 if code == 0xFE else 15
                state[2] += 1
                if pair == 0:
                    state[0] = 0
            second, third = pair >> 4, pair & 15
            a, b, c = _three(first, second, third, fifo, front, state, stream)
            fifo[front], front = a, (front + 1) & 15
            if second in (0, 15):
                fifo[front], front = b, (front + 1) & 15
            if third in (0, 15):
                fifo[front], front = c, (front + 1) & 15
            for p, q in ((b, a), (c, b), (a, c)):
                edges[edge, 0], edges[edge, 1] = p, q
                edge = (edge + 1) & 15
        out[3 * t], out[3 * t + 1], out[3 * t + 2] = a, b, c
    return int(state[2])


@njit(cache=True, nogil=True)
def _three(
    first: int, second: int, third: int, fifo: U32, front: int, state: npt.NDArray[np.int64], stream: Bytes
) -> tuple[int, int, int]:
    """Corners of a triangle without a known edge; new vertices are counted before deltas are read."""
    a = _corner(first, fifo, front, state, stream) if first == 0 else 0
    b = _corner(second, fifo, front, state, stream) if second != 15 else 0
    c = _corner(third, fifo, front, state, stream) if third != 15 else 0
    if first == 15:
        a = _corner(15, fifo, front, state, stream)
    if second == 15:
        b = _corner(15, fifo, front, state, stream)
    if third == 15:
        c = _corner(15, fifo, front, state, stream)
    return a, b, c
