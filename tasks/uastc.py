"""Encodes images as UASTC 4×4 blocks, each in the mode, of one subset or two, that comes nearest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import U8
from ml.readers.uastc import LEVELS, MODES, PATTERNS, WEIGHTS, bundle_bits, is_anchor

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

OPAQUE, ALPHA = np.array([0, 5, 18], np.int64), np.array([10, 12, 14, 11], np.int64)
TWO_SUBSETS = np.array([4, 2], np.int64)
ROUNDS = 2  # of least squares after the first guess; a third gains under 0.05 dB
# Two subsets are tried where one leaves more than this squared error (38 dB), in the partitions of least variance.
POOR, TRIED = 500.0, 3
# The larger modifier of ETC1's eight intensity tables, for the hints that spare a transcoder its search.
ETC1_STEPS = np.array([8, 17, 29, 42, 60, 80, 106, 183], np.int64)
EAC_SPREAD = 29  # between the ends of ETC2's first alpha table


def encode_uastc(blocks: U8) -> U8:
    """(n, 16, 4) RGBA texels, row by row in each block, to (n, 16) bytes.

    Endpoints start at the ends of the texels' principal axis and are refined by least squares against the weights that
    they lead to. Blocks with full alpha never lose it.
    """
    made = np.zeros((len(blocks), 16), np.uint8)
    _encode(np.ascontiguousarray(blocks), made, MODES, LEVELS, WEIGHTS, PATTERNS, _nearest())
    return made


def _nearest() -> I64:
    """(19, 256) the endpoint code whose level is nearest to each 8-bit value."""
    found = np.zeros((19, 256), np.int64)
    for mode in (*OPAQUE, *ALPHA, *TWO_SUBSETS):
        size = max(MODES[mode, 7], 1) << MODES[mode, 6]
        found[mode] = np.abs(LEVELS[mode, None, :size] - np.arange(256)[:, None]).argmin(axis=1)
    return found


@njit(cache=True, nogil=True)
def _encode(blocks: U8, made: U8, modes: I64, levels: I64, weights: I64, patterns: I64, nearest: I64) -> None:
    texels, whole = np.empty((16, 4)), np.zeros(16, np.int64)
    codes, places = np.zeros(16, np.int64), np.zeros(32, np.int64)
    best_codes, best_places = np.zeros(16, np.int64), np.zeros(32, np.int64)
    ranked = np.zeros(TRIED, np.int64)
    for b in range(len(blocks)):
        block = blocks[b]
        flat, opaque = True, True
        for i in range(16):
            for k in range(4):
                texels[i, k] = block[i, k]
                flat = flat and block[i, k] == block[0, k]
            opaque = opaque and block[i, 3] == 255
        if flat:
            _write_solid(made[b], block[0])
            continue
        best, chosen, which = np.inf, 0, -1
        for mode in OPAQUE if opaque else ALPHA:
            error = _fit(texels, whole, mode, modes, levels, weights, nearest, codes, places)
            if error < best:
                best, chosen = error, mode
                best_codes[:], best_places[:] = codes, places
        if opaque and best > POOR:
            _rank(texels, patterns, ranked)
            for mode in TWO_SUBSETS:
                for candidate in ranked:
                    error = _fit(texels, patterns[candidate], mode, modes, levels, weights, nearest, codes, places)
                    if error < best:
                        best, chosen, which = error, mode, int(candidate)
                        best_codes[:], best_places[:] = codes, places
        pattern = patterns[which] if which >= 0 else whole
        _write(made[b], block, chosen, which, pattern, modes, best_codes, best_places)


@njit(cache=True, nogil=True)
def _rank(texels: F64, patterns: I64, ranked: I64) -> None:
    """The partitions in whose two subsets colours vary least, best first."""
    scores = np.empty(len(patterns))
    total, count = np.zeros((2, 3)), np.zeros(2)
    for p in range(len(patterns)):
        total[:], count[:] = 0.0, 0.0
        for i in range(16):
            count[patterns[p, i]] += 1
            for k in range(3):
                total[patterns[p, i], k] += texels[i, k]
        scores[p] = 0.0  # less the sum of squares, which all have in common
        for s in range(2):
            for k in range(3):
                scores[p] -= total[s, k] ** 2 / count[s]
    for place in range(len(ranked)):
        ranked[place] = np.argmin(scores)
        scores[ranked[place]] = np.inf


@njit(cache=True, nogil=True)
def _fit(
    texels: F64, pattern: I64, mode: int, modes: I64, levels: I64, weights: I64, nearest: I64, codes: I64, places: I64
) -> float:
    """Codes and weights of the block in a mode, and the sum of squared errors over its texels and channels."""
    channels, planes, depth = modes[mode, 3], modes[mode, 4], modes[mode, 5]
    total = 0.0
    for s in range(modes[mode, 8]):
        mine = codes[2 * channels * s : 2 * channels * (s + 1)]
        if planes == 1:
            total += _fit_plane(
                texels, pattern, s, 0, channels, mode, depth, levels, weights, nearest, mine, places[:16]
            )
        else:  # the second plane is alpha's own
            total += _fit_plane(texels, pattern, s, 0, 3, mode, depth, levels, weights, nearest, mine, places[:16])
            total += _fit_plane(texels, pattern, s, 3, 4, mode, depth, levels, weights, nearest, mine, places[16:])
    return total


@njit(cache=True, nogil=True)
def _fit_plane(
    texels: F64,
    pattern: I64,
    subset: int,
    first: int,
    last: int,
    mode: int,
    depth: int,
    levels: I64,
    weights: I64,
    nearest: I64,
    codes: I64,
    places: I64,
) -> float:
    """The same for some channels of one subset: the ends of their axis, then rounds of least squares."""
    ends = np.zeros((4, 2))
    tried, where, best = codes.copy(), places.copy(), np.inf
    member = np.flatnonzero(pattern == subset)
    _axis_ends(texels, member, first, last, ends)
    for turn in range(ROUNDS + 1):
        for k in range(first, last):
            for side in range(2):
                tried[2 * k + side] = nearest[mode, int(min(max(np.rint(ends[k, side]), 0), 255))]
        error = _assign(texels, member, first, last, mode, depth, levels, weights, tried, where)
        if error < best:
            best = error
            codes[:], places[:] = tried, where
        if turn < ROUNDS:
            _least_squares(texels, member, first, last, weights[depth], where, ends)
    return best


@njit(cache=True, nogil=True)
def _axis_ends(texels: F64, member: I64, first: int, last: int, ends: F64) -> None:
    """Ends of the texels along the axis of their largest variance, by power iteration from the diagonal of the box."""
    mean, axis, turned = np.zeros(4), np.zeros(4), np.zeros(4)
    for k in range(first, last):
        low, high = 255.0, 0.0
        for i in member:
            mean[k] += texels[i, k] / len(member)
            low, high = min(low, texels[i, k]), max(high, texels[i, k])
        axis[k] = high - low
    for turn in range(5):
        if turn == 0 and last - first > 1:  # the diagonal of the box says nothing of which channels fall together
            for i in member:
                along = texels[i, first] - mean[first]
                for k in range(first, last):
                    turned[k] += along * (texels[i, k] - mean[k])
            for k in range(first, last):
                axis[k] = -axis[k] if turned[k] < 0 else axis[k]
        turned[:] = 0.0
        for i in member:
            along = 0.0
            for k in range(first, last):
                along += axis[k] * (texels[i, k] - mean[k])
            for k in range(first, last):
                turned[k] += along * (texels[i, k] - mean[k])
        size = np.sqrt(np.sum(turned * turned))
        if size == 0.0:
            break
        axis[:] = turned / size
    low, high = np.inf, -np.inf
    for i in member:
        along = 0.0
        for k in range(first, last):
            along += axis[k] * (texels[i, k] - mean[k])
        low, high = min(low, along), max(high, along)
    for k in range(first, last):
        ends[k, 0], ends[k, 1] = mean[k] + axis[k] * low, mean[k] + axis[k] * high


@njit(cache=True, nogil=True)
def _assign(
    texels: F64,
    member: I64,
    first: int,
    last: int,
    mode: int,
    depth: int,
    levels: I64,
    weights: I64,
    codes: I64,
    places: I64,
) -> float:
    """The nearest weight of each texel between the quantised ends; returns the squared error that is left."""
    total, steps = 0.0, (1 << depth) - 1
    span = 0.0
    for k in range(first, last):
        gap = levels[mode, codes[2 * k + 1]] - levels[mode, codes[2 * k]]
        span += gap * gap
    for i in member:
        along = 0.0
        for k in range(first, last):
            low = levels[mode, codes[2 * k]]
            along += (texels[i, k] - low) * (levels[mode, codes[2 * k + 1]] - low)
        guess = int(np.rint(min(max(along / span, 0.0), 1.0) * steps)) if span > 0.0 else 0
        best = np.inf
        for place in range(max(guess - 1, 0), min(guess + 1, steps) + 1):
            error, w = 0.0, weights[depth, place]
            for k in range(first, last):
                low, high = levels[mode, codes[2 * k]], levels[mode, codes[2 * k + 1]]
                shown = (low * 257 * (64 - w) + high * 257 * w + 32) >> 14
                error += (texels[i, k] - shown) ** 2
            if error < best:
                best, places[i] = error, place
        total += best
    return total


@njit(cache=True, nogil=True)
def _least_squares(texels: F64, member: I64, first: int, last: int, weights: I64, places: I64, ends: F64) -> None:
    """The ends that fit the texels best at these weights; as they were where all weights are one."""
    aa, ab, bb = 0.0, 0.0, 0.0
    for i in member:
        w = weights[places[i]] / 64.0
        aa, ab, bb = aa + (1 - w) * (1 - w), ab + w * (1 - w), bb + w * w
    scale = aa * bb - ab * ab
    if scale < 1e-9:
        return
    for k in range(first, last):
        low, high = 0.0, 0.0
        for i in member:
            w = weights[places[i]] / 64.0
            low, high = low + (1 - w) * texels[i, k], high + w * texels[i, k]
        ends[k, 0], ends[k, 1] = (bb * low - ab * high) / scale, (aa * high - ab * low) / scale


@njit(cache=True, nogil=True)
def _put(out: U8, at: int, value: int, count: int) -> int:
    for k in range(count):
        out[(at + k) >> 3] |= np.uint8(((value >> k) & 1) << ((at + k) & 7))
    return at + count


@njit(cache=True, nogil=True)
def _write_solid(out: U8, color: U8) -> None:
    """Mode 8: the colour, and how ETC1 shows it: five bits a channel, the first table's small step up."""
    at = _put(out, 0, 0x17, 5)
    for k in range(4):
        at = _put(out, at, int(color[k]), 8)
    at = _put(out, at, 1, 1)
    at = _put(out, at, 0, 3)
    at = _put(out, at, 2, 2)
    for k in range(3):
        at = _put(out, at, (int(color[k]) * 31 + 127) // 255, 5)


@njit(cache=True, nogil=True)
def _write(out: U8, block: U8, mode: int, which: int, pattern: I64, modes: I64, codes: I64, places: I64) -> None:
    """A block: prefix, hints, partition, endpoint codes, weights."""
    channels, planes, depth = modes[mode, 3], modes[mode, 4], modes[mode, 5]
    _turn(pattern, channels, planes, depth, codes, places)
    at = _put(out, 0, modes[mode, 0], modes[mode, 1])
    at = _write_hints(out, at, block, modes[mode, 2])
    if which >= 0:
        at = _put(out, at, which, 5)
    if planes == 2:
        at = _put(out, at, 3, 2)
    at = _write_codes(out, at, 2 * channels * modes[mode, 8], modes[mode, 6], modes[mode, 7], codes)
    for i in range(16):
        size = depth - 1 if is_anchor(pattern, i) else depth
        for plane in range(planes):
            at = _put(out, at, places[16 * plane + i], size)


@njit(cache=True, nogil=True)
def _turn(pattern: I64, channels: int, planes: int, depth: int, codes: I64, places: I64) -> None:
    """Swap the ends of each subset and plane whose first weight would need its highest bit, which is not stored."""
    top = (1 << depth) - 1
    for i in range(16):
        if not is_anchor(pattern, i):
            continue
        for plane in range(planes):
            if places[16 * plane + i] <= top >> 1:
                continue
            first = 3 if plane == 1 else 0
            last = 3 if planes == 2 and plane == 0 else channels
            for k in range(2 * channels * pattern[i] + 2 * first, 2 * channels * pattern[i] + 2 * last, 2):
                codes[k], codes[k + 1] = codes[k + 1], codes[k]
            for j in range(16):
                if pattern[j] == pattern[i]:
                    places[16 * plane + j] = top - places[16 * plane + j]


@njit(cache=True, nogil=True)
def _write_hints(out: U8, at: int, block: U8, size: int) -> int:
    """No BC1 hints; ETC1 halves side by side with the table that spans each; 8 bits for ETC2's alpha where there is."""
    at = _put(out, at, 0, 1 if size == 17 else 2)  # modes of 17 hint bits have one BC1 bit and no ETC1 bias
    at = _put(out, at, 2, 2)  # not flipped, differential
    for half in range(2):
        low, high = 255, 0
        for i in range(16):
            if (i & 3) >> 1 == half:
                value = (int(block[i, 0]) + int(block[i, 1]) + int(block[i, 2])) // 3
                low, high = min(low, value), max(high, value)
        table = 0
        while table < 7 and 2 * ETC1_STEPS[table] < high - low:
            table += 1
        at = _put(out, at, table, 3)
    if size != 17:
        at = _put(out, at, 0, 5)
    if size > 15:
        low, high = 255, 0
        for i in range(16):
            low, high = min(low, int(block[i, 3])), max(high, int(block[i, 3]))
        at = _put(out, at, min((high - low + EAC_SPREAD - 1) // EAC_SPREAD, 15) << 4, 8)
    return at


@njit(cache=True, nogil=True)
def _write_codes(out: U8, at: int, values: int, bits: int, base: int, codes: I64) -> int:
    if base:
        size = 8 - base  # 5 digits of base 3, 3 of base 5
        for start in range(0, values, size):
            count = min(size, values - start)
            packed = 0
            for k in range(count - 1, -1, -1):
                packed = packed * base + (codes[start + k] >> bits)
            at = _put(out, at, packed, bundle_bits(base, count))
    for k in range(values):
        at = _put(out, at, codes[k] & ((1 << bits) - 1), bits)
    return at
