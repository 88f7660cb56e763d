"""Edge collapses: where an edge goes, whether it may, and what that does to faces, seams and attributes."""

from __future__ import annotations

import numpy as np
from numba import njit

from tasks.quadric import TERMS, least_error, quadric_error
from tasks.shrinking import FIXED, FREE, State
from tasks.topology import F64, face_cross

# Between a face's normals before and after a collapse: 78°, as in the survey of Heckbert & Garland 1997.
MIN_COSINE = 0.2
MIN_ROUNDNESS = 1e-3  # twice the area over the longest side squared; below it a sliver may only get rounder


@njit(cache=True, nogil=True, forceinline=True)
def stays_near(state: State, a: int, b: int, error: float, weight: float, limit: float) -> bool:
    """Whether a collapse of this error over planes of this weight stays within about `limit` of the input; kernel."""
    reach = limit - max(state.strayed[a], state.strayed[b])
    near: bool = reach >= 0.0 and error <= reach * reach * weight
    return near


@njit(cache=True, nogil=True, forceinline=True)
def place(state: State, a: int, b: int, out: F64) -> float:
    """Where the edge (a, b) collapses to, into out[:3], and its error; out[3:] is the joint quadric; kernel code.

    A vertex on a curve stays put when the other one is free, and so does a fixed one; infinite between two fixed ones.
    """
    p, q = state.points, out[3:]
    for i in range(TERMS):
        q[i] = state.quadrics[a, i] + state.quadrics[b, i]
    ka, kb = state.kind[a], state.kind[b]
    if ka != kb:
        kept = a if ka > kb else b
        out[0], out[1], out[2] = p[kept, 0], p[kept, 1], p[kept, 2]
    elif ka == FIXED:
        return np.inf
    else:
        mx, my, mz = 0.5 * (p[a, 0] + p[b, 0]), 0.5 * (p[a, 1] + p[b, 1]), 0.5 * (p[a, 2] + p[b, 2])
        out[0], out[1], out[2] = least_error(q, mx, my, mz, squared_length(p, a, b))
    error: float = max(quadric_error(q, out[0], out[1], out[2]), 0.0)
    return error


@njit(cache=True, nogil=True, forceinline=True)
def squared_length(p: F64, a: int, b: int) -> float:
    """Of the edge (a, b); kernel code."""
    x, y, z = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
    squared: float = x * x + y * y + z * z
    return squared


@njit(cache=True, nogil=True, forceinline=True)
def keeps_shape(state: State, v: int, other: int, x: float, y: float, z: float) -> bool:
    """False where moving v to (x, y, z) turns or flattens one of its faces, those shared with `other` left out; kernel.

    A face may turn by MIN_COSINE and become as thin as MIN_ROUNDNESS.
    """
    h = state.head[v]
    while h >= 0:
        f, k = h // 3, h % 3
        b, c = state.faces[f, (k + 1) % 3], state.faces[f, (k + 2) % 3]
        if b != other and c != other and turns(state.points, v, b, c, x, y, z):
            return False
        h = state.following[h]
    return True


@njit(cache=True, nogil=True, forceinline=True)
def turns(p: F64, v: int, b: int, c: int, x: float, y: float, z: float) -> bool:
    """Whether the face (v, b, c) turns or flattens too much when v moves to (x, y, z); kernel code."""
    ux, uy, uz = p[b, 0] - x, p[b, 1] - y, p[b, 2] - z
    vx, vy, vz = p[c, 0] - x, p[c, 1] - y, p[c, 2] - z
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    ox, oy, oz = face_cross(p, v, b, c)
    new, old = nx * nx + ny * ny + nz * nz, ox * ox + oy * oy + oz * oz
    dot = nx * ox + ny * oy + nz * oz
    if dot < 0.0 or dot * dot < MIN_COSINE * MIN_COSINE * new * old:
        return True
    longest = max(ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz)
    if new >= MIN_ROUNDNESS * MIN_ROUNDNESS * longest * longest:
        return False
    before = max(squared_length(p, v, b), squared_length(p, v, c))
    thinner: bool = new * before * before <= old * longest * longest
    return thinner


