"""Continuous remeshing: one sweep of edge collapses, splits and flips over a mesh whose vertices are moving."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.half_edges import after, before, leaving, open_vertices, opposite_half_edges
from tasks.topology import F64, Bool, face_cross

LONG, SHORT = 4.0 / 3.0, 4.0 / 5.0  # of the length aimed at: longer edges are split, shorter ones collapse
TURN = 0.5  # cosine: no face turns by more than 60° at once
FLATTEST = 1e-3  # area of a face over that of a square on its longest edge
MOST_FACES = 16  # at a vertex: a collapse that would make a larger fan is left


def remesh_once(points: F64, faces: I32, carried: F64, length: F64, fixed: Bool) -> tuple[F64, I32, F64]:
    """Points (n, 3), faces (m, 3) and carried values (n, k) after one sweep towards edges of `length` (n,).

    Edges over LONG are cut at their middle, edges under SHORT collapse into theirs, and edges flip where that makes
    the smallest angle larger (Botsch & Kobbelt 2004; every iteration of an optimisation, as Palfinger 2022 does). The
    carried values of a new vertex are the mean of its edge's ends. Edges with a `fixed` (n,) vertex, and those at rims
    and where surfaces only touch, stay as they are. A closed manifold stays one, of the same genus.
    """
    twin = opposite_half_edges(faces, len(points))
    out = leaving(faces, len(points))
    still = fixed | open_vertices(faces, twin, out)
    values = np.concatenate([points, carried, length[:, None], still[:, None]], axis=1)
    found, triangles = _sweep(values, faces.copy(), twin, out)
    return found[:, :3].copy(), triangles, found[:, 3:-2].copy()


@njit(cache=True, nogil=True)
def _sweep(values: F64, faces: I32, twin: I32, out: I32) -> tuple[F64, I32]:
    """Collapses, splits and flips; the columns of `values` are a place, carried values, a length and 1 where still."""
    stamps = np.full(len(values), -1, np.int32)
    for h in range(len(twin)):
        if faces[h // 3, 0] >= 0 and twin[h] > h and _shorter(values, faces, h):
            _collapse(values, faces, twin, out, h, stamps)
    values, faces, twin, out = _split_long(values, faces, twin, out)
    for h in range(len(twin)):
        if faces[h // 3, 0] >= 0 and twin[h] > h:
            _flip(values, faces, twin, out, h)
    kept, left = _compact(values, faces)
    return kept, left


@njit(cache=True, nogil=True, inline="always")
def _squared(values: F64, a: int, b: int) -> float:
    x, y, z = values[b, 0] - values[a, 0], values[b, 1] - values[a, 1], values[b, 2] - values[a, 2]
    return float(x * x + y * y + z * z)


@njit(cache=True, nogil=True, inline="always")
def _still(values: F64, v: int) -> bool:
    return bool(values[v, -1] > 0.0)


@njit(cache=True, nogil=True)
def _shorter(values: F64, faces: I32, h: int) -> bool:
    a, b = faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3]
    aim = SHORT * 0.5 * (values[a, -2] + values[b, -2])
    return bool(_squared(values, a, b) < aim * aim)


@njit(cache=True, nogil=True)
def _collapse(values: F64, faces: I32, twin: I32, out: I32, h: int, stamps: I32) -> None:
    """Merge the end b of half-edge h into its start a, at the middle, where that is sound."""
    t = twin[h]
    a, b = faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3]
    if _still(values, a) or _still(values, b) or not _may_merge(faces, twin, out, a, b, stamps, h):
        return
    middle = 0.5 * (values[a, :3] + values[b, :3])
    if not _stays_sound(values, faces, twin, out, a, b, middle):
        return
    if not _stays_sound(values, faces, twin, out, b, a, middle):
        return
    x, y, u, w = twin[after(h)], twin[before(h)], twin[after(t)], twin[before(t)]
    c, d = faces[h // 3, (h + 2) % 3], faces[t // 3, (t + 2) % 3]
    start = e = out[b]
    while True:
        faces[e // 3, e % 3] = a
        e = twin[before(e)]
        if e == start:
            break
    faces[h // 3, 0] = faces[t // 3, 0] = -1
    twin[x], twin[y], twin[u], twin[w] = y, x, w, u
    out[a], out[c], out[d], out[b] = y, x, u, -1
    for k in range(values.shape[1]):
        values[a, k] = 0.5 * (values[a, k] + values[b, k])


@njit(cache=True, nogil=True)
def _may_merge(faces: I32, twin: I32, out: I32, a: int, b: int, stamps: I32, stamp: int) -> bool:
    """The link condition (Dey et al. 1999): a and b have exactly the two neighbours in common that face their edge."""
    around_a = around_b = common = 0
    start = e = out[a]
    while True:
        stamps[faces[e // 3, (e + 1) % 3]] = stamp
        around_a += 1
        e = twin[before(e)]
        if e == start:
            break
    start = e = out[b]
    while True:
        v = faces[e // 3, (e + 1) % 3]
        around_b += 1
        if stamps[v] == stamp:
            common += 1
            if _fan(twin, out[v]) < 4:
                return False
        e = twin[before(e)]
        if e == start:
            break
    return common == 2 and 6 <= around_a + around_b - 2 <= MOST_FACES + 2


@njit(cache=True, nogil=True)
def _fan(twin: I32, start: int) -> int:
    """Faces at a vertex that `start` leaves; a large number at a rim."""
    count, e = 1, twin[before(start)]
    while e != start:
        if e < 0 or count > 1000:
            return 1000
        count += 1
        e = twin[before(e)]
    return count


@njit(cache=True, nogil=True)
def _stays_sound(values: F64, faces: I32, twin: I32, out: I32, v: int, other: int, place: F64) -> bool:
    """Whether, with v at `place`, no edge gets long and the faces it does not share with `other` keep their side."""
    reach = LONG * values[v, -2]
    start = e = out[v]
    while True:
        p, q = faces[e // 3, (e + 1) % 3], faces[e // 3, (e + 2) % 3]
        if p != other and q != other:
            ux, uy, uz = values[p, 0] - place[0], values[p, 1] - place[1], values[p, 2] - place[2]
            wx, wy, wz = values[q, 0] - place[0], values[q, 1] - place[1], values[q, 2] - place[2]
            x, y, z = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
            ox, oy, oz = face_cross(values, v, p, q)
            new, old = x * x + y * y + z * z, ox * ox + oy * oy + oz * oz
            longest = max(ux * ux + uy * uy + uz * uz, wx * wx + wy * wy + wz * wz)
            if longest > reach * reach or new < (2.0 * FLATTEST * longest) ** 2:
                return False
            if x * ox + y * oy + z * oz < TURN * np.sqrt(new * old):
                return False
        e = twin[before(e)]
        if e == start:
            return True


@njit(cache=True, nogil=True)
def _split_long(values: F64, faces: I32, twin: I32, out: I32) -> tuple[F64, I32, I32, I32]:
    """Cut each edge that is too long at its middle; one that a cut beside it has moved waits for the next sweep."""
    halves = len(twin)
    count = 0
    for h in range(halves):
        count += _longer(values, faces, twin, h)
    n, m = len(values), len(faces)
    more_values, more_faces = np.empty((n + count, values.shape[1])), np.empty((m + 2 * count, 3), np.int32)
    more_twin, more_out = np.empty(3 * (m + 2 * count), np.int32), np.empty(n + count, np.int32)
    more_values[:n], more_faces[:m], more_twin[: 3 * m], more_out[:n] = values, faces, twin, out
    done = 0
    for h in range(halves):
        if done < count and _longer(more_values, more_faces, more_twin, h):
            _split(more_values, more_faces, more_twin, more_out, h, n + done, m + 2 * done)
            done += 1
    n, m = n + done, m + 2 * done
    return more_values[:n], more_faces[:m], more_twin[: 3 * m], more_out[:n]


@njit(cache=True, nogil=True)
def _longer(values: F64, faces: I32, twin: I32, h: int) -> bool:
    """Whether half-edge h, the lower of its two, is one to be cut."""
    if faces[h // 3, 0] < 0 or twin[h] < h:
        return False
    a, b = faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3]
    aim = LONG * 0.5 * (values[a, -2] + values[b, -2])
    return bool(_squared(values, a, b) > aim * aim and not (_still(values, a) or _still(values, b)))


@njit(cache=True, nogil=True)
def _split(values: F64, faces: I32, twin: I32, out: I32, h: int, v: int, f: int) -> None:
    """Put vertex v into the middle of half-edge h, with the new faces f and f + 1."""
    t = twin[h]
    a, b, c = faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3], faces[h // 3, (h + 2) % 3]
    d = faces[t // 3, (t + 2) % 3]
    for k in range(values.shape[1]):
        values[v, k] = 0.5 * (values[a, k] + values[b, k])
    x, w = twin[after(h)], twin[before(t)]  # beyond b–c and d–b, which the new faces get
    faces[h // 3, (h + 1) % 3], faces[t // 3, t % 3] = v, v
    faces[f, 0], faces[f, 1], faces[f, 2] = v, b, c
    faces[f + 1, 0], faces[f + 1, 1], faces[f + 1, 2] = b, v, d
    _join(twin, 3 * f, 3 * f + 3)
    _join(twin, 3 * f + 1, x)
    _join(twin, 3 * f + 2, after(h))
    _join(twin, 3 * f + 4, before(t))
    _join(twin, 3 * f + 5, w)
    out[v], out[b], out[c], out[d] = 3 * f, 3 * f + 1, 3 * f + 2, 3 * f + 5


@njit(cache=True, nogil=True, inline="always")
def _join(twin: I32, g: int, h: int) -> None:
    twin[g] = h
    if h >= 0:
        twin[h] = g


@njit(cache=True, nogil=True)
def _flip(values: F64, faces: I32, twin: I32, out: I32, h: int) -> None:
    """Turn edge a–b into c–d where that makes the smallest angle of its two faces larger and folds nothing."""
    t = twin[h]
    f, g = h // 3, t // 3
    a, b, c, d = faces[f, h % 3], faces[f, (h + 1) % 3], faces[f, (h + 2) % 3], faces[g, (t + 2) % 3]
    if _still(values, a) or _still(values, b) or _still(values, c) or _still(values, d) or c == d:
        return
    if _fan(twin, out[a]) < 4 or _fan(twin, out[b]) < 4:
        return
    if min(_narrowest(values, a, d, c), _narrowest(values, d, b, c)) <= min(
        _narrowest(values, a, b, c), _narrowest(values, b, a, d)
    ):
        return
    if not _flat(values, a, b, c, d) or _neighbours(faces, twin, out, c, d):
        return
    x, y, u, w = twin[after(h)], twin[before(h)], twin[after(t)], twin[before(t)]
    faces[f, 0], faces[f, 1], faces[f, 2] = a, d, c
    faces[g, 0], faces[g, 1], faces[g, 2] = d, b, c
    _join(twin, 3 * f, u)
    _join(twin, 3 * f + 1, 3 * g + 2)
    _join(twin, 3 * f + 2, y)
    _join(twin, 3 * g, w)
    _join(twin, 3 * g + 1, x)
    out[a], out[d], out[b], out[c] = 3 * f, 3 * g, 3 * g + 1, 3 * g + 2


@njit(cache=True, nogil=True)
def _narrowest(values: F64, a: int, b: int, c: int) -> float:
    """A measure that grows with a triangle's smallest angle: area over the longest side squared."""
    x, y, z = face_cross(values, a, b, c)
    longest = max(_squared(values, a, b), _squared(values, b, c), _squared(values, c, a))
    return float(np.sqrt(x * x + y * y + z * z) / max(longest, 1e-300))


