"""Rays against triangles: the first one each ray meets, without leaks between neighbours."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.box_tree import LEAF, BoxTree
from tasks.topology import F64

STACK = 64  # levels of a perfect tree over 2³¹ triangles, and to spare
STEEP = 1e-300  # a component of a direction below this counts as this: 1 / d stays finite, and 0 · (1 / d) is 0


def first_exit(tree: BoxTree, origins: F64, directions: F64, skip: I32) -> tuple[I32, F64]:
    """Where each ray (r, 3) first leaves through the back of a face other than slot `skip` (r,): face (r,) or −1, and
    the distance (r,) in lengths of its direction, inf for none. Rays near each other in order are fastest.

    Woop, Benthin & Wald 2013, "Watertight ray/triangle intersection": a ray through an edge or a corner meets at least
    one of the faces there.
    """
    slots, distances = _first_exit(tree.nodes, tree.boxes, tree.corners, origins, directions, skip)
    return np.where(slots >= 0, tree.order[slots], -1).astype(np.int32), distances


@njit(cache=True, nogil=True)
def _first_exit(nodes: F32, boxes: F32, x: F64, origins: F64, directions: F64, skip: I32) -> tuple[I32, F64]:
    slots = np.full(len(origins), -1, np.int32)
    distances = np.full(len(origins), np.inf)
    leaf = len(nodes) // 2
    stack, reach = np.empty(STACK, np.int64), np.empty(STACK)
    inverse, axes, shear = np.empty(3), np.empty(3, np.int64), np.empty(3)
    for r in range(len(origins)):
        o, best = origins[r], np.inf
        _prepare(directions[r], inverse, axes, shear)
        stack[0], reach[0], top = 0, _enter(nodes, 0, o, inverse), 1
        while top:
            top -= 1
            node = stack[top]
            if reach[top] >= best:
                continue
            if node < leaf:
                near, far = 2 * node + 1, 2 * node + 2
                near_t, far_t = _enter(nodes, near, o, inverse), _enter(nodes, far, o, inverse)
                if far_t < near_t:
                    near, far, near_t, far_t = far, near, far_t, near_t
                for child, t in ((far, far_t), (near, near_t)):
                    if t < best:
                        stack[top], reach[top] = child, t
                        top += 1
                continue
            for s in range((node - leaf) * LEAF, min((node - leaf + 1) * LEAF, len(x) // 3)):
                if s != skip[r] and boxes[s // LEAF, 0, s % LEAF] <= boxes[s // LEAF, 3, s % LEAF]:
                    t = _leave(x, s, o, axes, shear)
                    if t < best:
                        best, slots[r] = t, s
        distances[r] = best
    return slots, distances


@njit(cache=True, nogil=True)
def _prepare(d: F64, inverse: F64, axes: F64, shear: F64) -> None:
    """1 / d for boxes; for triangles the axes that make d the third, and the shear that makes it (0, 0, 1)."""
    z = 0
    for k in range(3):
        inverse[k] = 1.0 / d[k] if abs(d[k]) > STEEP else (1.0 / STEEP if d[k] >= 0.0 else -1.0 / STEEP)
        if abs(d[k]) > abs(d[z]):
            z = k
    axes[0], axes[1], axes[2] = (z + 1) % 3, (z + 2) % 3, z
    if d[z] < 0.0:
        axes[0], axes[1] = axes[1], axes[0]
    shear[0], shear[1], shear[2] = d[axes[0]] / d[z], d[axes[1]] / d[z], 1.0 / d[z]


@njit(cache=True, nogil=True)
def _enter(nodes: F32, node: int, o: F64, inverse: F64) -> float:
    """Distance at which the ray enters the node's box, inf when it misses or there is nothing in it."""
    if nodes[node, 0] > nodes[node, 3]:
        return np.inf
    enter, leave = 0.0, np.inf
    for k in range(3):
        a, b = (nodes[node, k] - o[k]) * inverse[k], (nodes[node, k + 3] - o[k]) * inverse[k]
        enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
    return enter if enter <= leave * (1.0 + 1e-15) else np.inf


@njit(cache=True, nogil=True)
def _leave(x: F64, slot: int, o: F64, axes: F64, shear: F64) -> float:
    """Distance to where the ray goes out through the back of a triangle, inf when it does not."""
    i, j, k = axes[0], axes[1], axes[2]
    a, b, c = 3 * slot, 3 * slot + 1, 3 * slot + 2
    az, bz, cz = x[a, k] - o[k], x[b, k] - o[k], x[c, k] - o[k]
    ax, ay = x[a, i] - o[i] - shear[0] * az, x[a, j] - o[j] - shear[1] * az
    bx, by = x[b, i] - o[i] - shear[0] * bz, x[b, j] - o[j] - shear[1] * bz
    cx, cy = x[c, i] - o[i] - shear[0] * cz, x[c, j] - o[j] - shear[1] * cz
    u, v, w = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx  # positive where the face looks along the ray
    if u < 0.0 or v < 0.0 or w < 0.0 or u + v + w <= 0.0:
        return np.inf
    t = shear[2] * (u * az + v * bz + w * cz) / (u + v + w)
    return t if t > 0.0 else np.inf
