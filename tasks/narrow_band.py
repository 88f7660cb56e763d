"""Unsigned distance to triangles on a sparse grid: only blocks of 8³ grid points near the surface exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.topology import F64
from tasks.triangle_frame import FRAME_SIZE, box_of, form, frame_of, squared_distance

FAR = np.float32(1e30)  # the squared distance of grid points that no triangle comes near
ZERO = np.float32(0.0)


@dataclass(frozen=True)
class Band:
    """Active blocks of a grid of `shape` blocks (x, y, z); block b sits at x + shape[0]·(y + shape[1]·z)."""

    shape: tuple[int, int, int]
    blocks: I32  # (k,) active blocks, ascending
    slot: I32  # (all blocks,) position in `blocks`, or −1
    order: I32  # (m,) the faces by block, so that those near each other follow each other
    distance: F32  # (k, 512) voxels, exact up to `reach` but for float32; point x + 8·y + 64·z


def narrow_band(points: F64, faces: I32, reach: float, max_pairs: int) -> Band | None:
    """The band of all grid points within `reach` voxels of faces (m, 3) over points (n, 3) in voxels, ≥ reach + 1.

    None when blocks and triangles meet in more than `max_pairs` pairs: time is proportional to that.
    """
    nx, ny, nz = (int(np.ceil(size + reach + 2.0)) // 8 + 1 for size in used_box(points, faces)[1])
    slot = np.full(nx * ny * nz, -1, np.int32)
    home = np.zeros(nx * ny * nz + 1, np.int32)
    if _mark_blocks(points, faces, (nx, ny, nz), reach, max_pairs, slot, home) > max_pairs:
        return None
    blocks = np.flatnonzero(slot >= 0).astype(np.int32)
    slot[blocks] = np.arange(len(blocks), dtype=np.int32)
    order = _by_home(points, faces, (nx, ny, nz), home)
    distance = np.full((len(blocks), 512), FAR, np.float32)
    _splat(points, faces, order, (nx, ny, nz), reach, slot, distance)
    return Band((nx, ny, nz), blocks, slot, order, np.sqrt(distance, out=distance))


@njit(cache=True, nogil=True)
def used_box(points: F64, faces: I32) -> F64:
    """(2, 3) low and high corner over the vertices that faces use."""
    box = np.empty((2, 3))
    box[0], box[1] = np.inf, -np.inf
    for f in range(len(faces)):
        for k in range(3):
            for axis in range(3):
                box[0, axis] = min(box[0, axis], points[faces[f, k], axis])
                box[1, axis] = max(box[1, axis], points[faces[f, k], axis])
    return box


@njit(cache=True, nogil=True)
def block_range(box: F64, reach: float, shape: tuple[int, int, int], axis: int) -> tuple[int, int]:
    """First and last block along an axis with grid points within reach of a box, or cells that end there."""
    low = max(0, int(np.ceil(box[axis] - reach)) - 1) >> 3
    return low, min(shape[axis] * 8 - 1, int(box[3 + axis] + reach)) >> 3


@njit(cache=True, nogil=True)
def _home_block(box: F64, shape: tuple[int, int, int]) -> int:
    return (int(box[2]) // 8 * shape[1] + int(box[1]) // 8) * shape[0] + int(box[0]) // 8


@njit(cache=True, nogil=True)
def _mark_blocks(
    points: F64, faces: I32, shape: tuple[int, int, int], reach: float, limit: int, slot: I32, home: I32
) -> int:
    """Set `slot` to 0 for blocks near a triangle, count triangles per home block; returns how many pairs there are."""
    radius = 4.0 * np.sqrt(3.0) + reach  # a block's cube spans 8 cells and so reaches the next block's points
    box, frame = np.empty(6), np.empty(FRAME_SIZE)
    total = 0
    for f in range(len(faces)):
        box_of(points, faces, f, box)
        home[_home_block(box, shape) + 1] += 1
        x0, x1 = block_range(box, reach, shape, 0)
        y0, y1 = block_range(box, reach, shape, 1)
        z0, z1 = block_range(box, reach, shape, 2)
        many = max(max(box[3] - box[0], box[4] - box[1]), box[5] - box[2]) > 4.0
        if many:
            frame_of(points, faces, f, frame)
        a = faces[f, 0]
        px, py, pz = 4.0 - points[a, 0], 4.0 - points[a, 1], 4.0 - points[a, 2]
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                for x in range(x0, x1 + 1):
                    if many and squared_distance(frame, 8 * x + px, 8 * y + py, 8 * z + pz) > radius * radius:
                        continue
                    slot[(z * shape[1] + y) * shape[0] + x] = 0
                    total += 1
        if total > limit:
            break
    return total


@njit(cache=True, nogil=True)
def _by_home(points: F64, faces: I32, shape: tuple[int, int, int], home: I32) -> I32:
    """Faces sorted by home block (counting sort): shuffled meshes then splat as fast as ordered ones."""
    for b in range(len(home) - 1):
        home[b + 1] += home[b]
    box = np.empty(6)
    order = np.empty(len(faces), np.int32)
    for f in range(len(faces)):
        box_of(points, faces, f, box)
        b = _home_block(box, shape)
        order[home[b]] = f
        home[b] += 1
    return order


@njit(cache=True, nogil=True)
def _splat(
    points: F64, faces: I32, order: I32, shape: tuple[int, int, int], reach: float, slot: I32, distance: F32
) -> None:
    """Lower the squared `distance` to every triangle in reach."""
    box, frame = np.empty(6), np.empty(FRAME_SIZE)
    radius = 3.5 * np.sqrt(3.0) + reach
    for i in range(len(order)):
        f = order[i]
        box_of(points, faces, f, box)
        frame_of(points, faces, f, frame)
        x0, x1 = block_range(box, reach, shape, 0)
        y0, y1 = block_range(box, reach, shape, 1)
        z0, z1 = block_range(box, reach, shape, 2)
        a = faces[f, 0]
        for bz in range(z0, z1 + 1):
            for by in range(y0, y1 + 1):
                for bx in range(x0, x1 + 1):
                    k = slot[(bz * shape[1] + by) * shape[0] + bx]
                    x, y, z = 8.0 * bx - points[a, 0], 8.0 * by - points[a, 1], 8.0 * bz - points[a, 2]
                    if k >= 0 and not apart(frame, x + 3.5, y + 3.5, z + 3.5, radius):
                        _splat_block(frame, box, x, y, z, 8 * bx, 8 * by, 8 * bz, reach, distance, k)


@njit(cache=True, nogil=True)
def apart(frame: F64, x: float, y: float, z: float, radius: float) -> bool:
    """Whether one of the frame's four planes parts a ball from the triangle."""
    return bool(
        abs(form(frame, 0, x, y, z)) > radius
        or form(frame, 4, x, y, z) < -radius
        or form(frame, 5, x, y, z) < -radius
        or form(frame, 6, x, y, z) < -radius
    )


