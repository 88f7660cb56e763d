"""Self-intersections: the pairs of faces that meet anywhere but in the corners and edges they share, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.box_tree import LEAF, apart, build_box_tree
from tasks.fans import plain_vertices
from tasks.lanes import fill, load, most, store
from tasks.predicates import orient2d, orient3d, segment_meets_triangle, straight
from tasks.topology import F64, Bool, half_edges

# Pairs of faces with boxes that meet: real meshes have about 10 a face; 200 million take some 10 s. A soup that has
# more is cut short, and `complete` says so.
MAX_TESTS = 200_000_000
CLEAR = 1e-12  # share of its terms above which a short sum of products surely has the right sign: 4,500 roundings
STACK = 256  # each of at most 31 levels leaves three more node pairs than it takes


@dataclass(frozen=True)
class SelfIntersections:
    """What was found."""

    pairs: I32  # (k, 2) faces that meet, the lower first, in order
    faces: Bool  # (m,) True for a face in any pair
    complete: bool  # False where MAX_TESTS cut the search short: there may be more


def self_intersections(points: F64, faces: I32) -> SelfIntersections:
    """All pairs of (m, 3) in-range faces over finite (n, 3) points that intersect; weld first.

    Two closed triangles intersect when they have a point in common outside the corners and edges that they share by
    index, so touching counts. With an edge in common that is only when they lie in one plane and overlap, with one
    corner when the opposite edge of either meets the other triangle, with all three always. Faces that are no
    triangles (a repeated index, or corners exactly on one line) are left out: they count as degenerate.
    Signs come from exact arithmetic wherever rounding could change them.
    """
    points = np.ascontiguousarray(points, dtype=np.float64)
    points = np.ldexp(points, -np.frexp(np.abs(points).max(initial=0.0))[1])  # exact, and products stay in range
    faces = np.ascontiguousarray(faces, dtype=np.int32)
    plain = plain_vertices(points, faces, *half_edges(faces, len(points)))
    tree = build_box_tree(points, faces, _triangles(points, faces, plain))
    slots, complete = _search(tree.nodes, tree.boxes, tree.corners, faces[tree.order], plain, MAX_TESTS)
    pairs = np.sort(tree.order[slots], axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    mask = np.zeros(len(faces), np.bool_)
    mask[pairs] = True
    return SelfIntersections(pairs, mask, complete)


@njit(cache=True, nogil=True)
def _row(index: int) -> np.uint64:
    return np.uint64(index)


@njit(cache=True, nogil=True)
def _triangles(points: F64, faces: I32, plain: Bool) -> Bool:
    """(m,) True for faces with an area, however small; those at a plain vertex have one."""
    mask = np.empty(len(faces), np.bool_)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        mask[f] = plain[a] or (a != b and b != c and c != a and not straight(points, a, b, c))
    return mask


@njit(cache=True, nogil=True)
def _search(nodes: F32, boxes: F32, x: F64, faces: I32, plain: Bool, limit: int) -> tuple[I32, bool]:
    """Walk the tree against itself; slots (k, 2) of the pairs found, and whether all were tested."""
    found = np.empty((64, 2), np.int32)
    count = tests = 0
    leaf = len(nodes) // 2
    stack = np.zeros((STACK, 2), np.int32)
    gaps, box = np.empty(LEAF, np.float32), np.empty(6, np.float32)
    ours, theirs = np.empty(LEAF + 1, np.int32), np.empty(LEAF + 1, np.int32)
    top = 1
    while top and tests <= limit:
        top -= 1
        a, b = stack[top, 0], stack[top, 1]
        if a < leaf:
            for i in range(2 * a + 1, 2 * a + 3):
                for j in range(2 * b + 1, 2 * b + 3):
                    if (a != b or i <= j) and not apart(nodes, i, nodes, j):
                        stack[top, 0], stack[top, 1] = i, j
                        top += 1
            continue
        _gaps(nodes[b], boxes, a - leaf, gaps)
        for i in range(_near(gaps, (a - leaf) * LEAF, 0, ours)):
            s = ours[i]
            for k in range(6):
                box[k] = boxes[a - leaf, k, s % LEAF]
            _gaps(box, boxes, b - leaf, gaps)
            near = _near(gaps, (b - leaf) * LEAF, s % LEAF + 1 if a == b else 0, theirs)
            tests += near
            for n in range(near):
                t = theirs[n]
                if not _settled(faces, plain, s, t) and _meet(x, faces, s, t):
                    if count == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[count, 0], found[count, 1] = s, t
                    count += 1
    return found[:count].copy(), tests <= limit


@njit(cache=True, nogil=True)
def _gaps(box: F32, boxes: F32, row: int, gaps: F32) -> None:
    """How far `box` (6,) is from each of the eight in leaf `row`, along the axis where that is most: positive where
    they have no point in common.
    """
    first = 6 * LEAF * row
    most_apart = fill(np.float32(-np.inf))
    for axis in range(3):
        low, high = load(boxes, first + axis * LEAF), load(boxes, first + (axis + 3) * LEAF)
        most_apart = most(most_apart, most(low - fill(box[axis + 3]), fill(box[axis]) - high))
    store(gaps, 0, most_apart)


@njit(cache=True, nogil=True)
def _near(gaps: F32, first: int, start: int, slots: I32) -> int:
    """Fill `slots` with `first` + lane of the boxes, from lane `start` on, that are not apart; how many."""
    count = 0
    for lane in range(start, LEAF):
        slots[count] = first + lane
        count += gaps[lane] <= 0.0
    return count


@njit(cache=True, nogil=True)
def _settled(faces: I32, plain: Bool, f: int, g: int) -> bool:
    """Whether f and g have a plain vertex in common, but not all three: then they meet in nothing else."""
    a, b, c = faces[g, 0], faces[g, 1], faces[g, 2]
    common, shared = 0, 0
    for k in range(3):
        v = faces[f, k]
        same = (v == a) | (v == b) | (v == c)
        shared += same
        common = v if same else common
    return bool((shared > 0) & (shared < 3) & plain[common])


@njit(cache=True, nogil=True)
def _meet(x: F64, faces: I32, f: int, g: int) -> bool:
    """Whether triangles f and g meet outside what they share; corner k of triangle t is row 3t + k of x."""
    shared = of_f = of_g = 0
    for k in range(3):
        for j in range(3):
            same = faces[f, k] == faces[g, j]
            shared, of_f, of_g = shared + same, of_f + same * k, of_g + same * j
    if shared == 3:
        return True
    if shared == 2:
        of_f, of_g = 3 - of_f, 3 - of_g  # the corners that are not on the edge
    # Unsigned rows spare numba the question whether an index counts from the end: a third of the time here.
    a, b, c = _row(3 * f + of_f), _row(3 * f + (of_f + 1) % 3), _row(3 * f + (of_f + 2) % 3)
    p, q, r = _row(3 * g + of_g), _row(3 * g + (of_g + 1) % 3), _row(3 * g + (of_g + 2) % 3)
    if shared == 0:
        return bool(_apart_meet(x, a, b, c, p, q, r))
    if shared == 1:
        return bool(_fans_meet(x, a, b, c, p, q, r))
    return bool(_folded(x, b, c, a, p))


@njit(cache=True, nogil=True)
def _apart_meet(x: F64, a: int, b: int, c: int, p: int, q: int, r: int) -> bool:
    """Triangles a, b, c and p, q, r without a common corner."""
    if _centres_part(x, a, b, c, p, q, r) or _beside(x, a, b, c, p, q, r) or _beside(x, p, q, r, a, b, c):
        return False
    return bool(
        segment_meets_triangle(x, a, b, p, q, r)
        or segment_meets_triangle(x, b, c, p, q, r)
        or segment_meets_triangle(x, c, a, p, q, r)
        or segment_meets_triangle(x, p, q, a, b, c)
        or segment_meets_triangle(x, q, r, a, b, c)
        or segment_meets_triangle(x, r, p, a, b, c)
    )


@njit(cache=True, nogil=True)
def _beside(x: F64, a: int, b: int, c: int, p: int, q: int, r: int) -> bool:
    """Whether p, q and r lie strictly on one side of the plane of a, b, c."""
    side = orient3d(x, a, b, c, p)
    return bool(side != 0 and orient3d(x, a, b, c, q) == side and orient3d(x, a, b, c, r) == side)


@njit(cache=True, nogil=True)
def _centres_part(x: F64, a: int, b: int, c: int, p: int, q: int, r: int) -> bool:
    """Whether a plane across the line between the two centres surely has one triangle on each side."""
    w0 = x[p, 0] + x[q, 0] + x[r, 0] - x[a, 0] - x[b, 0] - x[c, 0]
    w1 = x[p, 1] + x[q, 1] + x[r, 1] - x[a, 1] - x[b, 1] - x[c, 1]
    w2 = x[p, 2] + x[q, 2] + x[r, 2] - x[a, 2] - x[b, 2] - x[c, 2]
    most, least, reach = 0.0, np.inf, 0.0  # along w, from a
    for i in (b, c):
        u0, u1, u2 = x[i, 0] - x[a, 0], x[i, 1] - x[a, 1], x[i, 2] - x[a, 2]
        most, reach = max(most, w0 * u0 + w1 * u1 + w2 * u2), max(reach, abs(u0) + abs(u1) + abs(u2))
    for i in (p, q, r):
        u0, u1, u2 = x[i, 0] - x[a, 0], x[i, 1] - x[a, 1], x[i, 2] - x[a, 2]
        least, reach = min(least, w0 * u0 + w1 * u1 + w2 * u2), max(reach, abs(u0) + abs(u1) + abs(u2))
    return bool(least - most > CLEAR * (abs(w0) + abs(w1) + abs(w2)) * reach)


@njit(cache=True, nogil=True)
def _fans_meet(x: F64, v: int, p: int, q: int, w: int, r: int, s: int) -> bool:
    """Triangles v, p, q and w, r, s whose corners v and w are one point."""
    if _sectors_part(x, v, p, q, r, s):
        return False
    if orient3d(x, v, p, q, r) * orient3d(x, v, p, q, s) > 0 or orient3d(x, w, r, s, p) * orient3d(x, w, r, s, q) > 0:
        return False
    return bool(segment_meets_triangle(x, p, q, w, r, s) or segment_meets_triangle(x, r, s, v, p, q))


@njit(cache=True, nogil=True)
def _sectors_part(x: F64, v: int, p: int, q: int, r: int, s: int) -> bool:
    """Whether a plane through v surely has p and q on one side and r and s on the other."""
    w0 = x[p, 0] + x[q, 0] - x[r, 0] - x[s, 0]
    w1 = x[p, 1] + x[q, 1] - x[r, 1] - x[s, 1]
    w2 = x[p, 2] + x[q, 2] - x[r, 2] - x[s, 2]
    return bool(
        _ahead(x, v, p, w0, w1, w2)
        & _ahead(x, v, q, w0, w1, w2)
        & _ahead(x, v, r, -w0, -w1, -w2)
        & _ahead(x, v, s, -w0, -w1, -w2)
    )


@njit(cache=True, nogil=True)
def _ahead(x: F64, v: int, p: int, w0: float, w1: float, w2: float) -> bool:
    """Whether p surely lies ahead of v along (w0, w1, w2)."""
    a, b, c = w0 * (x[p, 0] - x[v, 0]), w1 * (x[p, 1] - x[v, 1]), w2 * (x[p, 2] - x[v, 2])
    return bool(a + b + c > CLEAR * (abs(a) + abs(b) + abs(c)))


@njit(cache=True, nogil=True)
def _folded(x: F64, a: int, b: int, r: int, s: int) -> bool:
    """Triangles a, b, r and b, a, s: in one plane, with r and s on the same side of a–b."""
    e0, e1, e2 = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
    u0, u1, u2 = x[r, 0] - x[a, 0], x[r, 1] - x[a, 1], x[r, 2] - x[a, 2]
    v0, v1, v2 = x[s, 0] - x[a, 0], x[s, 1] - x[a, 1], x[s, 2] - x[a, 2]
    ee = e0 * e0 + e1 * e1 + e2 * e2
    eu, ev = e0 * u0 + e1 * u1 + e2 * u2, e0 * v0 + e1 * v1 + e2 * v2
    across = ee * (u0 * v0 + u1 * v1 + u2 * v2) - eu * ev  # (e × u) · (e × v), Lagrange's identity
    if -across > CLEAR * ee * (abs(u0) + abs(u1) + abs(u2)) * (abs(v0) + abs(v1) + abs(v2)):
        return False
    if orient3d(x, a, b, r, s) != 0:
        return False
    axis = 0
    while axis < 2 and orient2d(x, a, b, r, axis) == 0:
        axis += 1
    return bool(orient2d(x, a, b, r, axis) == orient2d(x, a, b, s, axis))
