"""The UASTC 4×4 texture format in the modes of one subset: their layout, their levels, and the block decoder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

# The modes of one subset that are read and written. Columns: prefix, its bits, hint bits, channels, planes, weight
# bits, endpoint bits, whether endpoints carry a base-3 digit. Khronos Data Format 1.4, "UASTC LDR 4×4".
SOLID = 8
MODES = np.zeros((19, 8), np.int64)
MODES[0] = (0x01, 4, 15, 3, 1, 4, 6, 1)
MODES[1] = (0x35, 6, 15, 3, 1, 2, 8, 0)
MODES[5] = (0x0B, 5, 15, 3, 1, 3, 8, 0)
MODES[SOLID] = (0x17, 5, 0, 4, 0, 0, 0, 0)
MODES[10] = (0x02, 3, 17, 4, 1, 4, 4, 1)
MODES[11] = (0x00, 2, 17, 4, 2, 2, 4, 1)
MODES[12] = (0x06, 3, 17, 4, 1, 3, 6, 1)
MODES[14] = (0x0D, 5, 23, 4, 1, 2, 8, 0)
MODES[18] = (0x09, 4, 15, 3, 1, 5, 5, 0)

WEIGHTS = np.zeros((6, 32), np.int64)
WEIGHTS[2, :4] = (0, 21, 43, 64)
WEIGHTS[3, :8] = (0, 9, 18, 27, 37, 46, 55, 64)
WEIGHTS[4, :16] = (0, 4, 8, 12, 17, 21, 25, 29, 35, 39, 43, 47, 52, 56, 60, 64)
WEIGHTS[5] = (*range(0, 32, 2), *range(34, 66, 2))


def _levels(bits: int, trits: int) -> I64:
    """The 8-bit value of every endpoint code (ASTC specification, "Endpoint Unquantization")."""
    codes = np.arange((3 if trits else 1) << bits)
    low = codes & ((1 << bits) - 1)
    if not trits:
        return np.asarray((low << (8 - bits)) | (low >> max(2 * bits - 8, 0)), np.int64)
    scale, places = {4: (22, "dcb000dcb"), 6: (5, "fedcb000f")}[bits]
    spread = np.zeros_like(codes)
    for place in places:
        spread = (spread << 1) | (0 if place == "0" else (low >> (ord(place) - ord("a"))) & 1)
    flip = np.where(low & 1, 511, 0)
    value = ((codes >> bits) * scale + spread) ^ flip
    return np.asarray((flip & 0x80) | (value >> 2), np.int64)


LEVELS = np.zeros((19, 256), np.int64)
for _mode in (0, 1, 5, 10, 11, 12, 14, 18):
    _found = _levels(int(MODES[_mode, 6]), int(MODES[_mode, 7]))
    LEVELS[_mode, : len(_found)] = _found


@njit(cache=True, nogil=True)
def _bits(block: U8, at: int, count: int) -> int:
    value = 0
    for k in range(count):
        value |= ((int(block[(at + k) >> 3]) >> ((at + k) & 7)) & 1) << k
    return value


@njit(cache=True, nogil=True)
def mode_of(first: int, modes: I64) -> int:
    """The mode whose prefix a block begins with; −1 for one that is not read."""
    for mode in range(len(modes)):
        size = modes[mode, 1]
        if size and (first & ((1 << size) - 1)) == modes[mode, 0]:
            return mode
    return -1


@njit(cache=True, nogil=True)
def endpoint_codes(block: U8, at: int, values: int, bits: int, trits: int, codes: I64) -> int:
    """Read endpoint codes: base-3 digits first, five to a byte, then the low bits of each; returns where they end."""
    digits = np.zeros(10, np.int64)
    if trits:
        for start in range(0, values, 5):
            count = min(5, values - start)
            size = 8 if count == 5 else 2 if count == 1 else 4 if count == 2 else 5 if count == 3 else 7
            packed = _bits(block, at, size)
            at += size
            for k in range(count):
                digits[start + k] = packed % 3
                packed //= 3
    for k in range(values):
        codes[k] = _bits(block, at, bits) | (digits[k] << bits)
        at += bits
    return at


@njit(cache=True, nogil=True)
def decode_blocks(blocks: U8, modes: I64, levels: I64, weights: I64, out: U8) -> int:
    """(n, 16) blocks into (n, 16, 4) RGBA; returns how many are in a mode that is not read."""
    unread = 0
    codes, ends = np.zeros(8, np.int64), np.zeros((4, 2), np.int64)
    for b in range(len(blocks)):
        block = blocks[b]
        mode = mode_of(int(block[0]), modes)
        if mode < 0:
            unread += 1
            continue
        at = modes[mode, 1] + modes[mode, 2]
        channels, planes, depth = modes[mode, 3], modes[mode, 4], modes[mode, 5]
        if planes == 0:
            for k in range(4):
                out[b, :, k] = _bits(block, at + 8 * k, 8)
            continue
        apart = 4
        if planes == 2:
            apart = _bits(block, at, 2)
            at += 2
        at = endpoint_codes(block, at, 2 * channels, modes[mode, 6], modes[mode, 7], codes)
        ends[3] = 255
        for k in range(channels):
            ends[k, 0], ends[k, 1] = levels[mode, codes[2 * k]], levels[mode, codes[2 * k + 1]]
        for i in range(16):
            size = depth - 1 if i == 0 else depth
            first = _bits(block, at, size)
            at += size
            second = first
            if planes == 2:
                second = _bits(block, at, size)
                at += size
            for k in range(4):
                w = weights[depth, second if k == apart else first]
                out[b, i, k] = (ends[k, 0] * 257 * (64 - w) + ends[k, 1] * 257 * w + 32) >> 14
    return unread
