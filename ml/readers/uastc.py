"""The UASTC 4×4 texture format in eleven of its modes: their layout, their levels, and the block decoder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

# The modes that are read and written. Columns: prefix, its bits, hint bits, channels, planes, weight bits, endpoint
# bits, base of the digit that endpoints carry above them, subsets. Khronos Data Format 1.4, "UASTC LDR 4×4".
SOLID = 8
MODES = np.zeros((19, 9), np.int64)
MODES[0] = (0x01, 4, 15, 3, 1, 4, 6, 3, 1)
MODES[1] = (0x35, 6, 15, 3, 1, 2, 8, 0, 1)
MODES[2] = (0x1D, 5, 15, 3, 1, 3, 4, 0, 2)
MODES[4] = (0x13, 5, 15, 3, 1, 2, 3, 5, 2)
MODES[5] = (0x0B, 5, 15, 3, 1, 3, 8, 0, 1)
MODES[SOLID] = (0x17, 5, 0, 4, 0, 0, 0, 0, 1)
MODES[10] = (0x02, 3, 17, 4, 1, 4, 4, 3, 1)
MODES[11] = (0x00, 2, 17, 4, 2, 2, 4, 3, 1)
MODES[12] = (0x06, 3, 17, 4, 1, 3, 6, 3, 1)
MODES[14] = (0x0D, 5, 23, 4, 1, 2, 8, 0, 1)
MODES[18] = (0x09, 4, 15, 3, 1, 5, 5, 0, 1)
# The ASTC partitions of two subsets that BC7 has as well, by their seeds.
SEEDS = (
    28, 20, 16, 29, 91, 9, 107, 72, 149, 204, 50, 114, 496, 17, 78, 39, 252, 828, 43, 156, 116, 210, 476, 273, 684,
    359, 246, 195, 694, 524,
)  # fmt: skip

WEIGHTS = np.zeros((6, 32), np.int64)
WEIGHTS[2, :4] = (0, 21, 43, 64)
WEIGHTS[3, :8] = (0, 9, 18, 27, 37, 46, 55, 64)
WEIGHTS[4, :16] = (0, 4, 8, 12, 17, 21, 25, 29, 35, 39, 43, 47, 52, 56, 60, 64)
WEIGHTS[5] = (*range(0, 32, 2), *range(34, 66, 2))


def _partition(seed: int) -> list[int]:
    """The subset, 0 or 1, of each texel of a 4×4 block (ASTC specification, "Partition Pattern Generation")."""
    word = (seed + 1024) & 0xFFFFFFFF
    for shift, kind in ((15, "^>"), (17, "-<"), (7, "+<"), (4, "+<"), (5, "^>"), (16, "+<"), (7, "^>"), (3, "^>"),
                        (6, "^<"), (17, "^>")):  # fmt: skip
        moved = word >> shift if kind[1] == ">" else word << shift
        word = (word ^ moved if kind[0] == "^" else word - moved if kind[0] == "-" else word + moved) & 0xFFFFFFFF
    fine = 4 if seed & 2 else 5
    shifts = (fine, 5) if seed & 1 else (5, fine)
    slopes = [((word >> 4 * k) & 15) ** 2 >> shifts[k % 2] for k in range(4)]
    made = []
    for texel in range(16):
        x, y = 2 * (texel % 4), 2 * (texel // 4)
        first = (slopes[0] * x + slopes[1] * y + (word >> 14)) & 63
        second = (slopes[2] * x + slopes[3] * y + (word >> 10)) & 63
        made.append(0 if first >= second else 1)
    return made


PATTERNS = np.array([_partition(seed) for seed in SEEDS], np.int64)


def _levels(bits: int, base: int) -> I64:
    """The 8-bit value of every endpoint code (ASTC specification, "Endpoint Unquantization")."""
    codes = np.arange((base or 1) << bits)
    low = codes & ((1 << bits) - 1)
    if not base:
        return np.asarray((low << (8 - bits)) | (low >> max(2 * bits - 8, 0)), np.int64)
    scale, places = {3: (26, "cb0000cbc"), 4: (22, "dcb000dcb"), 6: (5, "fedcb000f")}[bits]
    spread = np.zeros_like(codes)
    for place in places:
        spread = (spread << 1) | (0 if place == "0" else (low >> (ord(place) - ord("a"))) & 1)
    flip = np.where(low & 1, 511, 0)
    value = ((codes >> bits) * scale + spread) ^ flip
    return np.asarray((flip & 0x80) | (value >> 2), np.int64)


LEVELS = np.zeros((19, 256), np.int64)
for _mode in (0, 1, 2, 4, 5, 10, 11, 12, 14, 18):
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
def bundle_bits(base: int, count: int) -> int:
    """Bits of `count` digits in one bundle: 5 digits of base 3 take 8, 3 of base 5 take 7."""
    if base == 5:
        return 3 if count == 1 else 5 if count == 2 else 7
    return 2 if count == 1 else 4 if count == 2 else 5 if count == 3 else 7 if count == 4 else 8


@njit(cache=True, nogil=True)
def endpoint_codes(block: U8, at: int, values: int, bits: int, base: int, codes: I64) -> int:
    """Read endpoint codes: digits first, in bundles, then the low bits of each; returns where they end."""
    digits = np.zeros(16, np.int64)
    if base:
        size = 8 - base  # 5 digits of base 3, 3 of base 5
        for start in range(0, values, size):
            count = min(size, values - start)
            packed = _bits(block, at, bundle_bits(base, count))
            at += bundle_bits(base, count)
            for k in range(count):
                digits[start + k] = packed % base
                packed //= base
    for k in range(values):
        codes[k] = _bits(block, at, bits) | (digits[k] << bits)
        at += bits
    return at


@njit(cache=True, nogil=True)
def is_anchor(pattern: I64, texel: int) -> bool:
    """Whether a texel is the first of its subset, whose weight has one bit less."""
    first = 0
    while pattern[first] != pattern[texel]:
        first += 1
    return first == texel


@njit(cache=True, nogil=True)
def decode_blocks(blocks: U8, modes: I64, levels: I64, weights: I64, patterns: I64, out: U8) -> int:
    """(n, 16) blocks into (n, 16, 4) RGBA; returns how many are in a mode that is not read."""
    unread = 0
    whole = np.zeros(16, np.int64)
    codes, ends = np.zeros(16, np.int64), np.zeros((2, 4, 2), np.int64)
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
        pattern, apart = whole, 4
        if modes[mode, 8] == 2:
            which = _bits(block, at, 5)
            at += 5
            if which >= len(patterns):
                unread += 1
                continue
            pattern = patterns[which]
        if planes == 2:
            apart = _bits(block, at, 2)
            at += 2
        at = endpoint_codes(block, at, 2 * channels * modes[mode, 8], modes[mode, 6], modes[mode, 7], codes)
        ends[:, 3] = 255
        for s in range(modes[mode, 8]):
            for k in range(channels):
                for side in range(2):
                    ends[s, k, side] = levels[mode, codes[2 * (s * channels + k) + side]]
        for i in range(16):
            size = depth - 1 if is_anchor(pattern, i) else depth
            first = _bits(block, at, size)
            at += size
            second = first
            if planes == 2:
                second = _bits(block, at, size)
                at += size
            for k in range(4):
                w = weights[depth, second if k == apart else first]
                low, high = ends[pattern[i], k, 0], ends[pattern[i], k, 1]
                out[b, i, k] = (low * 257 * (64 - w) + high * 257 * w + 32) >> 14
    return unread
