"""Quadric-error edge collapse that keeps the mesh's topology: closed stays closed, manifold stays manifold."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, I64, Bool, face_cross, half_edges

# Costs are sorted into eight buckets per power of two: within 12 % of the exact order at none of a heap's cache misses.
LOWEST_EXPONENT, BUCKETS_PER_OCTAVE, BUCKETS = -140, 8, 8 * 160
# Weight of the plane that stands on an open edge and keeps it in place, relative to the faces (Garland & Heckbert 1997
# §6 only say 'large'): at 10 borders move as little as creases do.
BORDER_WEIGHT = 10.0
# Share of the squared edge length added to the squared distance: orders the collapses of flat regions, where every
# quadric is zero, from short to long, and is too small to matter anywhere else.
LENGTH_SHARE = 1e-5
MIN_COSINE = (
    0.2  # between a face's normals before and after a collapse: 78°, as in the survey of Heckbert & Garland 1997
)
MIN_ROUNDNESS = 1e-3  # twice the area over the longest side squared; below it a sliver may only get rounder


class State(NamedTuple):
    """The mesh while it shrinks; corners h = 3·face + k of each vertex form a linked list."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    owner: I32  # (m,) part of each face; where it changes, the mesh has a seam
    quadrics: F64  # (n, 11): xx xy xz yy yz zz, x y z, constant, area
    alive: Bool  # (m,)
    head: I32  # (n,) first corner, −1 for a vertex that is gone
    tail: I32  # (n,)
    following: I32  # (3m,)
    special: Bool  # (n,) on an irregular edge or a seam
    stamp: I32  # (n,) changes with the vertex
    mark: I32  # (n,) scratch


