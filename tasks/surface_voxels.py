"""The voxels of a cube that a surface touches: each triangle's own box of columns, tested exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import I32, InputError
from tasks.topology import F64

I64 = npt.NDArray[np.int64]
# Columns of voxels over all triangles: 5 s. Meshes of a million faces at 1024 need 10 M, soups of large triangles more.
MAX_COLUMNS = 256_000_000


def surface_voxels(points: F64, faces: I32, resolution: int) -> tuple[I32, I32]:
    """The voxels (k, 3) of [0, resolution)³ that faces (m, 3) over points (n, 3) in voxels touch, sorted by x, y, z,
    and of each the first face (k,) that touches it.

    A triangle touches a voxel when its plane, its box and its three projections do (Schwarz & Seidel 2010, §3); one
    that runs along a border touches both sides, one without an area none. Points outside the cube by rounding count as
    on its border. Raises InputError `voxels.too-dense` for more columns than MAX_COLUMNS.
    """
    inside = np.clip(points, 0.0, float(resolution))
    columns = _columns(inside, faces, resolution)
    if columns > MAX_COLUMNS:
        raise InputError("voxels.too-dense", f"{len(faces)} faces need {columns:.2g} columns of voxels")
    count = _touched(inside, faces, resolution, np.empty(0, np.int64), np.empty(0, np.int32))
    cells, owner = np.empty(count, np.int64), np.empty(count, np.int32)
    _touched(inside, faces, resolution, cells, owner)
    order = np.argsort(cells, kind="stable")
    cells, owner = cells[order], owner[order]
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    cells, owner = cells[first], owner[first]
    places = np.stack([cells // resolution**2, cells // resolution % resolution, cells % resolution], axis=1)
    return places.astype(np.int32), owner


@njit(cache=True, nogil=True)
def _columns(points: F64, faces: I32, resolution: int) -> float:
    """How many columns across its dominant axis the triangles' boxes hold."""
    total = 0.0
    for f in range(len(faces)):
        sides = np.empty(3)
        for axis in range(3):
            a, b, c = points[faces[f, 0], axis], points[faces[f, 1], axis], points[faces[f, 2], axis]
            sides[axis] = np.floor(max(a, b, c)) - np.floor(min(a, b, c)) + 1.0
        total += sides[0] * sides[1] * sides[2] / sides.min()
    return total


@njit(cache=True, nogil=True)
def _touched(points: F64, faces: I32, resolution: int, cells: I64, owner: I32) -> int:
    """Write (cell, face) of every touch while there is room; how many there are."""
    count = 0
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    normal, corner = np.empty(3), np.empty((3, 3))
    place = np.empty(3, np.int64)
    for f in range(len(faces)):
        for axis in range(3):
            for k in range(3):
                corner[k, axis] = points[faces[f, k], axis]
            least = min(corner[0, axis], corner[1, axis], corner[2, axis])
            most = max(corner[0, axis], corner[1, axis], corner[2, axis])
            # A corner on a border touches the voxel before it too.
            low[axis] = max(int(np.ceil(least)) - 1, 0)
            high[axis] = min(int(np.floor(most)), resolution - 1)
        for axis in range(3):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            normal[axis] = (corner[1, i] - corner[0, i]) * (corner[2, j] - corner[0, j])
            normal[axis] -= (corner[1, j] - corner[0, j]) * (corner[2, i] - corner[0, i])
        if not np.any(normal):
            continue  # without an area it has no plane, and its box would be filled
        w = int(np.argmax(np.abs(normal)))
        u, v = (w + 1) % 3, (w + 2) % 3
        for x in range(low[u], high[u] + 1):
            for y in range(low[v], high[v] + 1):
                place[u], place[v] = x, y
                if not _crosses(corner, place, u, v):
                    continue
                first, last = _span(corner, normal, place, u, v, w, low[w], high[w])
                for z in range(first, last + 1):
                    place[w] = z
                    if _crosses(corner, place, v, w) and _crosses(corner, place, w, u):
                        if count < len(cells):
                            cells[count] = (place[0] * resolution + place[1]) * resolution + place[2]
                            owner[count] = f
                        count += 1
    return count


@njit(cache=True, nogil=True)
def _span(corner: F64, normal: F64, place: I64, u: int, v: int, w: int, low: int, high: int) -> tuple[int, int]:
    """The first and last voxel of a column (place[u], place[v]) along axis w that the triangle's plane cuts."""
    if normal[w] == 0.0:
        return low, high
    slope_u, slope_v = -normal[u] / normal[w], -normal[v] / normal[w]
    middle = corner[0, w] + slope_u * (place[u] + 0.5 - corner[0, u]) + slope_v * (place[v] + 0.5 - corner[0, v])
    reach = 0.5 * (abs(slope_u) + abs(slope_v)) + 1e-9
    return max(int(np.ceil(middle - reach)) - 1, low), min(int(np.floor(middle + reach)), high)


@njit(cache=True, nogil=True)
def _crosses(corner: F64, place: I64, u: int, v: int) -> bool:
    """Whether the triangle's projection along the third axis touches the unit square at (place[u], place[v])."""
    turn = (corner[1, u] - corner[0, u]) * (corner[2, v] - corner[0, v])
    turn -= (corner[1, v] - corner[0, v]) * (corner[2, u] - corner[0, u])
    if turn == 0.0:
        return True  # edge-on: its plane and its box decide
    sign = 1.0 if turn > 0.0 else -1.0
    for k in range(3):
        a, b = k, (k + 1) % 3
        across, along = -sign * (corner[b, v] - corner[a, v]), sign * (corner[b, u] - corner[a, u])
        # The square's corner farthest inside this edge has to be inside it.
        x = place[u] + (1.0 if across > 0.0 else 0.0) - corner[a, u]
        y = place[v] + (1.0 if along > 0.0 else 0.0) - corner[a, v]
        if across * x + along * y < -1e-9 * (abs(across) + abs(along)):
            return False
    return True
