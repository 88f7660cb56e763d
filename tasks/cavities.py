"""Cavities: spaces enclosed by a surface that lie outside it, told from its inside by the winding number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import I32, U8
from ml.bits import NONE, ONE, U64, lowest_bit, popcount
from tasks.flood_fill import flood, free_points
from tasks.narrow_band import Band
from tasks.topology import F64, face_components, half_edges

SMALLEST = 27  # grid points: below 3³ an enclosed space is a fold of the surface
MOST = 64  # enclosed spaces looked at, in grid order; each costs a walk over all faces (10 ms for 1 M)


@dataclass(frozen=True)
class Cavities:
    """What a closed, outward mesh leaves hollow."""

    count: int
    points: int  # grid points in them
    exterior: U64  # (k, 8) the bits of active blocks given, and the cavities'
    empty: U8  # (all blocks,) the flags of empty blocks given, and the cavities'


def cavities(points: F64, faces: I32, band: Band, exterior: U64, empty: U8, thickness: float) -> Cavities:
    """Search what a flood from outside did not reach; faces (m, 3) over points (n, 3) in voxels.

    Every enclosed space is flooded from one of its points. It is a cavity where the winding number (Jacobson et al.
    2013) there is 0 because components that surround it wind opposite ways: one within the other, as the walls of a
    hollow body do. So neither a mesh turned inside out (−1) nor one with some faces reversed has cavities.
    """
    free = free_points(band.distance, np.float32(thickness))
    seen, seen_empty = exterior.copy(), empty.copy()
    hollow, hollow_empty = exterior.copy(), empty.copy()
    one = np.zeros(len(faces), np.int32)
    labels: I32 | None = None
    count = total = at = 0
    for _ in range(MOST):
        at, point = _next_space(at, seen, free)
        if at < 0:
            break
        before = int(_total(seen, seen_empty))
        flood(band.shape, band.slot, free, seen, seen_empty, int(band.blocks[at]), point)
        size = int(_total(seen, seen_empty)) - before
        place = _place(band, at, point)
        if size < SMALLEST or abs(turns(points, faces, one, 1, place)[0]) > 0.5:
            continue
        labels = face_components(faces, *half_edges(faces, len(points))) if labels is None else labels
        if (np.abs(turns(points, faces, labels, int(labels.max()) + 1, place)) > 0.5).sum() < 2:
            continue
        flood(band.shape, band.slot, free, hollow, hollow_empty, int(band.blocks[at]), point)
        count, total = count + 1, total + size
    return Cavities(count, total, hollow, hollow_empty)


def _place(band: Band, at: int, bit: int) -> F64:
    """Position in voxels of point `bit` of active block `at`."""
    b, (nx, ny, _) = int(band.blocks[at]), band.shape
    x, y, z = b % nx * 8 + bit % 8, b // nx % ny * 8 + bit // 8 % 8, b // nx // ny * 8 + bit // 64
    return np.array([x, y, z], np.float64)


@njit(cache=True, nogil=True)
def _next_space(at: int, seen: U64, free: U64) -> tuple[int, int]:
    """The first free point not seen, from active block `at` on: (active block, point); (−1, 0) without one."""
    for k in range(at, len(free)):
        for z in range(8):
            word = free[k, z] & ~seen[k, z]
            if word != NONE:
                return k, 64 * z + lowest_bit(word)
    return -1, 0


@njit(cache=True, nogil=True)
def _total(seen: U64, empty: U8) -> int:
    total = 0
    for k in range(len(seen)):
        for z in range(8):
            total += popcount(seen[k, z])
    for b in range(len(empty)):
        total += 512 * empty[b]
    return total


@njit(cache=True, nogil=True)
def turns(points: F64, faces: I32, labels: I32, count: int, place: F64) -> F64:
    """(count,) how often the faces of each label wind around a place: solid angles (Van Oosterom & Strackee 1983)."""
    turns = np.zeros(count)
    for f in range(len(faces)):
        if labels[f] < 0:
            continue
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = points[a, 0] - place[0], points[a, 1] - place[1], points[a, 2] - place[2]
        bx, by, bz = points[b, 0] - place[0], points[b, 1] - place[1], points[b, 2] - place[2]
        cx, cy, cz = points[c, 0] - place[0], points[c, 1] - place[1], points[c, 2] - place[2]
        la = np.sqrt(ax * ax + ay * ay + az * az)
        lb = np.sqrt(bx * bx + by * by + bz * bz)
        lc = np.sqrt(cx * cx + cy * cy + cz * cz)
        ab, bc, ca = ax * bx + ay * by + az * bz, bx * cx + by * cy + bz * cz, cx * ax + cy * ay + cz * az
        top = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        turns[labels[f]] += np.arctan2(top, la * lb * lc + ab * lc + bc * la + ca * lb) / (2.0 * np.pi)
    return turns


@njit(cache=True, nogil=True)
def hidden_share(
    points: F64, faces: I32, shape: tuple[int, int, int], slot: I32, exterior: U64, empty: U8, most: int
) -> float:
    """Share of the faces' area whose centre has no exterior grid point within two voxels along each axis.

    Every so many faces, so that at most about `most` are looked at. The shell is one voxel thick, so a face on its
    outside always has such a point, but for one in a crease.
    """
    step = len(faces) // most + 1
    hidden = area = 0.0
    for f in range(0, len(faces), step):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        size = np.sqrt(nx * nx + ny * ny + nz * nz)
        x = int((points[a, 0] + points[b, 0] + points[c, 0]) / 3.0)
        y = int((points[a, 1] + points[b, 1] + points[c, 1]) / 3.0)
        z = int((points[a, 2] + points[b, 2] + points[c, 2]) / 3.0)
        area += size
        if not _outside_near(shape, slot, exterior, empty, x, y, z):
            hidden += size
    return hidden / area if area > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _outside_near(shape: tuple[int, int, int], slot: I32, exterior: U64, empty: U8, x: int, y: int, z: int) -> bool:
    """Whether any of the 6³ grid points around the cell at (x, y, z) is exterior."""
    for k in range(z - 2, z + 4):
        for j in range(y - 2, y + 4):
            for i in range(x - 2, x + 4):
                b = ((k >> 3) * shape[1] + (j >> 3)) * shape[0] + (i >> 3)
                if slot[b] < 0:
                    if empty[b]:
                        return True
                elif exterior[slot[b], k & 7] >> np.uint64(8 * (j & 7) + (i & 7)) & ONE:
                    return True
    return False