@njit(cache=True, nogil=True)
def _flat(values: F64, a: int, b: int, c: int, d: int) -> bool:
    """Whether the faces before and after the flip of a–b all look one way within TURN's angle."""
    px, py, pz = face_cross(values, a, b, c)
    qx, qy, qz = face_cross(values, b, a, d)
    sx, sy, sz = px + qx, py + qy, pz + qz
    length = np.sqrt(sx * sx + sy * sy + sz * sz)
    for triangle in range(4):
        if triangle == 0:
            x, y, z = px, py, pz
        elif triangle == 1:
            x, y, z = qx, qy, qz
        elif triangle == 2:
            x, y, z = face_cross(values, a, d, c)
        else:
            x, y, z = face_cross(values, d, b, c)
        if x * sx + y * sy + z * sz <= 0.8 * length * np.sqrt(x * x + y * y + z * z):
            return False
    return True


@njit(cache=True, nogil=True)
def _neighbours(faces: I32, twin: I32, out: I32, c: int, d: int) -> bool:
    """Whether an edge joins c, which is at no rim, and d."""
    start = e = out[c]
    while faces[e // 3, (e + 1) % 3] != d:
        e = twin[before(e)]
        if e == start:
            return False
    return True


@njit(cache=True, nogil=True)
def _compact(values: F64, faces: I32) -> tuple[F64, I32]:
    """What is left, without gaps and unused vertices."""
    number = np.full(len(values), -1, np.int32)
    left = np.empty_like(faces)
    count = 0
    for f in range(len(faces)):
        if faces[f, 0] >= 0:
            left[count] = faces[f]
            count += 1
            for k in range(3):
                number[faces[f, k]] = 0
    kept = 0
    for v in range(len(values)):
        if number[v] == 0:
            number[v] = kept
            values[kept] = values[v]
            kept += 1
    for f in range(count):
        for k in range(3):
            left[f, k] = number[left[f, k]]
    return values[:kept].copy(), left[:count].copy()
