"""A bounding volume hierarchy over triangles and the exact closest-point query on it, for bakes, LODs and distances."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, InputError
from tasks import distance_cuda
from tasks.bvh_nodes import BOX, leaf_order, leaf_triangles, level_sizes, node_boxes
from tasks.lanes import WIDTH, fill, least, less, load, lowest, most, root, size, smallest, store, where_less
from tasks.morton import F64, morton_order

BLOCK = 4096  # points
STACK = 256  # each of at most 11 levels (2³¹ faces, eight a node) leaves seven children behind and opens one
# Boxes are float32 and triangles float64, both in units in which the mesh spans 1 to 2. What a float32 box distance
# may be off grows with how far out the point is; past MOST_SLACK (20 sizes of the mesh) every box would be opened,
# so that farther points are exact to 1e-6 of their distance only.
SLACK = 5e-7
MOST_SLACK = 1e-5
FARTHEST = 1e15  # float32 squares of coordinates up to this do not overflow
FLAT = 1e-14  # squared: a triangle of less height than 1e-7 of its sides is left to them


@dataclass(frozen=True)
class Bvh:
    """Flat arrays in local units, (metres − centre) · scale; every leaf but the last holds eight triangles."""

    centre: F64  # (3,) metres
    scale: float  # a power of two
    boxes: F32  # (nodes, BOX, 8) of each node's children
    children: I32  # (nodes,) number of the first child; leaves are numbered after the nodes
    triangles: F64  # (leaves, 9, 8) corner and two sides
    order: I32  # (m,) leaf order → face index

    @cached_property
    def on_gpu(self) -> Any:
        """cubvh's hierarchy over the same triangles, in the same order; None without CUDA or cubvh."""
        ready = distance_cuda.cuda_ready()
        return distance_cuda.build_on_gpu(self.triangles, len(self.order)) if ready else None

    def local(self, points: npt.ArrayLike) -> F64:
        """(n, 3) points in local units; raises InputError `points.not-finite`, beyond 1e100 mesh sizes too."""
        given = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        if len(given) and not max(given.max(), -given.min()) * self.scale < 1e100:
            raise InputError("points.not-finite", "points are NaN, infinite or farther out than any mesh")
        return np.multiply(given - self.centre, self.scale)


def build_bvh(vertices: npt.ArrayLike, faces: npt.ArrayLike) -> Bvh:
    """The hierarchy over (n, 3) vertices in metres and (m, 3) faces, of any quality; 0.07 s for 187k faces.

    Raises InputError `mesh.no-faces`, `mesh.bad-index` or `mesh.not-finite`.
    """
    corners = np.ascontiguousarray(faces, dtype=np.int32).reshape(-1, 3)
    centre, scale, local = unit_frame(vertices, corners)
    order = leaf_order(local, corners)
    triangles = leaf_triangles(local, corners, order)
    sizes, first = level_sizes(len(corners))
    children = np.concatenate([first[k] + WIDTH * np.arange(sizes[k + 1]) for k in range(len(sizes) - 1)][::-1])
    return Bvh(centre, scale, node_boxes(triangles, sizes, first), children.astype(np.int32), triangles, order)


def unit_frame(vertices: npt.ArrayLike, corners: I32) -> tuple[F64, float, F64]:
    """Centre, scale and (n, 3) local points, (metres − centre) · scale, in which faces (m, 3) span 1 to 2 units.

    Vertices that no face uses come out as 0. Raises InputError as `build_bvh`.
    """
    points = np.asarray(vertices, dtype=np.float64).reshape(-1, 3)
    if not len(corners):
        raise InputError("mesh.no-faces", "a hierarchy needs at least one face")
    if corners.min() < 0 or corners.max() >= len(points):
        raise InputError("mesh.bad-index", f"face index outside {len(points)} vertices")
    used = np.zeros(len(points), dtype=np.bool_)
    used[corners] = True
    columns = points[used].T  # numpy's min(axis=0) takes four times as long on three columns
    low, high = (np.array([extreme(column) for column in columns]) for extreme in (np.min, np.max))
    if not np.isfinite(low + high).all():
        raise InputError("mesh.not-finite", "vertices are NaN or infinite")
    centre, extent = 0.5 * low + 0.5 * high, float((0.5 * high - 0.5 * low).max())
    scale = float(2.0 ** -np.floor(np.log2(extent))) if extent > 1e-300 else 1.0
    return centre, scale, np.where(used[:, None], (points - centre) * scale, 0.0)


