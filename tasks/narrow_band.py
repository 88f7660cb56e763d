"""Unsigned distance to triangles on a sparse grid: only blocks of 8³ grid points near the surface exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.topology import F64, I64

FAR = 1e30  # the distance of grid points in a block that no triangle comes near


@dataclass(frozen=True)
class Band:
    """Active blocks of a grid of `shape` blocks (x, y, z); block b sits at x + shape[0]·(y + shape[1]·z)."""

    shape: tuple[int, int, int]
    blocks: I32  # (k,) active blocks, ascending
    slot: I32  # (all blocks,) position in `blocks`, or −1
    starts: I64  # (k + 1,) into `triangles`
    triangles: I32  # the faces within reach of each block
    distance: F32  # (k, 512) voxels, exact up to `reach`; point x + 8·y + 64·z


def narrow_band(table: F64, reach: float, max_pairs: int) -> Band | None:
    """The band of all grid points within `reach` voxels of the triangles, whose coordinates are in voxels, ≥ reach + 1.

    None when blocks and triangles meet in more than `max_pairs` pairs: time and memory are proportional to that.
    """
    nx, ny, nz = (int(np.ceil(size + reach + 2.0)) // 8 + 1 for size in table[:, 12:].max(axis=0))
    counts = np.zeros(nx * ny * nz + 1, np.int64)
    nothing = np.empty(0, np.int32)
    if _pair_blocks(table, (nx, ny, nz), reach, max_pairs, counts, nothing) > max_pairs:
        return None
    blocks = np.flatnonzero(counts).astype(np.int32)
    starts = np.zeros(len(blocks) + 1, np.int64)
    np.cumsum(counts[blocks], out=starts[1:])
    counts[blocks] = starts[:-1]
    triangles = np.empty(starts[-1], np.int32)
    _pair_blocks(table, (nx, ny, nz), reach, max_pairs, counts, triangles)
    slot = np.full(nx * ny * nz, -1, np.int32)
    slot[blocks] = np.arange(len(blocks), dtype=np.int32)
    distance = np.full((len(blocks), 512), FAR, np.float32)
    _splat(table, (nx, ny, nz), reach, blocks, starts, triangles, distance)
    return Band((nx, ny, nz), blocks, slot, starts, triangles, distance)


def triangle_table(points: F64, faces: I32) -> F64:
    """(m, 15) of each triangle: corner a, sides u = b − a and v = c − a, box low and high: one cache line or two."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    return np.concatenate([a, b - a, c - a, low, high], axis=1)


@njit(cache=True, nogil=True)
def _closest(px: float, py: float, pz: float, table: F64, f: int) -> tuple[float, float, float]:
    """(s, t, squared distance) of the point a + s·u + t·v of triangle f closest to p (Ericson 2005, §5.1.5).

    It takes the table and a row number because a view of the row would count references: 30 ns, twice the arithmetic.
    """
    wx, wy, wz = px - table[f, 0], py - table[f, 1], pz - table[f, 2]
    ux, uy, uz, vx, vy, vz = table[f, 3], table[f, 4], table[f, 5], table[f, 6], table[f, 7], table[f, 8]
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    d1, d2 = ux * wx + uy * wy + uz * wz, vx * wx + vy * wy + vz * wz
    s = t = 0.0
    if d1 > 0.0 or d2 > 0.0:
        d3, d4, d5, d6 = d1 - uu, d2 - uv, d1 - uv, d2 - vv
        va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
        if d3 >= 0.0 and d4 <= d3:
            s = 1.0
        elif d6 >= 0.0 and d5 <= d6:
            t = 1.0
        elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
            s = d1 / (d1 - d3) if d1 > d3 else 0.0  # sides without length divide by zero
        elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
            t = d2 / (d2 - d6) if d2 > d6 else 0.0
        elif va <= 0.0 and d4 >= d3 and d5 >= d6:
            t = (d4 - d3) / ((d4 - d3) + (d5 - d6)) if d4 > d3 or d5 > d6 else 0.0
            s = 1.0 - t
        elif va + vb + vc > 0.0:
            s, t = vb / (va + vb + vc), vc / (va + vb + vc)
    x, y, z = wx - s * ux - t * vx, wy - s * uy - t * vy, wz - s * uz - t * vz
    return s, t, x * x + y * y + z * z


