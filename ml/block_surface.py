"""The closed surface of what is not exterior on a sparse grid of 8³ blocks, by marching cubes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, U8
from ml.bits import ALL, HIGH_X, LOW_X, LOW_Y, NONE, ONE, U64, lowest_bit, popcount
from ml.marching_cubes import I8, case_table

F64 = npt.NDArray[np.float64]

# Vertices keep this share of a cell's edge off its ends, so that no triangle loses its area and no two vertices meet.
MARGIN = 0.02
SHIFT_X, SHIFT_Y, LAST = np.uint64(7), np.uint64(56), np.uint64(63)
EIGHT, SEVEN_ROWS = np.uint64(8), np.uint64(56)


@dataclass(frozen=True)
class Blocks:
    """Active blocks of a grid of `shape` blocks (x, y, z); block b sits at x + shape[0]·(y + shape[1]·z)."""

    shape: tuple[int, int, int]
    blocks: I32  # (k,) active blocks, ascending
    slot: I32  # (all blocks,) position in `blocks`, or −1
    distance: F32  # (k, 512) unsigned, voxels; point x + 8·y + 64·z


@dataclass(frozen=True)
class Surface:
    """A closed surface with one vertex on each grid edge that it crosses, numbered by block, axis, z, y, x."""

    vertices: F64  # (n, 3) voxels
    faces: I32  # (m, 3) outward
    crossed: U64  # (k, 24) at 8·axis + z: bit 8·y + x where the edge from that point along the axis is crossed
    first: I32  # (k, 24) number of the first vertex of each of those words
    starts: I32  # (k + 1,) where the faces of each block's cells start


def isosurface(band: Blocks, exterior: U64, empty: U8, thickness: float) -> Surface:
    """The surface around the points that are not exterior.

    Outside the field is distance − thickness, inside its negative, so the surface lies `thickness` voxels off the
    zero set. Every edge has exactly two faces that run along it in opposite directions (see `marching_cubes`).
    """
    table, counts, low = case_table()
    solid = (band.shape, band.slot, band.blocks, exterior, empty)
    crossed = np.zeros((len(band.blocks), 24), np.uint64)
    first = np.zeros((len(band.blocks), 24), np.int32)
    starts = np.zeros(len(band.blocks) + 1, np.int32)
    vertex_count, face_count = _cross(*solid, counts, crossed, first, starts)
    vertices = np.empty((vertex_count, 3))
    _place_vertices(*solid, band.distance, np.float32(thickness), crossed, first, vertices)
    faces = np.empty((face_count, 3), np.int32)
    _join_faces(*solid, table, counts, low, crossed, first, faces)
    return Surface(vertices, faces, crossed, first, starts)


@njit(cache=True, nogil=True)
def _solid_word(shape: tuple[int, int, int], slot: I32, exterior: U64, empty: U8, x: int, y: int, z: int) -> np.uint64:
    """Bits of the points of layer z (counted over the whole grid) of block column (x, y) that are not exterior."""
    if x >= shape[0] or y >= shape[1] or z >> 3 >= shape[2]:
        return NONE
    b = ((z >> 3) * shape[1] + y) * shape[0] + x
    if slot[b] >= 0:
        word: np.uint64 = ~exterior[slot[b], z & 7]
        return word
    return NONE if empty[b] else ALL


@njit(cache=True, nogil=True)
def _corner_words(
    shape: tuple[int, int, int], slot: I32, exterior: U64, empty: U8, b: int, layers: int, words: U64
) -> None:
    """words (9, 4): for the layers of block b and the first of the next, solid bits at (x, y), (x + 1, y), (x, y + 1)
    and (x + 1, y + 1)."""
    x, y, z = b % shape[0], b // shape[0] % shape[1], b // shape[0] // shape[1]
    for k in range(layers):
        w = _solid_word(shape, slot, exterior, empty, x, y, 8 * z + k)
        right = _solid_word(shape, slot, exterior, empty, x + 1, y, 8 * z + k)
        below = _solid_word(shape, slot, exterior, empty, x, y + 1, 8 * z + k)
        across = _solid_word(shape, slot, exterior, empty, x + 1, y + 1, 8 * z + k)
        column = (right & LOW_X) << SHIFT_X
        row = (w >> EIGHT) | (below & LOW_Y) << SEVEN_ROWS
        words[k, 0] = w
        words[k, 1] = ((w >> ONE) & ~HIGH_X) | column
        words[k, 2] = row
        words[k, 3] = ((row >> ONE) & ~HIGH_X) | (column >> EIGHT) | (across & ONE) << LAST


@njit(cache=True, nogil=True)
def _mixed(words: U64, k: int) -> np.uint64:
    """The cells of a layer whose corners are not all alike."""
    some: np.uint64 = words[k, 0]
    every: np.uint64 = words[k, 0]
    for c in range(8):
        some |= words[k + (c >> 2), c & 3]
        every &= words[k + (c >> 2), c & 3]
    return some & ~every


@njit(cache=True, nogil=True)
def _case(words: U64, k: int, bit: np.uint64) -> int:
    case = 0
    for c in range(8):
        case |= int(words[k + (c >> 2), c & 3] >> bit & ONE) << c
    return case


@njit(cache=True, nogil=True)
def _cross(
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    exterior: U64,
    empty: U8,
    case_faces: I8,
    crossed: U64,
    first: I32,
    starts: I32,
) -> tuple[int, int]:
    """Fill `crossed`, `first` and `starts`; how many vertices and faces there are."""
    words = np.empty((9, 4), np.uint64)
    vertices = faces = 0
    for k in range(len(blocks)):
        _corner_words(shape, slot, exterior, empty, blocks[k], 9, words)
        for z in range(8):
            crossed[k, z] = words[z, 0] ^ words[z, 1]
            crossed[k, 8 + z] = words[z, 0] ^ words[z, 2]
            crossed[k, 16 + z] = words[z, 0] ^ words[z + 1, 0]
            cells = _mixed(words, z)
            while cells != NONE:
                faces += case_faces[_case(words, z, np.uint64(lowest_bit(cells)))]
                cells &= cells - ONE
        starts[k + 1] = faces
        for i in range(24):
            first[k, i] = vertices
            vertices += popcount(crossed[k, i])
    return vertices, faces


@njit(cache=True, nogil=True)
def _field(distance: F32, exterior: U64, k: int, point: int, level: float) -> float:
    """The signed field at a point of an active block; beyond one voxel outside it does not matter."""
    value = float(distance[k, point] - level)
    if exterior[k, point >> 6] >> np.uint64(point & 63) & ONE:
        return value
    return min(-abs(value), -1e-6)


@njit(cache=True, nogil=True)
def _place_vertices(
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    exterior: U64,
    empty: U8,
    distance: F32,
    level: float,
    crossed: U64,
    first: I32,
    vertices: F64,
) -> None:
    """One vertex on each crossed edge, where the field is zero between its ends; both lie in active blocks."""
    corner = np.empty(3, np.int64)
    for k in range(len(blocks)):
        b = blocks[k]
        corner[0], corner[1], corner[2] = b % shape[0], b // shape[0] % shape[1], b // shape[0] // shape[1]
        for word in range(24):
            i = first[k, word]
            bits = crossed[k, word]
            axis, z = word >> 3, word & 7
            while bits != NONE:
                bit = lowest_bit(bits)
                bits &= bits - ONE
                point = 64 * z + bit
                at = point >> (3 * axis) & 7
                other, beyond = k, point + (1 << 3 * axis)
                if at == 7:
                    other, beyond = slot[b + _step(shape, axis)], point - (7 << 3 * axis)
                p = _field(distance, exterior, k, point, level)
                q = _field(distance, exterior, other, beyond, level)
                vertices[i, 0] = 8 * corner[0] + (point & 7)
                vertices[i, 1] = 8 * corner[1] + (point >> 3 & 7)
                vertices[i, 2] = 8 * corner[2] + z
                vertices[i, axis] += min(max(p / (p - q), MARGIN), 1.0 - MARGIN)
                i += 1


@njit(cache=True, nogil=True)
def _step(shape: tuple[int, int, int], axis: int) -> int:
    """From a block to the next along an axis."""
    return 1 if axis == 0 else shape[0] if axis == 1 else shape[0] * shape[1]


@njit(cache=True, nogil=True)
def _join_faces(
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    exterior: U64,
    empty: U8,
    table: I8,
    case_faces: I8,
    low: I8,
    crossed: U64,
    first: I32,
    faces: I32,
) -> None:
    """The triangles of every mixed cell, by the table, over the vertices of its own and the following blocks."""
    words = np.empty((9, 4), np.uint64)
    near = np.empty(8, np.int64)  # the slots of this block and of those after it
    n = 0
    for k in range(len(blocks)):
        _corner_words(shape, slot, exterior, empty, blocks[k], 9, words)
        for c in range(8):
            b = blocks[k] + (c & 1) + (c >> 1 & 1) * shape[0] + (c >> 2) * shape[0] * shape[1]
            near[c] = slot[b] if b < len(slot) else -1
        for z in range(8):
            cells = _mixed(words, z)
            while cells != NONE:
                bit = lowest_bit(cells)
                cells &= cells - ONE
                case = _case(words, z, np.uint64(bit))
                for corner in range(3 * case_faces[case]):
                    edge = table[case, corner]
                    c = low[edge]
                    x, y, h = (bit & 7) + (c & 1), (bit >> 3) + (c >> 1 & 1), z + (c >> 2)
                    other = near[x >> 3 | (y >> 3) << 1 | (h >> 3) << 2]
                    word = 8 * (edge >> 2) + (h & 7)
                    before = (ONE << np.uint64(8 * (y & 7) + (x & 7))) - ONE
                    faces[n + corner // 3, corner % 3] = first[other, word] + popcount(crossed[other, word] & before)
                n += case_faces[case]
