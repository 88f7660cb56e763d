"""A tree of boxes over triangles for asking which triangles come near each other: built in one sort, no cost model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.lanes import WIDTH
from tasks.topology import F64, I64, Bool, used_box

LEAF = WIDTH  # triangles a leaf


@dataclass(frozen=True)
class BoxTree:
    """A perfect binary tree: node i has children 2i + 1 and 2i + 2, its last level are the leaves in Morton order."""

    nodes: F32  # (2·leaves − 1, 6) low then high corner, rounded outward; low > high where there is nothing
    boxes: F32  # (⌈m / 8⌉, 6, 8) the triangles' own, a leaf's eight beside each other
    corners: F64  # (3m, 3) the triangles' corners, in leaf order
    order: I32  # (m,) leaf order → face


def build_box_tree(points: F64, faces: I32, use: Bool) -> BoxTree:
    """The tree over the faces (m, 3) for which `use` (m,) is True; the others get empty boxes.

    A linear hierarchy (Lauterbach et al. 2009, "Fast BVH construction on GPUs"): for one sweep over all pairs its
    cheap build counts for more than the few per cent of boxes that a cost model saves.
    """
    order = face_order(points, faces)
    leaves = 1
    while leaves * LEAF < len(faces):
        leaves *= 2
    nodes, boxes, corners = _fill(points, faces, use, order, leaves)
    return BoxTree(nodes, boxes, corners, order)


def face_order(points: F64, faces: I32) -> I32:
    """The order that walks the centres of faces (m, 3) along a Morton curve of 2²¹ cells a side."""
    low, high = used_box(points, faces)
    extent = (high - low).max() if len(faces) else 0.0
    codes = _codes(points, faces, low, (2.0**21 - 1.0) / max(extent, 1e-300))
    return np.argsort(codes, kind="stable").astype(np.int32)


@njit(cache=True, nogil=True)
def _spread(value: np.int64) -> np.int64:
    """21 bits, two zeros between each."""
    value = (value | value << 32) & 0x1F00000000FFFF
    value = (value | value << 16) & 0x1F0000FF0000FF
    value = (value | value << 8) & 0x100F00F00F00F00F
    value = (value | value << 4) & 0x10C30C30C30C30C3
    return (value | value << 2) & 0x1249249249249249


@njit(cache=True, nogil=True)
def _codes(points: F64, faces: I32, low: F64, scale: float) -> I64:
    """Place of each face's centre along a Morton curve of 2²¹ cells a side."""
    codes = np.empty(len(faces), np.int64)
    for f in range(len(faces)):
        code = np.int64(0)
        for axis in range(3):
            centre = (points[faces[f, 0], axis] + points[faces[f, 1], axis] + points[faces[f, 2], axis]) / 3.0
            code |= _spread(np.int64((centre - low[axis]) * scale)) << axis
        codes[f] = code
    return codes


@njit(cache=True, nogil=True)
def _fill(points: F64, faces: I32, use: Bool, order: I32, leaves: int) -> tuple[F32, F32, F64]:
    nodes = np.empty((2 * leaves - 1, 6), np.float32)
    nodes[:, :3], nodes[:, 3:] = np.inf, -np.inf
    boxes = np.empty(((len(order) + LEAF - 1) // LEAF, 6, LEAF), np.float32)
    boxes[:, :3], boxes[:, 3:] = np.inf, -np.inf
    corners = np.empty((3 * len(order), 3))
    for t in range(len(order)):
        a, b, c = faces[order[t]]
        row, lane = t // LEAF, t % LEAF
        leaf = leaves - 1 + row
        for axis in range(3):
            u, v, w = points[a, axis], points[b, axis], points[c, axis]
            corners[3 * t, axis], corners[3 * t + 1, axis], corners[3 * t + 2, axis] = u, v, w
            if use[order[t]]:
                least, most = min(u, v, w), max(u, v, w)
                boxes[row, axis, lane] = (
                    least - abs(least) * 2.0**-23 - 1e-44
                )  # float32 keeps 2⁻²⁴, and 1.4e-45 near zero
                boxes[row, axis + 3, lane] = most + abs(most) * 2.0**-23 + 1e-44
                nodes[leaf, axis] = min(nodes[leaf, axis], boxes[row, axis, lane])
                nodes[leaf, axis + 3] = max(nodes[leaf, axis + 3], boxes[row, axis + 3, lane])
    for node in range(leaves - 2, -1, -1):
        for axis in range(3):
            nodes[node, axis] = min(nodes[2 * node + 1, axis], nodes[2 * node + 2, axis])
            nodes[node, axis + 3] = max(nodes[2 * node + 1, axis + 3], nodes[2 * node + 2, axis + 3])
    return nodes, boxes, corners


@njit(cache=True, nogil=True)
def apart(a: F32, i: int, b: F32, j: int) -> bool:
    """Whether boxes i of a and j of b have no point in common; for kernels. Without branches, which mispredict."""
    return bool(
        (a[i, 0] > b[j, 3])
        | (b[j, 0] > a[i, 3])
        | (a[i, 1] > b[j, 4])
        | (b[j, 1] > a[i, 4])
        | (a[i, 2] > b[j, 5])
        | (b[j, 2] > a[i, 5])
    )