def closest_point(
    bvh: Bvh, points: npt.ArrayLike, hint: npt.ArrayLike | None = None, penalty: float = 0.0, threads: int = 1
) -> tuple[I32, F64, F64]:
    """Exact closest triangle to each of (n, 3) points: face (n,), barycentric (n, 3), distance (n,) in metres.

    With `hint` normals (n, 3), a triangle that faces away from the hint counts as `penalty` metres farther: on a thin
    wall the two sides lie nearly equally close to a simplified surface, and the one that faces the same way is meant.
    The penalty only ever adds, so box bounds stay valid and the answer is the exact minimum of the penalised distance.
    `threads` share the points. Raises InputError `points.not-finite`.
    """
    local = bvh.local(points)
    walk = morton_order(local)
    toward = None if hint is None else np.asarray(hint, dtype=np.float64).reshape(-1, 3)[walk]
    found = search(bvh, local[walk], toward, penalty, threads)
    face, barycentric, distance = np.empty(len(walk), np.int32), np.empty((len(walk), 3)), np.empty(len(walk))
    face[walk], barycentric[walk], distance[walk] = bvh.order[found[0]], found[1], found[2] / bvh.scale
    return face, barycentric, distance


def search(bvh: Bvh, local: F64, toward: F64 | None, penalty: float, threads: int) -> tuple[I32, F64, F64]:
    """`closest_point` for local points along a Morton curve: place in `bvh.order`, barycentric, local distance.

    Many points without a hint are asked of a GPU where there is one, see `distance_cuda`; what that leaves is searched
    here.
    """
    hint, away = (np.zeros((1, 3)), 0.0) if toward is None else (toward, float(penalty) * bvh.scale)
    slot, barycentric, distance = np.full(len(local), -1, np.int32), np.empty((len(local), 3)), np.empty(len(local))
    if toward is None and len(local) >= distance_cuda.MANY_POINTS and bvh.on_gpu is not None:
        slot = distance_cuda.nearest_slots(bvh.on_gpu, len(bvh.order), local)
        _place(bvh.triangles, local, slot, barycentric, distance)

    def work(start: int, stop: int) -> None:
        tree = (bvh.boxes, bvh.children, bvh.triangles)
        _query(*tree, local, start, stop, hint, away, slot, barycentric, distance)

    in_threads(work, len(local), threads)
    return np.minimum(slot, len(bvh.order) - 1), barycentric, distance


