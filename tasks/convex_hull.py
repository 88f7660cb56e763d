"""Convex hulls: the exact volume of a hull of few grid points as a kernel, and closed bodies around many points."""

from __future__ import annotations

import numpy as np
import scipy  # spatial loads on first use
from numba import njit

from ml.asset import F32, I32
from tasks.topology import F64, I64, Bool

# Grid points are scaled up by this and moved by up to half of JITTER: no four of them lie in one plane, which would
# need a rule for every case, and the determinants stay exact in 64 bits up to 1,024 grid points a side.
SCALE, JITTER = 256, 8
FLATTEST = 1e-3  # of its length: a body thinner than that is made so thick, physics engines want a volume


@njit(cache=True, nogil=True)
def hull_volume(grid: I64, count: int) -> float:
    """Volume of the convex hull of the first `count` of grid (n, 3), to about 1 %; 0 for fewer than four; kernel.

    Incremental insertion (de Berg et al. 2008, 'Computational geometry' §11), all predicates exact.
    """
    points = np.empty((count, 3), np.int64)
    for i in range(count):
        state = grid[i, 0] * 73856093 ^ grid[i, 1] * 19349663 ^ grid[i, 2] * 83492791
        for k in range(3):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            points[i, k] = grid[i, k] * SCALE + (state >> 16) % JITTER
    order = _first_four(points)
    if order[3] < 0:
        return 0.0
    room = 4 * count + 64  # a hull has under 2·count faces, and as many may wait to be used again
    faces, planes = np.empty((room, 3), np.int32), np.empty((room, 4), np.int64)
    beside = np.full((count, count), -1, np.int32)  # the face on the left of each directed edge
    for slot in range(4):
        a, b, c = (0, 1, 2) if slot == 0 else (0, 3, 1) if slot == 1 else (1, 3, 2) if slot == 2 else (2, 3, 0)
        _set_face(points, faces, planes, beside, slot, order[a], order[b], order[c])
    alive, seen = np.zeros(room, np.bool_), np.zeros(room, np.bool_)
    alive[:4] = True
    free, gone = np.empty(room, np.int32), np.empty(room, np.int32)
    total, spare = 4, 0
    for p in range(count):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        visible = 0
        for f in range(total):
            seen[f] = alive[f] and planes[f, 0] * x + planes[f, 1] * y + planes[f, 2] * z > planes[f, 3]
            if seen[f]:
                gone[visible] = f
                visible += 1
        for i in range(visible):
            f = gone[i]
            alive[f] = False
            for k in range(3):
                a, b = faces[f, k], faces[f, (k + 1) % 3]
                if not seen[beside[b, a]]:
                    slot = free[spare - 1] if spare else total
                    total, spare = (total, spare - 1) if spare else (total + 1, 0)
                    alive[slot], seen[slot] = True, False
                    _set_face(points, faces, planes, beside, slot, a, b, p)
        for i in range(visible):
            free[spare] = gone[i]
            spare += 1
    volume: float = _enclosed(points[order[0]], planes, alive, total)
    return volume


@njit(cache=True, nogil=True)
def _enclosed(origin: I64, planes: I64, alive: Bool, total: int) -> float:
    """Volume inside the planes' faces, in grid cells: a plane's vector is twice its face's area long."""
    six = 0.0
    for f in range(total):
        if alive[f]:
            height = planes[f, 3]
            for k in range(3):
                height -= planes[f, k] * origin[k]
            six += float(height)
    return six / 6.0 / float(SCALE) ** 3


@njit(cache=True, nogil=True)
def _set_face(points: I64, faces: I32, planes: I64, beside: I32, slot: int, a: int, b: int, c: int) -> None:
    """Write the triangle (a, b, c), its plane and its three edges."""
    faces[slot, 0], faces[slot, 1], faces[slot, 2] = a, b, c
    ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    planes[slot, 0], planes[slot, 1], planes[slot, 2] = x, y, z
    planes[slot, 3] = x * points[a, 0] + y * points[a, 1] + z * points[a, 2]
    beside[a, b] = beside[b, c] = beside[c, a] = slot


