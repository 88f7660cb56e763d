"""Pairs the triangles of two meshes whose vertices and triangles stand in different orders, by their corners' keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from tasks.morton import radix_order

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U64 = npt.NDArray[np.uint64]
Array = npt.NDArray[Any]


def match(keys: Array, faces: Array, other_keys: Array, other_faces: Array) -> tuple[Array, Array] | None:
    """Corners (k, 3) of both meshes, paired, or None where they are not the same set of triangles up to rotation.

    Keys are (n, c) integers a vertex, faces (m, 3). Triangles with two corners of one key are left out of both: they
    have no area on the grid, and a codec may drop them. Of triangles that are there twice, any two are paired.
    """
    ours, theirs = _canonical(keys, faces), _canonical(other_keys, other_faces)
    if ours.shape != theirs.shape or not _alike(keys, ours, other_keys, theirs):
        return None
    return ours, theirs


def _canonical(keys: Array, faces: Array) -> Array:
    """Faces with the corner of the smallest key first, in the order of a hash of all three keys."""
    marks = _hashes(np.ascontiguousarray(keys, dtype=np.int64))
    turned: I32 = _by_hash(*_turned(marks, np.ascontiguousarray(faces, dtype=np.int32)))
    return turned


@njit(cache=True, nogil=True)
def _alike(keys: Array, corners: I32, other_keys: Array, other_corners: I32) -> bool:
    for t in range(len(corners)):
        for k in range(3):
            a, b = corners[t, k], other_corners[t, k]
            for axis in range(keys.shape[1]):
                if keys[a, axis] != other_keys[b, axis]:
                    return False
    return True


@njit(cache=True, nogil=True)
def _mix(value: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele et al., 2014): each bit of the input flips half of the output's."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, nogil=True)
def _hashes(keys: I64) -> U64:
    marks = np.empty(len(keys), np.uint64)
    for i in range(len(keys)):
        mark = np.uint64(0x9E3779B97F4A7C15)
        for k in range(keys.shape[1]):
            mark = _mix(mark + np.uint64(keys[i, k]) + np.uint64(0x9E3779B97F4A7C15))
        marks[i] = mark
    return marks


@njit(cache=True, nogil=True)
def _by_hash(turned: I32, hashes: U64) -> I32:
    """The faces in the order of their hashes: by the top 30 bits, then the few that share those by insertion."""
    order = radix_order((hashes >> np.uint64(34)).astype(np.uint32))
    for i in range(1, len(order)):
        one, j = order[i], i
        while j > 0 and hashes[order[j - 1]] > hashes[one]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = one
    ordered: I32 = turned[order]
    return ordered


@njit(cache=True, nogil=True)
def _turned(marks: U64, faces: I32) -> tuple[I32, U64]:
    """Rotated faces of three different marks, and the hash of each."""
    turned, order = np.empty_like(faces), np.empty(len(faces), np.uint64)
    kept = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        p, q, r = marks[a], marks[b], marks[c]
        if p == q or q == r or r == p:
            continue
        if q < p and q < r:
            a, b, c, p, q, r = b, c, a, q, r, p
        elif r < p and r < q:
            a, b, c, p, q, r = c, a, b, r, p, q
        turned[kept, 0], turned[kept, 1], turned[kept, 2] = a, b, c
        order[kept] = _mix(_mix(_mix(p) + q) + r)
        kept += 1
    return turned[:kept], order[:kept]
