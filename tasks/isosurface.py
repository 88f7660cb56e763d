"""The closed surface around what a flood fill could not reach, by marching cubes over the blocks of a narrow band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, U8
from tasks.flood_fill import U64
from tasks.marching_cubes import I8, case_table
from tasks.narrow_band import Band
from tasks.topology import F64, I64

I16 = npt.NDArray[np.int16]

# Vertices keep this share of a cell's edge off its ends, so that no triangle loses its area and no two vertices meet.
MARGIN = 0.02


def isosurface(band: Band, exterior: U64, empty: U8, thickness: float) -> tuple[F64, I32, I64]:
    """Vertices (n, 3) in voxels, outward faces (m, 3), and where each block's vertices start (k + 1,).

    Outside the field is distance − thickness, inside its negative, so the surface lies `thickness` voxels off the
    triangles. Every edge has exactly two faces that run along it in opposite directions (see `marching_cubes`).
    """
    table, counts, low = case_table()
    vertex_counts = np.zeros(len(band.blocks), np.int64)
    face_counts = np.zeros(len(band.blocks), np.int64)
    level = np.float32(thickness)
    field = (band.shape, band.slot, band.blocks, band.distance, exterior, empty, level)
    _count(*field, counts, vertex_counts, face_counts)
    first = np.concatenate([[0], np.cumsum(vertex_counts)])
    mixed = np.flatnonzero(vertex_counts)
    rank = np.full(len(band.blocks), -1, np.int32)
    rank[mixed] = np.arange(len(mixed), dtype=np.int32)
    vertices = np.empty((int(first[-1]), 3))
    numbers = np.full((len(mixed), 1536), -1, np.int16)  # of a block's vertices, at 3·point + axis
    _place_vertices(*field, rank, first, vertices, numbers)
    faces = np.empty((int(face_counts.sum()), 3), np.int32)
    _join_faces(*field, face_counts, table, counts, low, rank, first, numbers, faces)
    return vertices, faces, first


@njit(cache=True, nogil=True)
def _block_field(
    k: int,
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    distance: F32,
    exterior: U64,
    empty: U8,
    level: float,
    out: F32,
) -> bool:
    """Signed field (9, 9, 9) of a block and the first points of its neighbours; False where its sign never changes."""
    nx, ny, nz = shape
    x, y, z = blocks[k] % nx, blocks[k] // nx % ny, blocks[k] // nx // ny
    positive = negative = False
    for c in range(8):
        i, j, h = x + (c & 1), y + (c >> 1 & 1), z + (c >> 2)
        inside_grid = i < nx and j < ny and h < nz
        other = slot[(h * ny + j) * nx + i] if inside_grid else -1
        far = np.float32(1.0)
        if inside_grid and other < 0 and empty[(h * ny + j) * nx + i] == 0:
            far = np.float32(-1.0)
        for pz in range(1 if c >> 2 else 8):
            for py in range(1 if c >> 1 & 1 else 8):
                for px in range(1 if c & 1 else 8):
                    value = far
                    if other >= 0:
                        value = min(distance[other, 64 * pz + 8 * py + px] - level, np.float32(1.0))
                        if exterior[other, pz] >> np.uint64(8 * py + px) & np.uint64(1) == np.uint64(0):
                            value = -max(abs(value), np.float32(1e-6))
                    out[(c >> 2) * 8 + pz, (c >> 1 & 1) * 8 + py, (c & 1) * 8 + px] = value
                    if value < 0.0:
                        negative = True
                    else:
                        positive = True
    return positive and negative


@njit(cache=True, nogil=True)
def _cell_case(field: F32, x: int, y: int, z: int) -> int:
    case = 0
    for c in range(8):
        if field[z + (c >> 2), y + (c >> 1 & 1), x + (c & 1)] < 0.0:
            case |= 1 << c
    return case


@njit(cache=True, nogil=True)
def _count(
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    distance: F32,
    exterior: U64,
    empty: U8,
    level: float,
    case_faces: I8,
    vertex_counts: I64,
    face_counts: I64,
) -> None:
    field = np.empty((9, 9, 9), np.float32)
    for k in range(len(blocks)):
        if not _block_field(k, shape, slot, blocks, distance, exterior, empty, level, field):
            continue
        for z in range(8):
            for y in range(8):
                for x in range(8):
                    sign = field[z, y, x] < 0.0
                    vertex_counts[k] += (
                        (sign != (field[z, y, x + 1] < 0.0))
                        + (sign != (field[z, y + 1, x] < 0.0))
                        + (sign != (field[z + 1, y, x] < 0.0))
                    )
                    face_counts[k] += case_faces[_cell_case(field, x, y, z)]


@njit(cache=True, nogil=True)
def _place_vertices(
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    distance: F32,
    exterior: U64,
    empty: U8,
    level: float,
    rank: I32,
    first: I64,
    vertices: F64,
    numbers: I16,
) -> None:
    """One vertex on each grid edge whose ends differ in sign, where the field is zero between them."""
    field = np.empty((9, 9, 9), np.float32)
    for k in range(len(blocks)):
        if rank[k] < 0:
            continue
        _block_field(k, shape, slot, blocks, distance, exterior, empty, level, field)
        corner = (blocks[k] % shape[0] * 8, blocks[k] // shape[0] % shape[1] * 8, blocks[k] // shape[0] // shape[1] * 8)
        count = 0
        for z in range(8):
            for y in range(8):
                for x in range(8):
                    a = field[z, y, x]
                    for axis in range(3):
                        b = field[z + (axis == 2), y + (axis == 1), x + (axis == 0)]
                        if (a < 0.0) != (b < 0.0):
                            i = first[k] + count
                            vertices[i, 0], vertices[i, 1], vertices[i, 2] = corner[0] + x, corner[1] + y, corner[2] + z
                            vertices[i, axis] += min(max(a / (a - b), MARGIN), 1.0 - MARGIN)
                            numbers[rank[k], 3 * (64 * z + 8 * y + x) + axis] = count
                            count += 1


@njit(cache=True, nogil=True)
def _join_faces(
    shape: tuple[int, int, int],
    slot: I32,
    blocks: I32,
    distance: F32,
    exterior: U64,
    empty: U8,
    level: float,
    face_counts: I64,
    table: I8,
    case_faces: I8,
    low: I8,
    rank: I32,
    first: I64,
    numbers: I16,
    faces: I32,
) -> None:
    """The triangles of every cell, by the table, over the vertices of its own and the following blocks."""
    nx, ny, _ = shape
    field = np.empty((9, 9, 9), np.float32)
    n = 0
    for k in range(len(blocks)):
        if face_counts[k] == 0:
            continue
        _block_field(k, shape, slot, blocks, distance, exterior, empty, level, field)
        bx, by, bz = blocks[k] % nx, blocks[k] // nx % ny, blocks[k] // nx // ny
        for z in range(8):
            for y in range(8):
                for x in range(8):
                    case = _cell_case(field, x, y, z)
                    for corner in range(3 * case_faces[case]):
                        edge = table[case, corner]
                        c = low[edge]
                        i, j, h = x + (c & 1), y + (c >> 1 & 1), z + (c >> 2)
                        other = slot[((bz + (h >> 3)) * ny + by + (j >> 3)) * nx + bx + (i >> 3)]
                        at = 3 * (64 * (h & 7) + 8 * (j & 7) + (i & 7)) + edge // 4
                        faces[n + corner // 3, corner % 3] = first[other] + numbers[rank[other], at]
                    n += case_faces[case]
