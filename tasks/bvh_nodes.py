"""How the hierarchy of tasks/bvh.py is built: triangles ordered by halving, eight to a leaf, eight boxes to a node."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from tasks.lanes import WIDTH
from tasks.morton import F64, I32, morton_order

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

BOX = 15  # rows of a node: centre, three axes, half sizes; the eight children are its columns
# Above the leaves' parents and their parents, patches are too curved for a turned box to be the smaller one.
TURNED_LEVELS = 2
CANCELLED = 0.1  # area vectors that sum to less than this share of the area give no normal to turn a box to


def leaf_order(points: F64, faces: I32) -> I32:
    """The order of (m, 3) faces in which each run of eight, of 64, of 512, … is compact.

    Every range is cut at the median of its longest axis, at a multiple of the largest power of eight that it holds,
    so that all leaves and nodes but the last of each level are full and no pointers are needed.
    """
    centres = _centres(points, faces)
    start = morton_order(centres)  # from memory in this order the halving takes half the time
    order: I32 = start[_halve(centres[start].astype(np.float32))]
    return order


def level_sizes(faces: int) -> tuple[I64, I64]:
    """(leaves, their parents, …, 1) and the number of each level's first member; the root is 0, leaves come last."""
    sizes = [-(-faces // WIDTH)]
    while sizes[-1] > 1 or len(sizes) == 1:
        sizes.append(-(-sizes[-1] // WIDTH))
    first = np.cumsum([0, *sizes[:0:-1]])[::-1]
    return np.array(sizes, dtype=np.int64), np.ascontiguousarray(first, dtype=np.int64)


@njit(cache=True, nogil=True)
def _centres(points: F64, faces: I32) -> F64:
    """(m, 3) three times each face's centroid."""
    centres = np.empty((len(faces), 3))
    for f in range(len(faces)):
        for k in range(3):
            centres[f, k] = points[faces[f, 0], k] + points[faces[f, 1], k] + points[faces[f, 2], k]
    return centres


@njit(cache=True, nogil=True)
def _halve(centres: F32) -> I32:
    order = np.arange(len(centres)).astype(np.int32)
    todo = [(0, len(order))]
    low, high = np.empty(3), np.empty(3)
    while len(todo):
        start, stop = todo.pop()
        leaves = -(-(stop - start) // WIDTH)
        if leaves <= 1:
            continue
        whole = 1
        while whole * WIDTH < leaves:
            whole *= WIDTH
        middle = start + -(-leaves // whole) // 2 * whole * WIDTH
        low[:], high[:] = np.inf, -np.inf
        for i in range(start, stop):
            for k in range(3):
                value = centres[order[i], k]
                low[k], high[k] = min(low[k], value), max(high[k], value)
        _select(centres, order, np.argmax(high - low), start, stop - 1, middle)
        todo.append((start, middle))
        todo.append((middle, stop))
    return order


@njit(cache=True, nogil=True)
def _select(centres: F32, order: I32, axis: int, low: int, high: int, place: int) -> None:
    """Quickselect (Hoare 1961): order[low:place] lies below order[place:high + 1] along the axis."""
    while low < high:
        a, b, c = centres[order[low], axis], centres[order[(low + high) // 2], axis], centres[order[high], axis]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while centres[order[i], axis] < pivot:
                i += 1
            while centres[order[j], axis] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            return


@njit(cache=True, nogil=True)
def leaf_triangles(points: F64, faces: I32, order: I32) -> F64:
    """(leaves, 9, 8): corner a and sides b − a and c − a of eight triangles; points fill up the last leaf."""
    leaves = (len(order) + WIDTH - 1) // WIDTH
    triangles = np.zeros((leaves, 9, WIDTH))
    fill_leaves(points, faces, order, triangles)
    return triangles


@njit(cache=True, nogil=True)
def fill_leaves(points: F64, faces: I32, order: I32, triangles: Any) -> None:
    """`leaf_triangles` into (leaves, 9, 8) zeros of any precision."""
    leaves = len(triangles)
    for i in range(leaves * WIDTH):
        leaf, k = i // WIDTH, i % WIDTH
        a, b, c = faces[order[min(i, len(order) - 1)]]
        for axis in range(3):
            triangles[leaf, axis, k] = points[a, axis]
            if i < len(order):
                triangles[leaf, 3 + axis, k] = points[b, axis] - points[a, axis]
                triangles[leaf, 6 + axis, k] = points[c, axis] - points[a, axis]


@njit(cache=True, nogil=True)
def node_boxes(triangles: F64, sizes: I64, first: I64) -> npt.NDArray[np.float32]:
    """(nodes, BOX, 8) the box of each child: aligned with the axes, or near the leaves turned if that is smaller.

    A turned box (Gottschalk et al. 1996) around eight triangles is as thin as they are flat: far queries open 11 leaves
    in place of 32, and 13 nodes in place of 16.
    """
    nodes = np.zeros((first[0], BOX, WIDTH), np.float32)
    nodes[:, 12] = -1e15  # a missing child is out of every reach
    sums = _leaf_sums(triangles)
    turned, upright = np.empty((3, 3)), np.eye(3)
    box, other = np.empty((3, 2)), np.empty((3, 2))
    span = 1
    for level in range(len(sizes) - 1):
        parents = np.zeros((sizes[level + 1], sums.shape[1]))
        for j in range(sizes[level]):
            parents[j // WIDTH] += sums[j]
            start, stop = j * span, min((j + 1) * span, sizes[0])
            _extent(triangles, start, stop, upright, box)
            axes = upright
            if level < TURNED_LEVELS:
                _patch_axes(sums[j], turned)
                _extent(triangles, start, stop, turned, other)
                if _half_area(other) < _half_area(box):
                    axes, box, other = turned, other, box
            _write_box(nodes[first[level + 1] + j // WIDTH], j % WIDTH, axes, box)
        sums = parents
        span *= WIDTH
    return nodes


@njit(cache=True, nogil=True)
def _half_area(box: F64) -> float:
    x, y, z = box[0, 1] - box[0, 0], box[1, 1] - box[1, 0], box[2, 1] - box[2, 0]
    return float(x * y + y * z + z * x)


@njit(cache=True, nogil=True)
def _write_box(node: Any, column: int, axes: F64, box: F64) -> None:
    for k in range(3):
        middle = 0.5 * (box[k, 0] + box[k, 1])
        node[12 + k, column] = 0.5 * (box[k, 1] - box[k, 0])
        for axis in range(3):
            node[axis, column] += middle * axes[k, axis]
            node[3 + 3 * k + axis, column] = axes[k, axis]


@njit(cache=True, nogil=True)
def _leaf_sums(triangles: F64) -> F64:
    """(leaves, 14) area vector (3), area, corner count, sums of corners (3) and of xx, yy, zz, xy, yz, zx."""
    sums = np.zeros((len(triangles), 14))
    for leaf in range(len(triangles)):
        for k in range(WIDTH):
            ax, ay, az, ux, uy, uz, vx, vy, vz = triangles[leaf, :, k]
            nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            sums[leaf, 0] += nx
            sums[leaf, 1] += ny
            sums[leaf, 2] += nz
            sums[leaf, 3] += math.sqrt(nx * nx + ny * ny + nz * nz)
            for x, y, z in ((ax, ay, az), (ax + ux, ay + uy, az + uz), (ax + vx, ay + vy, az + vz)):
                moments = (1.0, x, y, z, x * x, y * y, z * z, x * y, y * z, z * x)
                for m in range(10):
                    sums[leaf, 4 + m] += moments[m]
    return sums


@njit(cache=True, nogil=True)
def _patch_axes(sums: F64, axes: F64) -> None:
    """Rows: the directions in which the patch extends most and least across its normal, and that normal."""
    length = math.sqrt(sums[0] ** 2 + sums[1] ** 2 + sums[2] ** 2)
    nx, ny, nz = 0.0, 0.0, 1.0
    if length > CANCELLED * sums[3]:
        nx, ny, nz = sums[0] / length, sums[1] / length, sums[2] / length
    sign = 1.0 if nz >= 0.0 else -1.0  # two tangents without a branch on direction: Duff et al. 2017
    a = -1.0 / (sign + nz)
    b = nx * ny * a
    t = (1.0 + sign * nx * nx * a, sign * b, -sign * nx)
    u = (b, sign + ny * ny * a, -ny)
    x, y, z = sums[5] / sums[4], sums[6] / sums[4], sums[7] / sums[4]
    xx, yy, zz = sums[8] / sums[4] - x * x, sums[9] / sums[4] - y * y, sums[10] / sums[4] - z * z
    xy, yz, zx = sums[11] / sums[4] - x * y, sums[12] / sums[4] - y * z, sums[13] / sums[4] - z * x
    p, q, r = xx * t[0] + xy * t[1] + zx * t[2], xy * t[0] + yy * t[1] + yz * t[2], zx * t[0] + yz * t[1] + zz * t[2]
    tt, tu = p * t[0] + q * t[1] + r * t[2], p * u[0] + q * u[1] + r * u[2]
    p, q, r = xx * u[0] + xy * u[1] + zx * u[2], xy * u[0] + yy * u[1] + yz * u[2], zx * u[0] + yz * u[1] + zz * u[2]
    angle = 0.5 * math.atan2(2.0 * tu, tt - (p * u[0] + q * u[1] + r * u[2]))
    c, s = math.cos(angle), math.sin(angle)
    for k in range(3):
        axes[0, k], axes[1, k] = c * t[k] + s * u[k], c * u[k] - s * t[k]
    axes[2, 0], axes[2, 1], axes[2, 2] = nx, ny, nz


@njit(cache=True, nogil=True)
def _extent(triangles: F64, start: int, stop: int, axes: F64, box: F64) -> None:
    """The least and greatest coordinate of leaves start:stop along each axis."""
    for row in range(3):
        x, y, z = axes[row]
        low, high = np.inf, -np.inf
        for leaf in range(start, stop):
            for k in range(WIDTH):
                a = triangles[leaf, 0, k] * x + triangles[leaf, 1, k] * y + triangles[leaf, 2, k] * z
                b = a + triangles[leaf, 3, k] * x + triangles[leaf, 4, k] * y + triangles[leaf, 5, k] * z
                c = a + triangles[leaf, 6, k] * x + triangles[leaf, 7, k] * y + triangles[leaf, 8, k] * z
                low, high = min(low, a, b, c), max(high, a, b, c)
        box[row, 0], box[row, 1] = low, high
