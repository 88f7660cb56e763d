"""Texels projected onto another mesh along the low mesh's smooth normals, a tile of neighbours at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from ml.asset import F32, I32, Part
from ml.normals import face_crosses, vertex_normals
from tasks.bvh import closest_point
from tasks.lanes import WIDTH, fill, least, less, load, lowest, most, size, smallest
from tasks.ray_tree import (
    FACE,
    NODE,
    NOWHERE,
    STACK,
    RayTree,
    closest_tree,
    front_crossings,
    nearest_front,
)
from tasks.texel_raster import TILE, interpolate
from tasks.topology import F64, Bool, weld

# Rays reach this share of the diagonal to either side: more than decimation moves a surface (mean 0.1–0.8 % down to a
# tenth of the faces). Beyond it the closest point that faces the same way decides.
CAGE = 0.02
BLOCKS = 256  # of eight triangles: tiles with more candidates, as in small maps of dense meshes, go ray by ray
NEAR = 2e-6  # boxes this far apart touch, local units: twice what rounding may move them
GROUPS = 8  # places in space that the texels of one tile may lie at, as where charts meet
# Texels of a tile that lie farther apart than this many times the way between two neighbours in it are at different
# places; 16 is a tile of 8 whose chart is stretched to the double.
APART = 2.0 * TILE


@dataclass(frozen=True)
class Projection:
    """Where each of t texels lands."""

    face: I32  # (t,) face of the mesh projected onto
    barycentric: F32  # (t, 3)
    turned: Bool  # (t,) whether that place shows the texel its back: only closest points do
    missed: int = 0  # texels whose ray met nothing, which took the closest point

    @staticmethod
    def of_itself(face: I32, barycentric: F32) -> Projection:
        """Texels that show their own places."""
        return Projection(face, barycentric, np.zeros(len(face), np.bool_))

    def rows(self, chosen: slice | I32) -> Projection:
        """Those of some texels."""
        return Projection(self.face[chosen], self.barycentric[chosen], self.turned[chosen])


def project(
    part: Part, face: I32, barycentric: F32, tree: RayTree, vertices: F64, faces: I32, penalty: float
) -> Projection:
    """The place on a mesh, (n, 3) vertices in metres and (m, 3) faces in a tree, that each texel of `part` shows.

    `face` (t,) and `barycentric` (t, 3) are the texels on `part`, in the order of `texel_raster.tiled`. The place is
    the nearest front face along ±the smooth normal within CAGE of the diagonal, else the closest point, with `penalty`
    as in `closest_point` but in diagonals.
    """
    welded, corners, _ = weld(part.vertices, part.faces)
    points = interpolate(tree.local(welded), corners, face, barycentric)
    normals = interpolate(vertex_normals(welded, corners), corners, face, barycentric)
    cage = np.float32(CAGE * tree.diagonal * tree.scale)
    slot, weights = _project(tree.boxes, tree.children, tree.triangles, points, normals, cage)
    found = tree.order[np.minimum(slot, len(faces) - 1)]
    lost, turned = np.flatnonzero(slot < 0), np.zeros(len(slot), np.bool_)
    if len(lost):
        at = points[lost].astype(np.float64) / tree.scale + tree.centre
        toward = face_crosses(part.vertices, part.faces)[face[lost]]
        found[lost], weights[lost], _ = closest_point(
            closest_tree(tree, vertices, faces), at, toward, penalty * tree.diagonal
        )
        a, b, c = (vertices[faces[found[lost], corner]] for corner in range(3))
        turned[lost] = np.einsum("ij,ij->i", np.cross(b - a, c - a), toward) < 0
    return Projection(found, weights, turned, len(lost))


@njit(cache=True, nogil=True)
def _project(boxes: F32, children: I32, triangles: F32, points: F32, normals: F32, cage: Any) -> tuple[I32, F32]:
    """Slot in the tree's order (t,), −1 for none, and the barycentric weights there (t, 3), tile by tile."""
    slot, weights = np.full(len(points), -1, np.int32), np.zeros((len(points), 3), np.float32)
    stack = np.empty(STACK, np.int32)
    kept, ids = np.zeros((BLOCKS, 9, WIDTH), np.float32), np.empty(BLOCKS * WIDTH, np.int32)
    around = np.empty((BLOCKS // WIDTH, 6, WIDTH), np.float32)
    group = np.empty(TILE * TILE, np.int32)
    reach = cage
    for start in range(0, len(points), TILE * TILE):
        stop = min(start + TILE * TILE, len(points))
        for g in range(_places(points, start, stop, group)):
            box = _around(points, normals, start, stop, group, g, reach)
            count = _candidates(boxes, children, triangles, box, stack, kept, ids)
            _block_boxes(kept, count, around)
            farthest = np.float32(0.0)
            for i in range(start, stop):
                if group[i - start] != g:
                    continue
                best = reach
                if count >= 0:
                    slot[i], best = _nearest_kept(kept, ids, count, around, points[i], normals[i], reach)
                if slot[i] < 0:
                    slot[i], best = nearest_front(boxes, children, triangles, points[i], normals[i], cage, stack)
                if slot[i] >= 0:
                    _weigh(triangles, slot[i], points[i], normals[i], weights[i])
                    farthest = max(farthest, best)
            if farthest > 0.0:  # neighbouring tiles lie about as far from the mesh
                reach = min(cage, np.float32(0.25) * reach + farthest)
    return slot, weights


@njit(cache=True, nogil=True)
def _places(points: F32, start: int, stop: int, group: I32) -> int:
    """Number the places in space at which the texels start:stop lie; how many there are."""
    step = np.float32(np.inf)  # the shortest way between two in a row, about a texel
    for i in range(start + 1, stop):
        d = _squared(points, i, i - 1)
        if d > 0.0:
            step = min(step, d)
    limit = step * np.float32(APART * APART)
    first, count = np.empty(GROUPS, np.int64), 0
    for i in range(start, stop):
        g = 0
        while g < count and _squared(points, i, first[g]) > limit:
            g += 1
        if g == count and count < GROUPS:
            first[g] = i
            count += 1
        group[i - start] = min(g, GROUPS - 1)
    return count


@njit(cache=True, nogil=True)
def _squared(points: F32, i: int, j: int) -> Any:
    x, y, z = points[i, 0] - points[j, 0], points[i, 1] - points[j, 1], points[i, 2] - points[j, 2]
    return x * x + y * y + z * z


@njit(cache=True, nogil=True)
def _around(points: F32, normals: F32, start: int, stop: int, group: I32, g: int, reach: Any) -> Any:
    """Low and high corner around the rays of group g, `reach` to either side."""
    box = np.empty(6, np.float32)
    box[:3], box[3:] = np.float32(np.inf), np.float32(-np.inf)
    for i in range(start, stop):
        if group[i - start] == g:
            for axis in range(3):
                wide = abs(normals[i, axis]) * reach
                box[axis] = min(box[axis], points[i, axis] - wide)
                box[axis + 3] = max(box[axis + 3], points[i, axis] + wide)
    return box[0], box[1], box[2], box[3], box[4], box[5]


@njit(cache=True, nogil=True)
def _gap(ax: Any, bx: Any, ay: Any, by: Any, az: Any, bz: Any, box: Any) -> Any:
    """How far eight boxes, low a and high b corners, are from one on the axis that parts them most; ≤ 0: touching."""
    x = most(ax - fill(box[3]), fill(box[0]) - bx)
    y = most(ay - fill(box[4]), fill(box[1]) - by)
    z = most(az - fill(box[5]), fill(box[2]) - bz)
    return most(x, most(y, z))


@njit(cache=True, nogil=True)
def _node_gap(boxes: F32, node: int, box: Any) -> Any:
    """`_gap` of a node's boxes."""
    o = node * NODE
    ax, ay, az = load(boxes, o), load(boxes, o + 8), load(boxes, o + 16)
    return _gap(ax, load(boxes, o + 24), ay, load(boxes, o + 32), az, load(boxes, o + 40), box)


@njit(cache=True, nogil=True)
def _candidates(boxes: F32, children: I32, triangles: F32, box: Any, stack: I32, kept: F32, ids: I32) -> int:
    """Copy triangles whose boxes touch `box` to `kept`, eight by eight, their slots to `ids`; −1 for too many."""
    leaves_from, count, top = len(children), 0, 1
    stack[0] = 0
    near = fill(np.float32(NEAR))
    while top:
        top -= 1
        node = stack[top]
        if node < leaves_from:
            mask = less(_node_gap(boxes, node, box), near)
            while mask:
                k = lowest(mask)
                mask &= mask - np.uint32(1)
                stack[top] = children[node] + k
                top += 1
            continue
        leaf = node - leaves_from
        mask = less(_triangle_gap(triangles, leaf, box), near)
        while mask:
            k = lowest(mask)
            mask &= mask - np.uint32(1)
            if count == len(ids):
                return -1
            for row in range(9):
                kept[count // WIDTH, row, count % WIDTH] = triangles[leaf, row, k]
            ids[count] = leaf * WIDTH + k
            count += 1
    for spare in range(count, min(-(-count // WIDTH) * WIDTH, len(ids))):  # what an earlier tile left: no area
        kept[spare // WIDTH, 3:, spare % WIDTH] = np.float32(0.0)
    return count


@njit(cache=True, nogil=True)
def _triangle_gap(triangles: F32, leaf: int, box: Any) -> Any:
    """`_gap` of the boxes of a leaf's triangles."""
    o = leaf * FACE
    x, y, z = load(triangles, o), load(triangles, o + 8), load(triangles, o + 16)
    ux, uy, uz = x + load(triangles, o + 24), y + load(triangles, o + 32), z + load(triangles, o + 40)
    vx, vy, vz = x + load(triangles, o + 48), y + load(triangles, o + 56), z + load(triangles, o + 64)
    ax, ay, az = least(x, least(ux, vx)), least(y, least(uy, vy)), least(z, least(uz, vz))
    bx, by, bz = most(x, most(ux, vx)), most(y, most(uy, vy)), most(z, most(uz, vz))
    return _gap(ax, bx, ay, by, az, bz, box)


@njit(cache=True, nogil=True)
def _block_boxes(kept: F32, count: int, around: F32) -> None:
    """The boxes of the blocks of eight triangles kept, in a node's layout."""
    for block in range(-(-max(count, 0) // WIDTH)):
        row, lane, o = block // WIDTH, block % WIDTH, block * FACE
        if lane == 0:
            around[row] = NOWHERE
        for axis in range(3):
            a = load(kept, o + 8 * axis)
            b, c = a + load(kept, o + 24 + 8 * axis), a + load(kept, o + 48 + 8 * axis)
            around[row, axis, lane] = smallest(least(a, least(b, c)))
            around[row, axis + 3, lane] = -smallest(fill(np.float32(0.0)) - most(a, most(b, c)))


@njit(cache=True, nogil=True)
def _nearest_kept(kept: F32, ids: I32, count: int, around: F32, p: F32, n: F32, limit: Any) -> tuple[int, np.float32]:
    """As `nearest_front`, among the `count` triangles kept."""
    px, py, pz = fill(p[0]), fill(p[1]), fill(p[2])
    nx, ny, nz = fill(n[0]), fill(n[1]), fill(n[2])
    x, y, z = abs(n[0]) * limit, abs(n[1]) * limit, abs(n[2]) * limit
    ray = p[0] - x, p[1] - y, p[2] - z, p[0] + x, p[1] + y, p[2] + z
    found, best = -1, limit
    for row in range(-(-count // (WIDTH * WIDTH))):
        mask = less(_node_gap(around, row, ray), fill(np.float32(NEAR)))
        while mask:
            block = row * WIDTH + lowest(mask)
            mask &= mask - np.uint32(1)
            away = size(front_crossings(kept, block, px, py, pz, nx, ny, nz))
            if less(away, fill(best)):
                best = smallest(away)
                found = ids[block * WIDTH + lowest(less(away, fill(np.nextafter(best, np.float32(np.inf)))))]
    return found, best


@njit(cache=True, nogil=True)
def _weigh(triangles: F32, slot: int, p: F32, n: F32, weights: F32) -> None:
    """Barycentric weights of where the line through p along n crosses a triangle, within it."""
    leaf, k = slot // WIDTH, slot % WIDTH
    ux, uy, uz = np.float64(triangles[leaf, 3, k]), triangles[leaf, 4, k], triangles[leaf, 5, k]
    vx, vy, vz = np.float64(triangles[leaf, 6, k]), triangles[leaf, 7, k], triangles[leaf, 8, k]
    qx, qy, qz = p[0] - triangles[leaf, 0, k], p[1] - triangles[leaf, 1, k], p[2] - triangles[leaf, 2, k]
    ax, ay, az = vy * n[2] - vz * n[1], vz * n[0] - vx * n[2], vx * n[1] - vy * n[0]
    det = ux * ax + uy * ay + uz * az
    bx, by, bz = qy * uz - qz * uy, qz * ux - qx * uz, qx * uy - qy * ux
    b = min(max((qx * ax + qy * ay + qz * az) / det, 0.0), 1.0)
    c = min(max(-(n[0] * bx + n[1] * by + n[2] * bz) / det, 0.0), 1.0)
    if b + c > 1.0:
        b, c = b / (b + c), c / (b + c)
    weights[0], weights[1], weights[2] = 1.0 - b - c, b, c