def in_threads(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """work(start, stop) over equal runs of range(count), each in its own thread; kernels let go of the interpreter.

    Runs end at multiples of BLOCK, where queries forget the answer before: so equally near triangles do not depend on
    `threads`.
    """
    blocks = -(-count // BLOCK)
    cuts = [min(BLOCK * (blocks * k // threads), count) for k in range(threads + 1)] if threads > 1 else [0, count]
    if len(cuts) == 2:
        work(0, count)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, cuts[:-1], cuts[1:]))


@njit(cache=True, nogil=True)
def _box_distances(boxes: Any, node: int, x: Any, y: Any, z: Any) -> Any:
    """Squared distance from the point, the same in all lanes, to the eight boxes of a node."""
    o = node * BOX * WIDTH
    zero = fill(np.float32(0.0))
    x, y, z = x - load(boxes, o), y - load(boxes, o + 8), z - load(boxes, o + 16)
    a = x * load(boxes, o + 24) + y * load(boxes, o + 32) + z * load(boxes, o + 40)
    b = x * load(boxes, o + 48) + y * load(boxes, o + 56) + z * load(boxes, o + 64)
    c = x * load(boxes, o + 72) + y * load(boxes, o + 80) + z * load(boxes, o + 88)
    a = most(size(a) - load(boxes, o + 96), zero)
    b = most(size(b) - load(boxes, o + 104), zero)
    c = most(size(c) - load(boxes, o + 112), zero)
    return a * a + b * b + c * c


@njit(cache=True, nogil=True)
def _triangle_distances(triangles: Any, leaf: int, x: Any, y: Any, z: Any, hint: Any, h: int, away: float) -> Any:
    """Squared distance from the point to a leaf's triangles: the least over three sides and, above it, the plane.

    A triangle flatter than 1e-7 is left to its sides, which are that close. With `away`, see `closest_point`.
    """
    o = leaf * 9 * WIDTH
    zero, one, tiny = fill(0.0), fill(1.0), fill(1e-300)
    wx, wy, wz = x - load(triangles, o), y - load(triangles, o + 8), z - load(triangles, o + 16)
    ux, uy, uz = load(triangles, o + 24), load(triangles, o + 32), load(triangles, o + 40)
    vx, vy, vz = load(triangles, o + 48), load(triangles, o + 56), load(triangles, o + 64)
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    uw, vw = ux * wx + uy * wy + uz * wz, vx * wx + vy * wy + vz * wz
    s = least(most(uw / most(uu, tiny), zero), one)
    px, py, pz = wx - s * ux, wy - s * uy, wz - s * uz
    nearest = px * px + py * py + pz * pz
    s = least(most(vw / most(vv, tiny), zero), one)
    px, py, pz = wx - s * vx, wy - s * vy, wz - s * vz
    nearest = least(nearest, px * px + py * py + pz * pz)
    ex, ey, ez = vx - ux, vy - uy, vz - uz
    s = ((wx - ux) * ex + (wy - uy) * ey + (wz - uz) * ez) / most(ex * ex + ey * ey + ez * ez, tiny)
    s = least(most(s, zero), one)
    px, py, pz = wx - ux - s * ex, wy - uy - s * ey, wz - uz - s * ez
    nearest = least(nearest, px * px + py * py + pz * pz)
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    nn, height = nx * nx + ny * ny + nz * nz, nx * wx + ny * wy + nz * wz
    b, c = vv * uw - uv * vw, uu * vw - uv * uw
    within = least(least(b, c), least(nn - b - c, nn - fill(FLAT) * uu * vv))
    nearest = where_less(zero, within, least(nearest, height * height / most(nn, tiny)), nearest)
    if away > 0.0:
        facing = nx * fill(hint[h, 0]) + ny * fill(hint[h, 1]) + nz * fill(hint[h, 2])
        farther = root(nearest) + fill(away)
        nearest = where_less(zero, facing, nearest, farther * farther)
    return nearest


@njit(cache=True, nogil=True)
def _query(
    boxes: F32,
    children: I32,
    triangles: F64,
    points: F64,
    start: int,
    stop: int,
    hint: F64,
    away: float,
    slot: I32,
    barycentric: F64,
    distance: F64,
) -> None:
    """Depth-first, nearest child first; the leaf of the previous point's answer gives each query its first bound.

    Points that have a slot are answered already.
    """
    leaves_from = len(children)
    stack, reach = np.empty(STACK, np.int32), np.empty(STACK, np.float32)
    last = 0
    for i in range(start, stop):
        last = last if i % BLOCK else 0
        if slot[i] >= 0:
            continue
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x, y, z = fill(px), fill(py), fill(pz)
        fx, fy, fz = _clamped(px), _clamped(py), _clamped(pz)
        slack = min(SLACK * (1.0 + max(abs(px), abs(py), abs(pz))), MOST_SLACK)
        h = i if away > 0.0 else 0
        guess = leaves_from + last // WIDTH
        stack[0], reach[0], stack[1], reach[1], top = 0, 0.0, guess, 0.0, 2
        best, limit = np.inf, np.float32(np.inf)
        while top:
            top -= 1
            node = stack[top]
            if reach[top] >= limit or (node == guess and best < np.inf):
                continue
            if node < leaves_from:
                near = _box_distances(boxes, node, fx, fy, fz)
                top = _push(near, less(near, fill(limit)), children[node], stack, reach, top)
                continue
            near = _triangle_distances(triangles, node - leaves_from, x, y, z, hint, h, away)
            least_near = smallest(near)
            if least_near < best or best == np.inf:
                best = least_near
                last = (node - leaves_from) * WIDTH + lowest(less(near, fill(np.nextafter(best, np.inf))))
                limit = np.float32((np.sqrt(best) + slack) ** 2)
        slot[i] = last
        v, w, squared = _closest_on_triangle(px, py, pz, triangles, last // WIDTH, last % WIDTH)
        barycentric[i, 0], barycentric[i, 1], barycentric[i, 2] = 1.0 - v - w, v, w
        distance[i] = np.sqrt(squared)


@njit(cache=True, nogil=True)
def _place(triangles: F64, points: F64, slot: I32, barycentric: F64, distance: F64) -> None:
    """The closest place on the triangle of each point that has one."""
    for i in range(len(slot)):
        if slot[i] >= 0:
            p, leaf, k = points[i], slot[i] // WIDTH, slot[i] % WIDTH
            v, w, squared = _closest_on_triangle(p[0], p[1], p[2], triangles, leaf, k)
            barycentric[i, 0], barycentric[i, 1], barycentric[i, 2] = 1.0 - v - w, v, w
            distance[i] = np.sqrt(squared)


@njit(cache=True, nogil=True)
def _clamped(value: float) -> Any:
    return fill(np.float32(min(max(value, -FARTHEST), FARTHEST)))


@njit(cache=True, nogil=True)
def _push(near: Any, mask: Any, child: int, stack: I32, reach: F32, top: int) -> int:
    """Put the children in the mask on the stack, the nearest last; its new height.

    The lanes are stored at the top and moved down in place: a lane is never above where it came from.
    """
    if mask == 0:
        return top
    store(reach, top, near)
    base, nearest, shortest = top, top, np.float32(np.inf)
    while mask:
        k = lowest(mask)
        mask &= mask - np.uint32(1)
        value = reach[base + k]
        reach[top], stack[top] = value, child + k
        if value < shortest:
            nearest, shortest = top, value
        top += 1
    stack[nearest], stack[top - 1] = stack[top - 1], stack[nearest]
    reach[nearest], reach[top - 1] = reach[top - 1], shortest
    return top


@njit(cache=True, nogil=True)
def _closest_on_triangle(px: float, py: float, pz: float, t: F64, leaf: int, k: int) -> tuple[float, float, float]:
    """Weights (v, w) of corners b and c, and the squared distance; Ericson, Real-Time Collision Detection, §5.1.5.

    Its products decide by rounding noise where a triangle is flat: that one is left to its sides, as for distances.
    """
    abx, aby, abz = t[leaf, 3, k], t[leaf, 4, k], t[leaf, 5, k]
    acx, acy, acz = t[leaf, 6, k], t[leaf, 7, k], t[leaf, 8, k]
    apx, apy, apz = px - t[leaf, 0, k], py - t[leaf, 1, k], pz - t[leaf, 2, k]
    d1, d2 = abx * apx + aby * apy + abz * apz, acx * apx + acy * apy + acz * apz
    bb, bc, cc = abx * abx + aby * aby + abz * abz, abx * acx + aby * acy + abz * acz, acx * acx + acy * acy + acz * acz
    nx, ny, nz = aby * acz - abz * acy, abz * acx - abx * acz, abx * acy - aby * acx
    if nx * nx + ny * ny + nz * nz <= FLAT * bb * cc:
        on_sides: tuple[float, float, float] = _closest_on_sides(apx, apy, apz, t, leaf, k)
        return on_sides
    d3, d4, d5, d6 = d1 - bb, d2 - bc, d1 - bc, d2 - cc  # the same products from corners b and c
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        v, w = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif d6 >= 0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0 and d1 > d3:
        v, w = d1 / (d1 - d3), 0.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0 and d2 > d6:
        v, w = 0.0, d2 / (d2 - d6)
    elif va <= 0 and d4 >= d3 and d5 >= d6 and d4 - d3 + d5 - d6 > 0:
        w = (d4 - d3) / (d4 - d3 + d5 - d6)
        v = 1.0 - w
    elif va + vb + vc > 0:
        v, w = vb / (va + vb + vc), vc / (va + vb + vc)
    else:  # a zero-area triangle whose products cancelled to nothing: any corner is within rounding of the answer
        v, w = 0.0, 0.0
    x, y, z = apx - v * abx - w * acx, apy - v * aby - w * acy, apz - v * abz - w * acz
    return v, w, x * x + y * y + z * z


@njit(cache=True, nogil=True)
def _closest_on_sides(px: float, py: float, pz: float, t: F64, leaf: int, k: int) -> tuple[float, float, float]:
    """As `_closest_on_triangle`, of the three sides alone, for a point given relative to corner a."""
    best_v, best_w, best = 0.0, 0.0, px * px + py * py + pz * pz
    for side in range(3):
        # From a to b, from a to c, from b to c: weights (v, w) where the side starts, and how they change along it.
        v, w = (1.0, 0.0) if side == 2 else (0.0, 0.0)
        dv, dw = (-1.0, 1.0) if side == 2 else ((1.0, 0.0) if side == 0 else (0.0, 1.0))
        x, y, z = px - v * t[leaf, 3, k], py - v * t[leaf, 4, k], pz - v * t[leaf, 5, k]
        ex = dv * t[leaf, 3, k] + dw * t[leaf, 6, k]
        ey = dv * t[leaf, 4, k] + dw * t[leaf, 7, k]
        ez = dv * t[leaf, 5, k] + dw * t[leaf, 8, k]
        length = ex * ex + ey * ey + ez * ez
        s = min(max((x * ex + y * ey + z * ez) / length, 0.0), 1.0) if length > 0.0 else 0.0
        x, y, z = x - s * ex, y - s * ey, z - s * ez
        if x * x + y * y + z * z < best:
            best_v, best_w, best = v + s * dv, w + s * dw, x * x + y * y + z * z
    return best_v, best_w, best