@njit(cache=True, nogil=True, forceinline=True)
def keeps_topology(state: State, a: int, b: int) -> bool:
    """Whether the edge (a, b) may go: the link condition (Dey, Edelsbrunner, Guha & Nekhayev 1999), and no curve joins
    another or ends. That is, a and b have no common neighbours but those across the faces of their edge; kernel code.
    """
    mark, faces = state.mark, state.faces
    near = state.counts[0] + 1
    across = near + 1
    state.counts[0] = across
    shared, count, corner = 0, 0, False
    h = state.head[a]
    while h >= 0:
        f, k = h // 3, h % 3
        i, j = faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
        count += 1
        if i == b or j == b:
            opposite = j if i == b else i
            mark[opposite] = across
            shared += 1
            if state.kind[opposite] == FREE:
                if three_corners(state, opposite):
                    return False
            else:
                corner = True
        else:
            if mark[i] != across:
                mark[i] = near
            if mark[j] != across:
                mark[j] = near
        h = state.following[h]
    mark[a] = mark[b] = across
    h = state.head[b]
    while h >= 0:
        f, k = h // 3, h % 3
        count += 1
        if mark[faces[f, (k + 1) % 3]] == near or mark[faces[f, (k + 2) % 3]] == near:
            return False
        h = state.following[h]
    if shared == 0 or count <= 2 * shared:
        return False
    if state.kind[a] == FREE or state.kind[b] == FREE:
        return True
    return on_curve(state, a, b) and not (corner and closes_curve(state, a, b))


@njit(cache=True, nogil=True, forceinline=True)
def three_corners(state: State, v: int) -> bool:
    count = 0
    h = state.head[v]
    while h >= 0 and count <= 3:
        count += 1
        h = state.following[h]
    return count <= 3


@njit(cache=True, nogil=True)
def on_curve(state: State, a: int, b: int) -> bool:
    """Whether (a, b) is a border, non-manifold or seam edge."""
    faces, wedges = state.faces, state.wedges
    shared, at_a, at_b = 0, -1, -1
    h = state.head[a]
    while h >= 0:
        f, k = h // 3, h % 3
        for step in (1, 2):
            j = (k + step) % 3
            if faces[f, j] == b:
                shared += 1
                if shared == 2 and (wedges[f, k] != at_a or wedges[f, j] != at_b):
                    return True
                at_a, at_b = wedges[f, k], wedges[f, j]
        h = state.following[h]
    return shared != 2


@njit(cache=True, nogil=True)
def closes_curve(state: State, a: int, b: int) -> bool:
    """Whether a face of the edge (a, b) has two more edges on curves, which a collapse would lay on each other."""
    h = state.head[a]
    while h >= 0:
        f, k = h // 3, h % 3
        i, j = state.faces[f, (k + 1) % 3], state.faces[f, (k + 2) % 3]
        if i == b or j == b:
            x = j if i == b else i
            if state.kind[x] != FREE and on_curve(state, a, x) and on_curve(state, b, x):
                return True
        h = state.following[h]
    return False


@njit(cache=True, nogil=True, forceinline=True)
def unlink(state: State, v: int, corner: int) -> None:
    """Take a corner out of the list of v."""
    previous, h = -1, state.head[v]
    while h != corner:
        previous, h = h, state.following[h]
    after = state.following[h]
    if previous < 0:
        state.head[v] = after
    else:
        state.following[previous] = after
    if after < 0:
        state.tail[v] = previous