@njit(cache=True, nogil=True)
def _splat_block(
    frame: F64,
    box: F64,
    x: float,
    y: float,
    z: float,
    bx: int,
    by: int,
    bz: int,
    reach: float,
    distance: F32,
    k: int,
) -> None:
    """One triangle over block k, whose first point is (bx, by, bz) and lies at (x, y, z) from corner a."""
    gh, g0, g1, g2 = np.float32(frame[1]), np.float32(frame[5]), np.float32(frame[9]), np.float32(frame[13])
    p0, p1, p2 = np.float32(frame[17]), np.float32(frame[21]), np.float32(frame[25])
    yh, y0, y1, y2 = np.float32(frame[2]), np.float32(frame[6]), np.float32(frame[10]), np.float32(frame[14])
    q0, q1, q2 = np.float32(frame[18]), np.float32(frame[22]), np.float32(frame[26])
    l0, l1, l2 = np.float32(frame[28]), np.float32(frame[29]), np.float32(frame[30])
    low = max(0, int(np.ceil(box[2] - reach)) - bz)
    high = min(7, int(box[5] + reach) - bz)
    for layer in range(low, high + 1):
        beside = max(max(box[2] - (bz + layer), (bz + layer) - box[5]), 0.0)
        near = np.sqrt(max(reach * reach - beside * beside, 0.0))
        if bx + 7 < box[0] - near or bx > box[3] + near:
            continue
        j = max(0, int(np.ceil(box[1] - near)) - by)
        last = min(7, int(box[4] + near) - by)
        while j <= last:
            j = min(j, 6)
            h = np.float32(form(frame, 0, x, y + j, z + layer))
            a0 = np.float32(form(frame, 1, x, y + j, z + layer))
            a1 = np.float32(form(frame, 2, x, y + j, z + layer))
            a2 = np.float32(form(frame, 3, x, y + j, z + layer))
            d0 = np.float32(form(frame, 4, x, y + j, z + layer))
            d1 = np.float32(form(frame, 5, x, y + j, z + layer))
            d2 = np.float32(form(frame, 6, x, y + j, z + layer))
            row = distance[k, 64 * layer + 8 * j : 64 * layer + 8 * j + 16]
            for i in range(16):  # two rows: as wide as the widest registers
                s, t = np.float32(i & 7), np.float32(i >> 3)
                height = h + (s * gh + t * yh)
                c0, c1, c2 = d0 + (s * p0 + t * q0), d1 + (s * p1 + t * q1), d2 + (s * p2 + t * q2)
                o0, o1, o2 = a0 + (s * g0 + t * y0), a1 + (s * g1 + t * y1), a2 + (s * g2 + t * y2)
                o0 -= min(max(o0, ZERO), l0)
                o1 -= min(max(o1, ZERO), l1)
                o2 -= min(max(o2, ZERO), l2)
                side = min(min(o0 * o0 + c0 * c0, o1 * o1 + c1 * c1), o2 * o2 + c2 * c2)
                flat = ZERO if min(min(c0, c1), c2) > ZERO else side
                row[i] = min(row[i], height * height + flat)
            j += 2
