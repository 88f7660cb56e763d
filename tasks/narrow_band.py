"""Unsigned distance to triangles on a sparse grid: only blocks of 8³ grid points near the surface exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32
from ml.block_surface import Blocks
from tasks.lanes import WIDTH, fill, least, load, most, store, where_less
from tasks.topology import F64
from tasks.triangle_frame import FRAME_SIZE, box_of, form, frame_of, squared_distance

FAR = np.float32(1e30)  # the squared distance of grid points that no triangle comes near
ZERO = np.float32(0.0)
RAMP = np.arange(WIDTH, dtype=np.float32)


@dataclass(frozen=True)
class Band(Blocks):
    """The blocks near the surface; their distances are exact up to `reach` but for float32."""

    order: I32  # (m,) the faces by block, so that those near each other follow each other


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
    return Band((nx, ny, nz), blocks, slot, np.sqrt(distance, out=distance), order)


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
    forms, spans = np.zeros((6, WIDTH), np.float32), np.empty((8 * shape[2], 4), np.int32)
    radius = 3.5 * np.sqrt(3.0) + reach
    for i in range(len(order)):
        f = order[i]
        box_of(points, faces, f, box)
        frame_of(points, faces, f, frame)
        for k in range(7):
            forms[1, k], forms[2, k], forms[3, k] = frame[4 * k + 1], frame[4 * k + 2], frame[4 * k + 3]
        for k in range(3):
            forms[4, k] = frame[28 + k]
        low, high = _spans(box, reach, shape, spans)
        x0, x1 = block_range(box, reach, shape, 0)
        y0, y1 = block_range(box, reach, shape, 1)
        a = faces[f, 0]
        for bz in range(low >> 3, (high >> 3) + 1):
            for by in range(y0, y1 + 1):
                for bx in range(x0, x1 + 1):
                    k = slot[(bz * shape[1] + by) * shape[0] + bx]
                    x, y, z = 8.0 * bx - points[a, 0], 8.0 * by - points[a, 1], 8.0 * bz - points[a, 2]
                    if k >= 0 and not apart(frame, x + 3.5, y + 3.5, z + 3.5, radius):
                        for j in range(7):
                            forms[0, j] = form(frame, j, x, y, z)
                        layers = (max(low, 8 * bz), min(high, 8 * bz + 7))
                        _splat_block(forms, spans, layers, 8 * bx, 8 * by, 8 * bz, distance, k)


@njit(cache=True, nogil=True, inline="always")
def _spans(box: F64, reach: float, shape: tuple[int, int, int], spans: I32) -> tuple[int, int]:
    """First and last layer within reach of a box; spans[layer] becomes the first and last x, then y, in reach there."""
    low, high = max(0, int(np.ceil(box[2] - reach))), min(8 * shape[2] - 1, int(box[5] + reach))
    for z in range(low, high + 1):
        beside = max(max(box[2] - z, z - box[5]), 0.0)
        near = np.sqrt(max(reach * reach - beside * beside, 0.0))
        spans[z, 0], spans[z, 1] = int(np.ceil(box[0] - near)), int(box[3] + near)
        spans[z, 2], spans[z, 3] = int(np.ceil(box[1] - near)), int(box[4] + near)
    return low, high


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
    forms: F32, spans: I32, layers: tuple[int, int], bx: int, by: int, bz: int, distance: F32, k: int
) -> None:
    """One triangle over block k, whose first point is (bx, by, bz).

    `forms` has in its rows the seven forms there, their slopes along x, y and z, the three sides' lengths, and room. A
    row of eight points at a time; from row to row the forms grow by their slopes, in float32, afresh in each layer.
    """
    ramp, zero = load(RAMP, 0), fill(ZERO)
    gh, g0, g1, g2 = (
        ramp * fill(forms[1, 0]),
        ramp * fill(forms[1, 1]),
        ramp * fill(forms[1, 2]),
        ramp * fill(forms[1, 3]),
    )
    p0, p1, p2 = ramp * fill(forms[1, 4]), ramp * fill(forms[1, 5]), ramp * fill(forms[1, 6])
    yh, y0, y1, y2 = fill(forms[2, 0]), fill(forms[2, 1]), fill(forms[2, 2]), fill(forms[2, 3])
    q0, q1, q2 = fill(forms[2, 4]), fill(forms[2, 5]), fill(forms[2, 6])
    l0, l1, l2 = fill(forms[4, 0]), fill(forms[4, 1]), fill(forms[4, 2])
    for z in range(layers[0], layers[1] + 1):
        if spans[z, 0] > bx + 7 or spans[z, 1] < bx:
            continue
        first, last = max(spans[z, 2] - by, 0), min(spans[z, 3] - by, 7)
        down, along = fill(np.float32(z - bz)), fill(np.float32(first))
        store(forms, 5 * WIDTH, load(forms, 0) + down * load(forms, 3 * WIDTH) + along * load(forms, 2 * WIDTH))
        h = fill(forms[5, 0]) + gh
        a0, a1, a2 = fill(forms[5, 1]) + g0, fill(forms[5, 2]) + g1, fill(forms[5, 3]) + g2
        c0, c1, c2 = fill(forms[5, 4]) + p0, fill(forms[5, 5]) + p1, fill(forms[5, 6]) + p2
        start = 512 * k + 64 * (z - bz)
        for o in range(start + 8 * first, start + 8 * last + 8, 8):
            o0, o1, o2 = a0 - least(most(a0, zero), l0), a1 - least(most(a1, zero), l1), a2 - least(most(a2, zero), l2)
            side = least(least(o0 * o0 + c0 * c0, o1 * o1 + c1 * c1), o2 * o2 + c2 * c2)
            flat = where_less(zero, least(least(c0, c1), c2), zero, side)
            store(distance, o, least(load(distance, o), h * h + flat))
            h, a0, a1, a2 = h + yh, a0 + y0, a1 + y1, a2 + y2
            c0, c1, c2 = c0 + q0, c1 + q1, c2 + q2
