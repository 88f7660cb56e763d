"""Edge collapses and vertex splits replayed on plain arrays: the two directions of a progressive mesh."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, U8
from tasks.topology import Bool

U32 = npt.NDArray[np.uint32]


def replay(points: F32, faces: I32, log: I32, places: F32) -> tuple[F32, I32, I32, F32, Bool]:
    """Collapses (kept, removed) one after the other: points and faces after them, the collapse at which each face (m,)
    died or −1, where both ends (c, 2, 3) were before, and flags for `split`, first those of the last collapse.

    A dead face keeps the corners it had; faces that go from the removed vertex to the kept one are flagged among all
    of the kept one, in ascending order.
    """
    points, faces = points.copy(), faces.copy()
    died, before, flags, ends = _replay(points, faces, log, places)
    runs = [flags[start:end] for start, end in pairwise(ends)][::-1]
    return points, faces, died, before, np.concatenate([np.zeros(0, np.bool_), *runs])


def split(
    points: F32, faces: I32, kept: I32, offsets: U32, added: U8, third: I32, turned: Bool, moved: Bool
) -> tuple[F32, I32] | None:
    """The base after a split of each `kept` vertex (see progressive.Progressive); None where one cannot be."""
    grown = np.concatenate([points, np.zeros((len(kept), 3), np.float32)])
    total = len(faces) + int(added[: len(kept)].sum(dtype=np.int64))
    if total - len(faces) > len(third) or len(offsets) < len(kept):
        return None
    triangles = np.zeros((total, 3), np.int32)
    triangles[: len(faces)] = faces
    bits = grown.view(np.uint32)
    if not _split(bits, triangles, len(points), len(faces), kept, offsets, added, third, turned, moved):
        return None
    return grown, triangles


@njit(cache=True, nogil=True)
def _corners(faces: I32, count: int, vertex_count: int) -> tuple[I32, I32]:
    head, following = np.full(vertex_count, -1, np.int32), np.full(3 * len(faces), -1, np.int32)
    for h in range(3 * count):
        v = faces[h // 3, h % 3]
        following[h] = head[v]
        head[v] = h
    return head, following


@njit(cache=True, nogil=True)
def _sorted_corners(head: I32, following: I32, v: int, died: I32) -> I32:
    """Corners of v in live faces, ascending."""
    count = 0
    h = head[v]
    while h >= 0:
        count += died[h // 3] < 0
        h = following[h]
    found = np.empty(count, np.int32)
    count = 0
    h = head[v]
    while h >= 0:
        if died[h // 3] < 0:
            i = count
            while i > 0 and found[i - 1] > h:
                found[i] = found[i - 1]
                i -= 1
            found[i] = h
            count += 1
        h = following[h]
    return found


@njit(cache=True, nogil=True)
def _relink(head: I32, following: I32, v: int, corners: I32) -> None:
    head[v] = -1
    for h in corners:
        following[h] = head[v]
        head[v] = h


@njit(cache=True, nogil=True)
def _replay(points: F32, faces: I32, log: I32, places: F32) -> tuple[I32, F32, Bool, I32]:
    head, following = _corners(faces, len(faces), len(points))
    died = np.full(len(faces), -1, np.int32)
    before = np.empty((len(log), 2, 3), np.float32)
    flags = np.empty(8 * len(log) + 64, np.bool_)
    ends = np.zeros(len(log) + 1, np.int32)
    origin = np.full(len(faces), -1, np.int32)  # the collapse that last moved each face
    for i in range(len(log)):
        a, b = log[i, 0], log[i, 1]
        for k in range(3):
            before[i, 0, k], before[i, 1, k] = points[a, k], points[b, k]
            points[a, k] = places[i, k]
        theirs = _sorted_corners(head, following, b, died)
        for h in theirs:
            f = h // 3
            if faces[f, 0] == a or faces[f, 1] == a or faces[f, 2] == a:
                died[f] = i
        own = _sorted_corners(head, following, a, died)
        theirs = _sorted_corners(head, following, b, died)
        for h in theirs:
            faces[h // 3, h % 3] = a
            origin[h // 3] = i
        both = np.sort(np.concatenate((own, theirs)))
        _relink(head, following, a, both)
        ends[i + 1] = ends[i] + len(both)
        if ends[i + 1] > len(flags):
            longer = np.empty(2 * ends[i + 1], np.bool_)
            longer[: ends[i]] = flags[: ends[i]]
            flags = longer
        for j in range(len(both)):
            flags[ends[i] + j] = origin[both[j] // 3] == i
    return died, before, flags, ends


@njit(cache=True, nogil=True)
def _split(
    bits: U32,
    faces: I32,
    vertices: int,
    triangles: int,
    kept: I32,
    offsets: U32,
    added: U8,
    third: I32,
    turned: Bool,
    moved: Bool,
) -> bool:
    head, following = _corners(faces, triangles, len(bits))
    alive = np.full(len(faces), -1, np.int32)
    new = flag = 0
    for i in range(len(kept)):
        a, b = kept[i], vertices + i
        if a < 0 or a >= b:
            return False
        for k in range(3):
            at = bits[a, k]
            bits[a, k], bits[b, k] = at + offsets[i, 0, k], at + offsets[i, 1, k]
        corners = _sorted_corners(head, following, a, alive)
        if flag + len(corners) > len(moved):
            return False
        head[a] = -1
        for j in range(len(corners)):
            h = corners[j]
            v = b if moved[flag + j] else a
            faces[h // 3, h % 3] = v
            following[h] = head[v]
            head[v] = h
        flag += len(corners)
        for _ in range(added[i]):
            x = third[new]
            if x < 0 or x >= b or x == a:
                return False
            f = triangles + new
            faces[f, 0], faces[f, 1], faces[f, 2] = (b, a, x) if turned[new] else (a, b, x)
            for k in range(3):
                h = 3 * f + k
                following[h] = head[faces[f, k]]
                head[faces[f, k]] = h
            new += 1
    return True
