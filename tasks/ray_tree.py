"""A hierarchy for rays over triangles: boxes eight at a time in float32, built in one sort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32
from tasks.box_tree import face_order
from tasks.bvh import Bvh, unit_frame
from tasks.bvh_nodes import I64, fill_leaves, leaf_triangles, level_sizes, node_boxes
from tasks.lanes import WIDTH, fill, least, less, load, lowest, most, size, smallest, where_less
from tasks.morton import F64

STACK = 256  # at most 11 levels (2³¹ faces, eight a node), seven children left behind at each
FACE = 9 * WIDTH  # floats of a leaf
NODE = 6 * WIDTH  # floats of a node
SLACK = 1e-6  # how far boxes are widened, local units: float32 keeps 6e-8 of coordinates up to 1
NOWHERE = np.float32(1e15)  # where the box of a missing child is
# Barycentric slack at the sides of a triangle: no ray slips between two neighbours whose sides differ by rounding.
OVERLAP = 1e-4
# Nearer than this nothing blocks, local units: widened by OVERLAP, the next face of a convex edge hangs over a start
# beside it, and a ball of 80 faces showed a shadow along its edges.
CLEAR = 4e-4
STEEP = 1e-30  # a component of a direction below this counts as this, so that 1 / d stays finite


@dataclass(frozen=True)
class RayTree:
    """Flat arrays in local units, (metres − centre) · scale; leaves hold eight triangles near each other."""

    centre: F64  # (3,) metres
    scale: float
    boxes: F32  # (nodes, 6, 8) low and high corners of each node's children
    children: I32  # (nodes,) number of the first child; leaves are numbered after the nodes
    triangles: F32  # (leaves, 9, 8) corner and two sides
    order: I32  # (m,) leaf order → face

    def local(self, points: npt.NDArray[np.floating]) -> F32:
        """(n, 3) points in local units."""
        return ((points - self.centre) * self.scale).astype(np.float32)

    @property
    def diagonal(self) -> float:
        """Metres from corner to corner of the box around all triangles."""
        root = self.boxes[0][:, self.boxes[0, 0] < NOWHERE].astype(np.float64)
        return float(np.linalg.norm(root[3:].max(axis=1) - root[:3].min(axis=1))) / self.scale


def build_ray_tree(
    vertices: npt.ArrayLike, faces: npt.ArrayLike, arranged: Callable[[F64, I32], I32] = face_order
) -> RayTree:
    """The hierarchy over (n, 3) vertices in metres and (m, 3) faces, in the order that `arranged` puts them.

    `face_order` makes a linear hierarchy (Lauterbach et al. 2009, "Fast BVH construction on GPUs"): 0.14 s for 905k
    faces, which suits a few short rays a face. `bvh_nodes.leaf_order` takes 0.2 s more and halves the cost of rays
    that cross the mesh. Raises InputError `mesh.no-faces`, `mesh.bad-index` or `mesh.not-finite`.
    """
    corners = np.ascontiguousarray(faces, dtype=np.int32).reshape(-1, 3)
    centre, scale, local = unit_frame(vertices, corners)
    order = arranged(local, corners)
    sizes, first = level_sizes(len(corners))
    triangles = np.zeros((sizes[0], 9, WIDTH), np.float32)
    fill_leaves(local, corners, order, triangles)
    return RayTree(centre, scale, _boxes(triangles, sizes, first), _first_children(sizes, first), triangles, order)


def closest_tree(tree: RayTree, vertices: npt.ArrayLike, faces: npt.ArrayLike) -> Bvh:
    """The closest-point hierarchy over the same faces in the same order: built for what rays miss."""
    corners = np.ascontiguousarray(faces, dtype=np.int32).reshape(-1, 3)
    centre, scale, local = unit_frame(vertices, corners)
    sizes, first = level_sizes(len(corners))
    triangles = leaf_triangles(local, corners, tree.order)
    return Bvh(centre, scale, node_boxes(triangles, sizes, first), tree.children, triangles, tree.order)


def _first_children(sizes: I64, first: I64) -> I32:
    children = [first[k] + WIDTH * np.arange(sizes[k + 1]) for k in range(len(sizes) - 1)][::-1]
    return np.concatenate(children).astype(np.int32)


@njit(cache=True, nogil=True)
def _boxes(triangles: F32, sizes: I64, first: I64) -> F32:
    """(nodes, 6, 8): the children's boxes, level by level from the leaves."""
    nodes = np.empty((first[0], 6, WIDTH), np.float32)
    nodes[:] = NOWHERE
    slack = np.float32(SLACK)
    box = np.empty(6, np.float32)
    for level in range(len(sizes) - 1):
        for j in range(sizes[level]):
            box[:3], box[3:] = np.float32(np.inf), np.float32(-np.inf)
            for axis in range(3):
                low, high = box[axis], box[axis + 3]
                for k in range(WIDTH):
                    if level == 0:
                        a = triangles[j, axis, k]
                        b, c = a + triangles[j, axis + 3, k], a + triangles[j, axis + 6, k]
                        low, high = min(low, min(a, b, c) - slack), max(high, max(a, b, c) + slack)
                    elif nodes[first[level] + j, axis, k] < NOWHERE:
                        low = min(low, nodes[first[level] + j, axis, k])
                        high = max(high, nodes[first[level] + j, axis + 3, k])
                nodes[first[level + 1] + j // WIDTH, axis, j % WIDTH] = low
                nodes[first[level + 1] + j // WIDTH, axis + 3, j % WIDTH] = high
    return nodes


@njit(cache=True, nogil=True)
def inverse(d: Any) -> Any:
    """1 / d with a finite answer for 0; for kernels."""
    tiny = np.float32(STEEP)
    if abs(d) > tiny:
        return np.float32(1.0) / d
    return np.float32(1.0 / STEEP) if d >= 0 else np.float32(-1.0 / STEEP)


@njit(cache=True, nogil=True)
def enter_and_leave(boxes: Any, node: int, ox: Any, oy: Any, oz: Any, ix: Any, iy: Any, iz: Any) -> Any:
    """Where a line (origin and 1 / direction, the same in all lanes) enters and leaves a node's eight boxes."""
    o = node * NODE
    a, b = (load(boxes, o) - ox) * ix, (load(boxes, o + 24) - ox) * ix
    enter, leave = least(a, b), most(a, b)
    a, b = (load(boxes, o + 8) - oy) * iy, (load(boxes, o + 32) - oy) * iy
    enter, leave = most(enter, least(a, b)), least(leave, most(a, b))
    a, b = (load(boxes, o + 16) - oz) * iz, (load(boxes, o + 40) - oz) * iz
    return most(enter, least(a, b)), least(leave, most(a, b))


@njit(cache=True, nogil=True)
def front_crossings(t: Any, leaf: int, px: Any, py: Any, pz: Any, nx: Any, ny: Any, nz: Any) -> Any:
    """Signed distance along n from p to eight triangles whose fronts n points out of; inf for none.

    Möller & Trumbore 1997 with −n for the direction; p and n are the same in all lanes.
    """
    o = leaf * FACE
    ux, uy, uz = load(t, o + 24), load(t, o + 32), load(t, o + 40)
    vx, vy, vz = load(t, o + 48), load(t, o + 56), load(t, o + 64)
    qx, qy, qz = px - load(t, o), py - load(t, o + 8), pz - load(t, o + 16)
    ax, ay, az = vy * nz - vz * ny, vz * nx - vx * nz, vx * ny - vy * nx
    det = ux * ax + uy * ay + uz * az
    u = qx * ax + qy * ay + qz * az
    bx, by, bz = qy * uz - qz * uy, qz * ux - qx * uz, qx * uy - qy * ux
    v = fill(np.float32(0.0)) - (nx * bx + ny * by + nz * bz)
    distance = fill(np.float32(0.0)) - (vx * bx + vy * by + vz * bz)
    edge = least(least(u, v), det - u - v) + fill(np.float32(OVERLAP)) * det
    inside = where_less(fill(np.float32(0.0)), edge, distance / det, fill(np.float32(np.inf)))
    return where_less(fill(np.float32(1e-30)), det, inside, fill(np.float32(np.inf)))


@njit(cache=True, nogil=True)
def nearest_front(
    boxes: Any, children: Any, triangles: Any, p: Any, n: Any, limit: Any, stack: Any
) -> tuple[int, np.float32]:
    """The slot of the triangle nearest to p along ±n within `limit` whose front n points out of, and |distance|.

    (−1, limit) for none; for kernels.
    """
    px, py, pz = fill(p[0]), fill(p[1]), fill(p[2])
    nx, ny, nz = fill(n[0]), fill(n[1]), fill(n[2])
    ix, iy, iz = fill(inverse(n[0])), fill(inverse(n[1])), fill(inverse(n[2]))
    leaves_from = len(children)
    found, best, top = -1, limit, 1
    stack[0] = 0
    while top:
        top -= 1
        node = stack[top]
        if node < leaves_from:
            enter, leave = enter_and_leave(boxes, node, px, py, pz, ix, iy, iz)
            apart = most(enter - leave, most(enter - fill(best), fill(-best) - leave))
            mask = less(apart, fill(np.float32(1e-6)))
            while mask:
                k = lowest(mask)
                mask &= mask - np.uint32(1)
                stack[top] = children[node] + k
                top += 1
            continue
        away = size(front_crossings(triangles, node - leaves_from, px, py, pz, nx, ny, nz))
        nearest = smallest(away)
        if nearest < best:
            best = nearest
            found = (node - leaves_from) * WIDTH + lowest(less(away, fill(np.nextafter(best, np.float32(np.inf)))))
    return found, best


@njit(cache=True, nogil=True)
def blocked(boxes: Any, children: Any, triangles: Any, p: Any, d: Any, limit: Any, stack: Any) -> bool:
    """Whether a ray from p along d meets a triangle, from either side, before `limit`; for kernels."""
    px, py, pz = fill(p[0]), fill(p[1]), fill(p[2])
    dx, dy, dz = fill(d[0]), fill(d[1]), fill(d[2])
    ix, iy, iz = fill(inverse(d[0])), fill(inverse(d[1])), fill(inverse(d[2]))
    zero, far = fill(np.float32(0.0)), fill(limit)
    leaves_from, top = len(children), 1
    stack[0] = 0
    while top:
        top -= 1
        node = stack[top]
        if node >= leaves_from:
            if _meets(triangles, node - leaves_from, px, py, pz, dx, dy, dz, far):
                return True
            continue
        enter, leave = enter_and_leave(boxes, node, px, py, pz, ix, iy, iz)
        mask = less(most(enter, zero), least(leave, far))
        first = children[node]
        while mask:
            stack[top] = first + lowest(mask)
            mask &= mask - np.uint32(1)
            top += 1
    return False


@njit(cache=True, nogil=True)
def _meets(t: Any, leaf: int, px: Any, py: Any, pz: Any, dx: Any, dy: Any, dz: Any, far: Any) -> Any:
    """Mask of a leaf's triangles that the ray meets before `far`; Möller & Trumbore 1997."""
    o = leaf * FACE
    ux, uy, uz = load(t, o + 24), load(t, o + 32), load(t, o + 40)
    vx, vy, vz = load(t, o + 48), load(t, o + 56), load(t, o + 64)
    qx, qy, qz = px - load(t, o), py - load(t, o + 8), pz - load(t, o + 16)
    ax, ay, az = dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx
    det = ux * ax + uy * ay + uz * az
    u = (qx * ax + qy * ay + qz * az) / det
    bx, by, bz = qy * uz - qz * uy, qz * ux - qx * uz, qx * uy - qy * ux
    v = (dx * bx + dy * by + dz * bz) / det
    distance = (vx * bx + vy * by + vz * bz) / det
    inside = least(least(u, v), fill(np.float32(1.0)) - u - v) + fill(np.float32(OVERLAP))
    return less(fill(np.float32(0.0)), least(inside, distance - fill(np.float32(CLEAR)))) & less(distance, far)
