"""Triangles as half-edges in flat arrays, and the walks over them that kernels share."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import Bool, half_edges


def opposite_half_edges(faces: I32, vertex_count: int) -> I32:
    """(3m,) for half-edge h = 3f + k, which runs from corner k of face f to the next, the one that runs back.

    −1 where an edge has not exactly two faces that run along it in opposite directions.
    """
    twin: I32 = _opposites(faces, *half_edges(faces, vertex_count))
    return twin


@njit(cache=True, nogil=True)
def _opposites(faces: I32, offsets: I32, halves: I32) -> I32:
    twin = np.full(3 * len(faces), -1, np.int32)
    for e in range(len(offsets) - 1):
        if offsets[e + 1] - offsets[e] == 2:
            g, h = halves[offsets[e]], halves[offsets[e] + 1]
            if faces[g // 3, g % 3] != faces[h // 3, h % 3]:
                twin[g], twin[h] = h, g
    return twin


@njit(cache=True, nogil=True, inline="always")
def after(h: int) -> int:
    """The next half-edge of the same face."""
    return h - 2 if h % 3 == 2 else h + 1


@njit(cache=True, nogil=True, inline="always")
def before(h: int) -> int:
    """The half-edge of the same face that comes before."""
    return h + 2 if h % 3 == 0 else h - 1


@njit(cache=True, nogil=True)
def leaving(faces: I32, vertex_count: int) -> I32:
    """(n,) a half-edge that leaves each vertex; −1 for one that no face uses."""
    out = np.full(vertex_count, -1, np.int32)
    for f in range(len(faces)):
        for k in range(3):
            out[faces[f, k]] = 3 * f + k
    return out


@njit(cache=True, nogil=True)
def open_vertices(faces: I32, twin: I32, out: I32) -> Bool:
    """(n,) True where the faces at a vertex are not one closed fan: at rims, and where surfaces only touch."""
    corners, rim = np.zeros(len(out), np.int32), np.zeros(len(out), np.bool_)
    for f in range(len(faces)):
        for k in range(3):
            corners[faces[f, k]] += 1
            if twin[3 * f + k] < 0:
                rim[faces[f, k]] = rim[faces[f, (k + 1) % 3]] = True
    for v in range(len(out)):
        if out[v] < 0 or rim[v]:
            continue
        count, h = 1, twin[before(out[v])]
        while h != out[v]:
            count += 1
            h = twin[before(h)]
        rim[v] = count != corners[v]
    return rim