@njit(cache=True, nogil=True)
def _first_four(points: I64) -> I64:
    """A tetrahedron of the points, its first three counter-clockwise seen from outside; the last is −1 without one."""
    order = np.full(4, -1, np.int64)
    order[0], best = 0, 0.0
    o = points[0].astype(np.float64)
    for i in range(len(points)):
        d = points[i] - o
        size = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        if size > best:
            best, order[1] = size, i
    if order[1] < 0:
        return order
    u = points[order[1]] - o
    best = 0.0
    for i in range(len(points)):
        c = np.cross(u, points[i] - o)
        size = c[0] * c[0] + c[1] * c[1] + c[2] * c[2]
        if size > best:
            best, order[2] = size, i
    if order[2] < 0:
        return order
    normal = np.cross(u, points[order[2]] - o)
    best = 0.0
    for i in range(len(points)):
        d = points[i] - o
        height = normal[0] * d[0] + normal[1] * d[1] + normal[2] * d[2]
        if abs(height) > abs(best):
            best, order[3] = height, i
    if best > 0.0:  # the fourth has to lie behind the first three
        order[1], order[2] = order[2], order[1]
    return order


def convex_body(points: F64, most_vertices: int) -> tuple[F32, I32]:
    """A closed convex body of at most `most_vertices` around points (n, 3): vertices (v, 3), faces (f, 3) outward.

    With fewer vertices than the hull has, its extreme points in directions spread evenly, which lie on the hull: the
    body is inside it. Flat and straight sets of points are made FLATTEST of their size thick.
    """
    size = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
    if not size > 0.0:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    low = points.min(axis=0)
    local = _thickened((points - low) / size)
    hull = scipy.spatial.ConvexHull(local)
    if len(hull.vertices) > most_vertices:
        hull = scipy.spatial.ConvexHull(_extremes(local[hull.vertices], most_vertices))
    turned = np.einsum("fk,fk->f", _crosses(hull), hull.equations[:, :3]) < 0.0
    faces = np.where(turned[:, None], hull.simplices[:, ::-1], hull.simplices)
    used, flat = np.unique(faces, return_inverse=True)
    return (hull.points[used] * size + low).astype(np.float32), flat.reshape(-1, 3).astype(np.int32)


def _crosses(hull: scipy.spatial.ConvexHull) -> F64:
    a, b, c = (hull.points[hull.simplices[:, k]] for k in range(3))
    crosses: F64 = np.cross(b - a, c - a)
    return crosses


def _thickened(local: F64) -> F64:
    """Points of size 1, copied to both sides along the axes in which they are flatter than FLATTEST."""
    _, axes = np.linalg.eigh(np.cov(local.T)) if len(local) > 1 else (None, np.eye(3))
    for axis in axes.T:
        if np.ptp(local @ axis) < FLATTEST:
            local = np.concatenate([local - 0.5 * FLATTEST * axis, local + 0.5 * FLATTEST * axis])
    return local


def _extremes(local: F64, most: int) -> F64:
    """At most so many of the points: the farthest in as many directions as that allows."""
    kept = local[:0]
    for share in (1.0, 1.5, 2.5, 4.0, 6.0):
        found = np.unique((local @ directions(int(share * most)).T).argmax(axis=0))
        if len(found) > most:
            break
        kept = local[found]
    return kept


def directions(count: int) -> F64:
    """(count, 3) unit vectors spread evenly: Fibonacci's lattice on the sphere."""
    i = np.arange(count) + 0.5
    height, turn = 1.0 - 2.0 * i / count, np.pi * (1.0 + np.sqrt(5.0)) * i
    flat = np.sqrt(1.0 - height**2)
    return np.stack([flat * np.cos(turn), height, flat * np.sin(turn)], axis=1)