def collapse_edges(points: F64, faces: I32, owner: I32, target: int) -> tuple[F64, I32, Bool]:
    """Moved points (n, 3), faces over them (m, 3), and which at most `target` of those remain (m,), where possible.

    Coordinates are expected to be of order one. An edge collapses to the point of least quadric error unless that
    would change the topology (link condition, Dey, Edelsbrunner, Guha & Nekhayev 1999), turn a face by more than
    MIN_COSINE allows, or make a sliver. What is left above the target is held by those three alone. Seams between
    faces of different `owner` (m,) keep their place as borders do, and may collapse along themselves.
    """
    offsets, halves = half_edges(faces, len(points))
    head, tail, following = _corner_lists(faces, len(points))
    special = np.zeros(len(points), np.bool_)
    rims = halves[np.repeat(_irregular(faces, owner, offsets, halves), np.diff(offsets))]
    special[faces[rims // 3, rims % 3]] = special[faces[rims // 3, (rims + 1) % 3]] = True
    count = np.zeros(len(points), np.int32)
    state = State(
        points.copy(),
        faces.copy(),
        owner,
        _vertex_quadrics(points, faces, owner, offsets, halves),
        np.ones(len(faces), np.bool_),
        head,
        tail,
        following,
        special,
        count,
        count.copy(),
    )
    left = len(faces)
    while left > target:
        before = left
        left = _collapse_pass(state, left, target)
        if left > before * 0.98:
            break
    return state.points, state.faces, state.alive


def _irregular(faces: I32, owner: I32, offsets: I32, halves: I32) -> Bool:
    """(e,) True for edges without exactly two faces, between owners, or whose faces run along them the same way."""
    irregular: Bool = np.diff(offsets) != 2
    g, h = halves[offsets[:-1][~irregular]], halves[offsets[:-1][~irregular] + 1]
    one_way = faces[g // 3, g % 3] == faces[h // 3, h % 3]
    irregular[~irregular] = one_way | (owner[g // 3] != owner[h // 3])
    return irregular


@njit(cache=True, nogil=True)
def _corner_lists(faces: I32, vertex_count: int) -> tuple[I32, I32, I32]:
    head, tail = np.full(vertex_count, -1, np.int32), np.full(vertex_count, -1, np.int32)
    following = np.full(3 * len(faces), -1, np.int32)
    for h in range(3 * len(faces)):
        v = faces[h // 3, h % 3]
        if head[v] < 0:
            head[v] = h
        else:
            following[tail[v]] = h
        tail[v] = h
    return head, tail, following


@njit(cache=True, nogil=True)
def _add_plane(quadrics: F64, v: int, x: float, y: float, z: float, d: float, weight: float) -> None:
    q = quadrics[v]
    q[0] += weight * x * x
    q[1] += weight * x * y
    q[2] += weight * x * z
    q[3] += weight * y * y
    q[4] += weight * y * z
    q[5] += weight * z * z
    q[6] += weight * x * d
    q[7] += weight * y * d
    q[8] += weight * z * d
    q[9] += weight * d * d
    q[10] += weight


@njit(cache=True, nogil=True)
def _vertex_quadrics(points: F64, faces: I32, owner: I32, offsets: I32, halves: I32) -> F64:
    """Area-weighted planes of the faces at each vertex, and planes standing on seams and edges without two faces."""
    quadrics = np.zeros((len(points), 11))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        length = math.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            x, y, z = x / length, y / length, z / length
            p = points[faces[f, 0]]
            for k in range(3):
                _add_plane(quadrics, faces[f, k], x, y, z, -(x * p[0] + y * p[1] + z * p[2]), 0.5 * length)
    for e in range(len(offsets) - 1):
        first = offsets[e]
        if offsets[e + 1] - first == 2 and owner[halves[first] // 3] == owner[halves[first + 1] // 3]:
            continue
        for i in range(offsets[e], offsets[e + 1]):
            f, k = halves[i] // 3, halves[i] % 3
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
            u, v, w = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
            x, y, z = y * w - z * v, z * u - x * w, x * v - y * u
            length = math.sqrt(x * x + y * y + z * z)
            if length > 0.0:
                x, y, z = x / length, y / length, z / length
                d = -(x * points[a, 0] + y * points[a, 1] + z * points[a, 2])
                for end in (a, b):
                    _add_plane(quadrics, end, x, y, z, d, BORDER_WEIGHT * (u * u + v * v + w * w))
    return quadrics


@njit(cache=True, nogil=True)
def _error(q: F64, x: float, y: float, z: float) -> float:
    squares = q[0] * x * x + q[3] * y * y + q[5] * z * z
    products = q[1] * x * y + q[2] * x * z + q[4] * y * z
    error: float = squares + 2.0 * (products + q[6] * x + q[7] * y + q[8] * z) + q[9]
    return error


@njit(cache=True, nogil=True)
def _place(state: State, a: int, b: int, out: F64) -> float:
    """Where the edge (a, b) collapses to, into out[:3], and the cost; out[3:14] is the joint quadric.

    The minimum is taken about the middle with a little damping, so that flat and straight surroundings, whose minimum
    is a plane or a line, give the point nearest the middle. A vertex on a border or non-manifold edge stays put when
    the other one is free.
    """
    p, q = state.points, out[3:14]
    for i in range(11):
        q[i] = state.quadrics[a, i] + state.quadrics[b, i]
    mx, my, mz = 0.5 * (p[a, 0] + p[b, 0]), 0.5 * (p[a, 1] + p[b, 1]), 0.5 * (p[a, 2] + p[b, 2])
    ex, ey, ez = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
    squared = ex * ex + ey * ey + ez * ez
    if state.special[a] != state.special[b]:
        kept = a if state.special[a] else b
        mx, my, mz = p[kept, 0], p[kept, 1], p[kept, 2]
    else:
        damping = 1e-7 * (q[0] + q[3] + q[5]) + 1e-300
        xx, yy, zz = q[0] + damping, q[3] + damping, q[5] + damping
        gx = q[0] * mx + q[1] * my + q[2] * mz + q[6]
        gy = q[1] * mx + q[3] * my + q[4] * mz + q[7]
        gz = q[2] * mx + q[4] * my + q[5] * mz + q[8]
        cxx, cxy, cxz = yy * zz - q[4] * q[4], q[2] * q[4] - q[1] * zz, q[1] * q[4] - q[2] * yy
        cyy, cyz, czz = xx * zz - q[2] * q[2], q[1] * q[2] - q[4] * xx, xx * yy - q[1] * q[1]
        det = xx * cxx + q[1] * cxy + q[2] * cxz
        if det > 0.0:
            dx = -(cxx * gx + cxy * gy + cxz * gz) / det
            dy = -(cxy * gx + cyy * gy + cyz * gz) / det
            dz = -(cxz * gx + cyz * gy + czz * gz) / det
            if dx * dx + dy * dy + dz * dz <= squared:
                mx, my, mz = mx + dx, my + dy, mz + dz
    out[0], out[1], out[2] = mx, my, mz
    cost: float = max(_error(q, mx, my, mz), 0.0) + LENGTH_SHARE * q[10] * squared
    return cost


@njit(cache=True, nogil=True)
def _keeps_shape(state: State, v: int, other: int, out: F64) -> bool:
    """False where moving v to out[:3] turns or flattens one of its faces, not counting those it shares with `other`."""
    p = state.points
    h = state.head[v]
    while h >= 0:
        f = h // 3
        b, c = state.faces[f, (h % 3 + 1) % 3], state.faces[f, (h % 3 + 2) % 3]
        if state.alive[f] and b != other and c != other:
            ux, uy, uz = p[b, 0] - out[0], p[b, 1] - out[1], p[b, 2] - out[2]
            vx, vy, vz = p[c, 0] - out[0], p[c, 1] - out[1], p[c, 2] - out[2]
            x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            ox, oy, oz = face_cross(p, v, b, c)
            new, old = math.sqrt(x * x + y * y + z * z), math.sqrt(ox * ox + oy * oy + oz * oz)
            if x * ox + y * oy + z * oz < MIN_COSINE * new * old:
                return False
            longest = max(ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz)
            if new < MIN_ROUNDNESS * longest:
                wx, wy, wz = p[b, 0] - p[v, 0], p[b, 1] - p[v, 1], p[b, 2] - p[v, 2]
                sx, sy, sz = p[c, 0] - p[v, 0], p[c, 1] - p[v, 1], p[c, 2] - p[v, 2]
                before = max(wx * wx + wy * wy + wz * wz, sx * sx + sy * sy + sz * sz)
                if new * before <= old * longest:
                    return False
        h = state.following[h]
    return True


@njit(cache=True, nogil=True)
def _keeps_topology(state: State, a: int, b: int) -> bool:
    """The link condition: a and b have no common neighbours but those across the faces of their edge."""
    mark, faces = state.mark, state.faces
    for v in (a, b):  # reset: marks are 1 for neighbours of a, 2 for corners across the edge
        h = state.head[v]
        while h >= 0:
            for k in range(3):
                mark[faces[h // 3, k]] = 0
            h = state.following[h]
    shared, count, across = 0, 0, -1
    seam = False
    h = state.head[a]
    while h >= 0:
        f = h // 3
        if state.alive[f]:
            count += 1
            for k in range(3):
                if mark[faces[f, k]] == 0:
                    mark[faces[f, k]] = 1
            i, j = faces[f, (h % 3 + 1) % 3], faces[f, (h % 3 + 2) % 3]
            if i == b or j == b:
                opposite = j if i == b else i
                mark[opposite] = 2
                shared += 1
                seam = across >= 0 and across != state.owner[f]
                across = state.owner[f]
                if not state.special[opposite] and _valence_is_three(state, opposite):
                    return False
        h = state.following[h]
    mark[a] = mark[b] = 2
    h = state.head[b]
    while h >= 0:
        f = h // 3
        if state.alive[f]:
            count += 1
            for k in range(3):
                if mark[faces[f, k]] == 1:
                    return False
        h = state.following[h]
    inner = shared == 2 and not seam and state.special[a] and state.special[b]  # it would join two borders
    return shared > 0 and not inner and count > 2 * shared


@njit(cache=True, nogil=True)
def _valence_is_three(state: State, v: int) -> bool:
    count = 0
    h = state.head[v]
    while h >= 0:
        count += state.alive[h // 3]
        h = state.following[h]
    return count <= 3


@njit(cache=True, nogil=True)
def _collapse(state: State, a: int, b: int, out: F64) -> int:
    """Move a to out[:3], give it b's faces, and drop the faces of their edge; returns how many went."""
    gone = 0
    h = state.head[b]
    while h >= 0:
        f = h // 3
        if state.alive[f]:
            if state.faces[f, 0] == a or state.faces[f, 1] == a or state.faces[f, 2] == a:
                state.alive[f] = False
                gone += 1
            else:
                state.faces[f, h % 3] = a
        h = state.following[h]
    state.following[state.tail[a]] = state.head[b]
    state.tail[a] = state.tail[b]
    state.head[b] = -1
    previous, h = -1, state.head[a]
    while h >= 0:  # unlink dead corners, or every later walk would step over them
        if state.alive[h // 3]:
            if previous < 0:
                state.head[a] = h
            else:
                state.following[previous] = h
            previous = h
        h = state.following[h]
    if previous < 0:
        state.head[a] = -1
    else:
        state.following[previous] = -1
        state.tail[a] = previous
    state.points[a, 0], state.points[a, 1], state.points[a, 2] = out[0], out[1], out[2]
    for i in range(11):
        state.quadrics[a, i] = out[3 + i]
    state.special[a] = state.special[a] or state.special[b]
    state.stamp[a] += 1
    return gone


@njit(cache=True, nogil=True)
def _bucket(cost: float) -> int:
    mantissa, exponent = math.frexp(cost)
    if cost <= 0.0 or exponent < LOWEST_EXPONENT:
        return 0
    return min((exponent - LOWEST_EXPONENT) * BUCKETS_PER_OCTAVE + int((mantissa - 0.5) * 16.0), BUCKETS - 1)


@njit(cache=True, nogil=True)
def _push(entries: I32, bottom: I64, state: State, a: int, b: int, cost: float) -> I32:
    """Queue an edge; bottom[BUCKETS] heads the free entries, bottom[BUCKETS + 1] counts used ones."""
    slot = bottom[BUCKETS]
    if slot >= 0:
        bottom[BUCKETS] = entries[slot, 3]
    else:
        slot = bottom[BUCKETS + 1]
        bottom[BUCKETS + 1] += 1
        if slot == len(entries):
            grown = np.empty((2 * len(entries), 4), np.int32)
            grown[: len(entries)] = entries
            entries = grown
    k = _bucket(cost)
    entries[slot, 0], entries[slot, 1], entries[slot, 2] = a, b, state.stamp[a] + state.stamp[b]
    entries[slot, 3] = bottom[k]
    bottom[k] = slot
    bottom[BUCKETS + 2] = min(bottom[BUCKETS + 2], k)
    return entries


@njit(cache=True, nogil=True)
def _collapse_pass(state: State, left: int, target: int) -> int:
    """Collapse edges from cheap to dear until `target` faces are left or no queued edge may; returns what is left.

    An edge that may not collapse is forgotten until one of its ends changes; another pass queues it again.
    """
    entries = np.empty((left * 3 // 2 + 64, 4), np.int32)
    bottom = np.full(BUCKETS + 3, -1, np.int64)
    bottom[BUCKETS + 1], bottom[BUCKETS + 2] = 0, BUCKETS
    out = np.empty(14)
    for f in range(len(state.faces)):
        if state.alive[f]:
            for k in range(3):
                a, b = state.faces[f, k], state.faces[f, (k + 1) % 3]
                if a < b or (state.special[a] and state.special[b]):
                    entries = _push(entries, bottom, state, a, b, _place(state, a, b, out))
    while left > target and bottom[BUCKETS + 2] < BUCKETS:
        k = bottom[BUCKETS + 2]
        slot = bottom[k]
        if slot < 0:
            bottom[BUCKETS + 2] += 1
            continue
        a, b, stamp = entries[slot, 0], entries[slot, 1], entries[slot, 2]
        bottom[k], entries[slot, 3] = entries[slot, 3], bottom[BUCKETS]
        bottom[BUCKETS] = slot
        if state.head[a] < 0 or state.head[b] < 0 or state.stamp[a] + state.stamp[b] != stamp:
            continue
        _place(state, a, b, out)
        if not (_keeps_topology(state, a, b) and _keeps_shape(state, a, b, out) and _keeps_shape(state, b, a, out)):
            continue
        left -= _collapse(state, a, b, out)
        h = state.head[a]
        while h >= 0:
            for step in (1, 2):
                v = state.faces[h // 3, (h % 3 + step) % 3]
                if step == 1 or state.special[v]:
                    entries = _push(entries, bottom, state, a, v, _place(state, a, v, out))
            h = state.following[h]
    return left
