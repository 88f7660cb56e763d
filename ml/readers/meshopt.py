"""Decodes EXT_ and KHR_meshopt_compression: attribute and index streams and the three filters that meshes use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import InputError

Bytes = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
MODES = ("ATTRIBUTES", "TRIANGLES", "INDICES")
FILTERS = ("NONE", "OCTAHEDRAL", "EXPONENTIAL", "COLOR")
BROKEN = -1
# Bits of the values of a group by its two-bit code: of version 0, and of version 1's two ways to write a byte.
WIDTHS = np.array([[0, 2, 4, 8], [0, 1, 2, 4], [1, 2, 4, 8]])
ZEROS, LITERAL = 2, 3  # version 1's other two: a byte that is 0 in the whole block, and one that is not packed
WHOLE, XOR = 1, 2  # how version 1 joins four bytes: as two 16-bit numbers, or as one that is xored; else each alone


def decode_meshopt(data: memoryview | bytes, count: int, stride: int, mode: str, filter_name: str = "NONE") -> Bytes:
    """The (count · stride,) bytes of a compressed buffer view, by the extension's appendices A and B.

    Raises InputError `mesh.broken` for a stream that is not one, `mesh.unsupported` for a mode or filter not read.
    """
    stream = np.frombuffer(data, np.uint8)
    if mode not in MODES or filter_name not in FILTERS:
        raise InputError("mesh.unsupported", f"meshopt mode {mode!r} with filter {filter_name!r} is not read")
    if mode != "ATTRIBUTES":
        return _indices(stream, count, stride, mode)
    if not 0 < stride <= 256 or stride % 4:
        raise InputError("mesh.broken", f"a meshopt stride of {stride} bytes")
    version = int(stream[0] & 0x0F) if len(stream) else 0
    # A group of 16 zeros takes 2 bits in version 0: 64 bytes a byte; a block of 256 rows 1 byte for 4 in version 1.
    most = 1024 if version else 512
    if (
        len(stream) < 1 + _tail(stride, version)
        or stream[0] not in (0xA0, 0xA1)
        or count * stride // most > len(stream)
    ):
        raise InputError("mesh.broken", "not a meshopt attribute stream")
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
        raise InputError("mesh.broken", f"the filter {name} over {stride} bytes")
    if name == "COLOR":
        return np.asarray(colors(rows.view(np.uint8 if stride == 4 else np.uint16)).reshape(-1).view(np.uint8))
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


def colors(packed: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n, 4) luma, two signed chroma, and alpha below a bit that says how many bits there are → unsigned RGBA."""
    signed = packed.view(np.int8 if packed.dtype == np.uint8 else np.int16).astype(np.int32)
    luma, alpha = packed[:, 0].astype(np.int32), packed[:, 3].astype(np.int32)
    orange, green = signed[:, 1], signed[:, 2]
    scale = alpha.copy()
    for bits in (1, 2, 4, 8):
        scale |= scale >> bits
    opaque = ((alpha << 1) & scale) | (alpha & 1)
    rgba = np.stack([luma + orange - green, luma + green, luma - orange - green, opaque], axis=1)
    most = float(np.iinfo(packed.dtype).max)
    return np.asarray(np.clip(np.floor(rgba * (most / np.maximum(scale, 1))[:, None] + 0.5), 0, most), packed.dtype)


@njit(cache=True, nogil=True)
def _tail(stride: int, version: int) -> int:
    """Bytes behind the blocks: the row before the first, version 1's ways to join bytes, and padding in front."""
    return max(stride + stride // 4, 24) if version else max(stride, 32)


@njit(cache=True, nogil=True)
def _attributes(stream: Bytes, rows: Bytes) -> int:
    """Blocks of up to 8 KB; in each, every byte of the stride is a run of deltas to the row before."""
    count, stride = rows.shape
    version = stream[0] & 0x0F
    block = min((8192 // stride) & ~15, 256)
    end = len(stream) - _tail(stride, version)
    joined = stride // 4 if version else 0
    last = stream[len(stream) - joined - stride : len(stream) - joined].copy()
    at = 1
    for start in range(0, count, block):
        size = min(block, count - start)
        codes = at
        at += joined
        if at > end:
            return BROKEN
        for k in range(stride):
            code = (stream[codes + k // 4] >> (2 * (k % 4))) & 3 if version else 0
            if code == LITERAL:
                if at + size > end:
                    return BROKEN
                rows[start : start + size, k] = stream[at : at + size]
                at += size
            elif code != ZEROS:
                at = _deltas(stream, at, end, rows, start, size, k, WIDTHS[version + code])
                if at == BROKEN:
                    return BROKEN
        for k in range(0, stride, 4):
            _sum(
                rows[start : start + size, k : k + 4],
                last[k : k + 4],
                stream[len(stream) - joined + k // 4] if version else 0,
            )
    return at


@njit(cache=True, nogil=True)
def _sum(rows: Bytes, last: Bytes, joined: int) -> None:
    """Deltas of four bytes to the row before → their values, in place; `last` is that row, then the last one."""
    if joined & 3 != XOR and joined & 3 != WHOLE:  # most streams: twice as fast as the loop for all widths
        for k in range(4):
            alone = last[k]
            for i in range(len(rows)):
                alone = np.uint8(alone + (np.uint8(-(rows[i, k] & 1)) ^ (rows[i, k] >> 1)))
                rows[i, k] = alone
            last[k] = alone
        return
    width = 4 if joined & 3 == XOR else 2
    mask = (1 << (8 * width)) - 1
    turn = (32 - (joined >> 4)) & 31
    for k in range(0, 4, width):
        value = 0
        for j in range(width):
            value |= int(last[k + j]) << (8 * j)
        for i in range(len(rows)):
            delta = 0
            for j in range(width):
                delta |= int(rows[i, k + j]) << (8 * j)
            if width == 4:
                value ^= ((delta << turn) | (delta >> (32 - turn))) & mask
            else:
                value = (value + _signed(delta)) & mask
            for j in range(width):
                rows[i, k + j] = (value >> (8 * j)) & 255
        for j in range(width):
            last[k + j] = (value >> (8 * j)) & 255


@njit(cache=True, nogil=True)
def _deltas(
    stream: Bytes, at: int, end: int, rows: Bytes, start: int, size: int, k: int, widths: npt.NDArray[np.int64]
) -> int:
    """Groups of 16 values of 0 to 8 bits, which of four widths two bits each in front; returns where they end."""
    groups = (size + 15) // 16
    head = at
    at += (groups + 3) // 4
    if at > end:
        return BROKEN
    for g in range(groups):
        bits = widths[(stream[head + g // 4] >> ((g % 4) * 2)) & 3]
        extra = at + 2 * bits
        if extra > end:
            return BROKEN
        top = (1 << bits) - 1 if bits < 8 else 256
        for i in range(16):
            value = 0
            if bits:
                place = i * bits
                low = place % 8 if bits == 1 else 8 - bits - place % 8  # single bits are written the other way round
                value = (stream[at + place // 8] >> low) & ((1 << bits) - 1)
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
