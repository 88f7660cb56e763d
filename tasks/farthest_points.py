"""Farthest-point sampling: points in the order in which each is the one farthest from all before it, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, InputError
from tasks.morton import morton_order
from tasks.topology import F64, I64

BLOCK = 32


def farthest_points(points: npt.ArrayLike, count: int, start: int = 0) -> I32:
    """Indices (count,) of distinct points among (n, 3) in greedy order (Gonzalez 1985, Eldar et al. 1997) from `start`.

    Each next point has the greatest distance to the nearest one taken before, in float32 over coordinates scaled to
    [0, 1]; of equals the first along a Morton curve is taken, so that the order depends on the input alone. Blocks of
    neighbours under a tree of boxes are skipped where no distance in them can shrink, which changes no result (bucket
    search as in QuickFPS, Han et al. 2023). Raises InputError `sampling.bad-count`, `mesh.not-finite`.
    """
    cloud = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 3)
    if not 0 < count <= len(cloud) or not 0 <= start < len(cloud):
        raise InputError("sampling.bad-count", f"{count} of {len(cloud)} points from {start} cannot be chosen")
    if not np.isfinite(cloud).all():
        raise InputError("mesh.not-finite", "points are NaN or infinite")
    walk = morton_order(cloud)
    low = cloud.min(axis=0)
    scale = 1.0 / max(float((cloud.max(axis=0) - low).max()), 1e-300)
    blocks, boxes, top = _blocks(cloud, walk, low, scale)
    first = int(np.flatnonzero(walk == start)[0])
    picks: I32 = walk[_greedy(blocks, boxes, top, first, count)].astype(np.int32)
    return picks


@njit(cache=True, nogil=True)
def _blocks(cloud: F64, walk: I64, low: F64, scale: float) -> tuple[F32, F32, F32]:
    """Blocks (b, 4, BLOCK) of x, y, z and squared distance; a heap of boxes (2h, 6) and maxima (2h,) over them."""
    count = (len(walk) + BLOCK - 1) // BLOCK
    half = 1
    while half < count:
        half *= 2
    blocks = np.full((count, 4, BLOCK), np.float32(-1.0))  # a taken or missing point is at −1: never the farthest
    boxes = np.empty((2 * half, 6), np.float32)
    boxes[:, :3], boxes[:, 3:] = np.inf, -np.inf
    top = np.full(2 * half, np.float32(-1.0))
    for i in range(len(walk)):
        b, slot = i // BLOCK, i % BLOCK
        for axis in range(3):
            value = np.float32((cloud[walk[i], axis] - low[axis]) * scale)
            blocks[b, axis, slot] = value
            boxes[half + b, axis] = min(boxes[half + b, axis], value)
            boxes[half + b, 3 + axis] = max(boxes[half + b, 3 + axis], value)
        blocks[b, 3, slot] = np.inf
        top[half + b] = np.inf
    for node in range(half - 1, 0, -1):
        for axis in range(3):
            boxes[node, axis] = min(boxes[2 * node, axis], boxes[2 * node + 1, axis])
            boxes[node, 3 + axis] = max(boxes[2 * node, 3 + axis], boxes[2 * node + 1, 3 + axis])
        top[node] = max(top[2 * node], top[2 * node + 1])
    return blocks, boxes, top


# Without NaN among the inputs these two flags change no result; they let the maximum run in vector registers.
@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _shrink(blocks: F32, b: int, x: np.float32, y: np.float32, z: np.float32) -> np.float32:
    """Lower the distances of one block by a new point; the greatest left."""
    greatest = np.float32(-1.0)
    for i in range(BLOCK):
        dx, dy, dz = blocks[b, 0, i] - x, blocks[b, 1, i] - y, blocks[b, 2, i] - z
        distance = min(dx * dx + dy * dy + dz * dz, blocks[b, 3, i])
        blocks[b, 3, i] = distance
        greatest = max(greatest, distance)
    return greatest


@njit(cache=True, nogil=True)
def _gap(boxes: F32, node: int, x: np.float32, y: np.float32, z: np.float32) -> np.float32:
    """Squared distance to a box, never more than _shrink's to a point in it: float32 rounds monotonically."""
    none = np.float32(0.0)
    dx = max(boxes[node, 0] - x, x - boxes[node, 3], none)
    dy = max(boxes[node, 1] - y, y - boxes[node, 4], none)
    dz = max(boxes[node, 2] - z, z - boxes[node, 5], none)
    return np.float32(dx * dx + dy * dy + dz * dz)


@njit(cache=True, nogil=True)
def _greedy(blocks: F32, boxes: F32, top: F32, first: int, count: int) -> I64:
    """Positions (count,) along the walk."""
    half = len(top) // 2
    picks = np.empty(count, np.int64)
    touched = np.empty(half, np.int64)
    stack = np.empty(64, np.int64)
    place = first
    for k in range(count):
        picks[k] = place
        b, slot = place // BLOCK, place % BLOCK
        x, y, z = blocks[b, 0, slot], blocks[b, 1, slot], blocks[b, 2, slot]
        blocks[b, 3, slot] = -1.0
        changed = 0
        if top[half + b] <= 0.0:  # all of its points lie on taken ones: the search below would not come here
            top[half + b] = _shrink(blocks, b, x, y, z)
            touched[0], changed = half + b, 1
        stack[0], depth = 1, 1
        while depth:
            depth -= 1
            node = stack[depth]
            if _gap(boxes, node, x, y, z) >= top[node]:
                continue
            if node < half:
                stack[depth], stack[depth + 1] = 2 * node, 2 * node + 1
                depth += 2
            else:
                top[node] = _shrink(blocks, node - half, x, y, z)
                touched[changed] = node
                changed += 1
        for i in range(changed):
            node = touched[i] // 2
            while node and top[node] != max(top[2 * node], top[2 * node + 1]):
                top[node] = max(top[2 * node], top[2 * node + 1])
                node //= 2
        node = 1
        while node < half:
            node = 2 * node + (top[2 * node] < top[node])
        slot = 0
        while blocks[node - half, 3, slot] != top[node]:
            slot += 1
        place = (node - half) * BLOCK + slot
    return picks