@njit(cache=True, nogil=True)
def _pair_blocks(table: F64, shape: tuple[int, int, int], reach: float, limit: int, cursor: I64, out: I32) -> int:
    """Count triangles per block into `cursor`, or with `out` given write them there; returns how many pairs."""
    nx, ny = shape[0], shape[1]
    radius = 4.0 * np.sqrt(3.0) + reach  # a block's cube spans 8 cells and so reaches the next block's points
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    total = 0
    for f in range(len(table)):
        for k in range(3):
            low[k] = max(0, int(np.ceil(table[f, 9 + k] - reach)) - 1) >> 3
            high[k] = min(shape[k] * 8 - 1, int(table[f, 12 + k] + reach)) >> 3
        many = (high[0] - low[0] + 1) * (high[1] - low[1] + 1) * (high[2] - low[2] + 1) > 2
        for z in range(low[2], high[2] + 1):
            for y in range(low[1], high[1] + 1):
                for x in range(low[0], high[0] + 1):
                    if many and _closest(8.0 * x + 4.0, 8.0 * y + 4.0, 8.0 * z + 4.0, table, f)[2] > radius * radius:
                        continue
                    block = (z * ny + y) * nx + x
                    if len(out):
                        out[cursor[block]] = f
                    cursor[block] += 1
                    total += 1
        if total > limit:
            break
    return total


@njit(cache=True, nogil=True)
def _splat(
    table: F64, shape: tuple[int, int, int], reach: float, blocks: I32, starts: I64, triangles: I32, distance: F32
) -> None:
    """Lower `distance` to every triangle in reach; the distance to its plane spares most points the whole test."""
    nx, ny, _ = shape
    local = np.empty((1, 9))
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    corner = np.empty(3)
    for k in range(len(blocks)):
        corner[0] = blocks[k] % nx * 8
        corner[1] = blocks[k] // nx % ny * 8
        corner[2] = blocks[k] // nx // ny * 8
        block = distance[k]
        for i in range(starts[k], starts[k + 1]):
            f = triangles[i]
            for axis in range(3):
                local[0, axis] = table[f, axis] - corner[axis]
                local[0, 3 + axis], local[0, 6 + axis] = table[f, 3 + axis], table[f, 6 + axis]
                low[axis] = max(0, int(np.ceil(table[f, 9 + axis] - corner[axis] - reach)))
                high[axis] = min(7, int(np.floor(table[f, 12 + axis] - corner[axis] + reach)))
            n0 = local[0, 4] * local[0, 8] - local[0, 5] * local[0, 7]
            n1 = local[0, 5] * local[0, 6] - local[0, 3] * local[0, 8]
            n2 = local[0, 3] * local[0, 7] - local[0, 4] * local[0, 6]
            length = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
            if length > 0.0:
                n0, n1, n2 = n0 / length, n1 / length, n2 / length
            for z in range(low[2], high[2] + 1):
                for y in range(low[1], high[1] + 1):
                    base = n1 * (y - local[0, 1]) + n2 * (z - local[0, 2]) - n0 * local[0, 0]
                    for x in range(low[0], high[0] + 1):
                        height = base + n0 * x
                        o = 64 * z + 8 * y + x
                        if height * height < min(block[o], reach * reach):
                            block[o] = min(block[o], _closest(x, y, z, local, 0)[2])
        for o in range(512):
            if block[o] < FAR:
                block[o] = np.sqrt(block[o])


@njit(cache=True, nogil=True)
def project(vertices: F64, first: I64, table: F64, starts: I64, triangles: I32, reach: float) -> F64:
    """(n, 3) the surface point closest to each vertex, or the vertex itself where none lies within `reach`.

    Vertices first[k]:first[k + 1] lie in block k, whose triangles are all that can be that near.
    """
    closest = vertices.copy()
    for k in range(len(first) - 1):
        if first[k] == first[k + 1]:
            continue
        found = triangles[starts[k]]
        for i in range(first[k], first[k + 1]):
            px, py, pz = vertices[i, 0], vertices[i, 1], vertices[i, 2]
            # The triangle found for the vertex before is near this one too, and makes the boxes reject five times more.
            near = min(reach, np.sqrt(_closest(px, py, pz, table, found)[2]) * (1.0 + 1e-9))
            best = near * near
            for j in range(starts[k], starts[k + 1]):
                f = triangles[j]
                if (
                    table[f, 9] > px + near
                    or table[f, 12] < px - near
                    or table[f, 10] > py + near
                    or table[f, 13] < py - near
                ):
                    continue
                if table[f, 11] > pz + near or table[f, 14] < pz - near:
                    continue
                s, t, squared = _closest(px, py, pz, table, f)
                if squared < best:
                    best, near, found = squared, np.sqrt(squared), f
                    for axis in range(3):
                        closest[i, axis] = table[f, axis] + s * table[f, 3 + axis] + t * table[f, 6 + axis]
    return closest