@njit(cache=True, nogil=True, forceinline=True)
def _merge_wedges(state: State, a: int, b: int) -> None:
    """At each face of the edge (a, b), b's wedge becomes a's."""
    faces, wedges = state.faces, state.wedges
    h = state.head[a]
    while h >= 0:
        f, k = h // 3, h % 3
        j = (k + 1) % 3 if faces[f, (k + 1) % 3] == b else (k + 2) % 3
        if faces[f, j] == b and wedges[f, k] != wedges[f, j]:
            old, new = wedges[f, j], wedges[f, k]
            g = state.head[b]
            while g >= 0:
                if wedges[g // 3, g % 3] == old:
                    wedges[g // 3, g % 3] = new
                g = state.following[g]
        h = state.following[h]


@njit(cache=True, nogil=True)
def _carry_values(state: State, a: int, b: int, x: float, y: float, z: float) -> None:
    """Give the wedges of a at the edge (a, b) the attributes of the nearest place on the faces of their side.

    Read along the edge alone, texture coordinates were off by three times as much; off the planes of its two faces,
    they drifted by a tenth of an edge where the surface is rough.
    """
    faces, wedges = state.faces, state.wedges
    u, w = -1, -1
    h = state.head[a]
    while h >= 0:
        f, k = h // 3, h % 3
        j = (k + 1) % 3 if faces[f, (k + 1) % 3] == b else (k + 2) % 3
        if faces[f, j] == b and (wedges[f, k] != u or wedges[f, j] != w):
            u, w = wedges[f, k], wedges[f, j]
            _carry_side(state, a, b, u, w, x, y, z)
        h = state.following[h]


@njit(cache=True, nogil=True)
def _carry_side(state: State, a: int, b: int, u: int, w: int, x: float, y: float, z: float) -> None:
    """The attributes of wedge u at the point (x, y, z), from the faces with u at a or w at b."""
    best, corner, at_second, at_third = np.inf, -1, 0.0, 0.0
    for v, wedge in ((a, u), (b, w)):
        h = state.head[v]
        while h >= 0:
            f, k = h // 3, h % 3
            if state.wedges[f, k] == wedge:
                second, third = state.faces[f, (k + 1) % 3], state.faces[f, (k + 2) % 3]
                squared, q, r = _nearest(state.points, v, second, third, x, y, z)
                if squared < best:
                    best, corner, at_second, at_third = squared, h, q, r
            h = state.following[h]
    f, k = corner // 3, corner % 3
    i, j, m = state.wedges[f, k], state.wedges[f, (k + 1) % 3], state.wedges[f, (k + 2) % 3]
    for c in range(state.values.shape[1]):
        at = state.values[i, c]
        toward = at_second * (state.values[j, c] - at) + at_third * (state.values[m, c] - at)
        state.values[u, c] = at + toward


@njit(cache=True, nogil=True)
def _nearest(p: F64, a: int, b: int, c: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A place on the triangle near (x, y, z): squared distance and the weights of b and c.

    The foot of the perpendicular where it lies inside, else its weights with negative ones set to zero.
    """
    ux, uy, uz = p[b, 0] - p[a, 0], p[b, 1] - p[a, 1], p[b, 2] - p[a, 2]
    vx, vy, vz = p[c, 0] - p[a, 0], p[c, 1] - p[a, 1], p[c, 2] - p[a, 2]
    wx, wy, wz = x - p[a, 0], y - p[a, 1], z - p[a, 2]
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    wu, wv = wx * ux + wy * uy + wz * uz, wx * vx + wy * vy + wz * vz
    determinant = uu * vv - uv * uv
    q, r = 0.0, 0.0
    if determinant > 1e-12 * uu * vv:
        q, r = (vv * wu - uv * wv) / determinant, (uu * wv - uv * wu) / determinant
        s = max(1.0 - q - r, 0.0)
        q, r = max(q, 0.0), max(r, 0.0)
        total = q + r + s
        q, r = q / total, r / total
    wx, wy, wz = wx - q * ux - r * vx, wy - q * uy - r * vy, wz - q * uz - r * vz
    return wx * wx + wy * wy + wz * wz, q, r


@njit(cache=True, nogil=True, forceinline=True)
def collapse(state: State, a: int, b: int, x: float, y: float, z: float, error: float) -> int:
    """Move a to (x, y, z), give it b's faces and quadric, and drop the faces of their edge; how many went; kernel.

    `error` is what `place` gave.
    """
    faces, following, p = state.faces, state.following, state.points
    if state.values.shape[1]:
        _carry_values(state, a, b, x, y, z)
    _merge_wedges(state, a, b)
    gone = 0
    h = state.head[b]
    while h >= 0:
        f, k = h // 3, h % 3
        after = following[h]
        for step in (1, 2):
            if faces[f, (k + step) % 3] == a:
                opposite = (k + 3 - step) % 3
                unlink(state, a, 3 * f + (k + step) % 3)
                unlink(state, faces[f, opposite], 3 * f + opposite)
                state.alive[f] = False
                gone += 1
        if state.alive[f]:
            faces[f, k] = a
            following[h] = -1
            if state.head[a] < 0:
                state.head[a] = h
            else:
                following[state.tail[a]] = h
            state.tail[a] = h
        h = after
    state.head[b] = -1
    p[a, 0], p[a, 1], p[a, 2] = x, y, z
    for i in range(TERMS):
        state.quadrics[a, i] += state.quadrics[b, i]
    state.kind[a] = max(state.kind[a], state.kind[b])
    record(state, a, b, error)
    return gone


@njit(cache=True, nogil=True, forceinline=True)
def record(state: State, a: int, b: int, error: float) -> None:
    """Note that b has gone to a, whose quadric now has this error there; kernel code."""
    state.errors[a] = error
    state.strayed[a] = max(state.strayed[a], state.strayed[b])
    state.stamp[a] += 1
    if len(state.log):
        n = state.counts[1]
        state.counts[1] = n + 1
        state.log[n, 0], state.log[n, 1] = state.names[a], state.names[b]
        for k in range(3):
            state.places[n, k] = state.points[a, k]
