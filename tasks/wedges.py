"""Wedges: which corners at a vertex share their attributes, so that seams are edges across which wedges differ."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, I64


def corner_wedges(faces: I32, rows: I32, values: F64, normals: F64, label: I64, cosine: float) -> tuple[I32, I32]:
    """Wedge of each corner (m, 3) and the row of attributes that stands for each wedge (w,).

    `faces` (m, 3) are joined by position, `rows` (m, 3) index `values` (r, d), which corners of a wedge share exactly,
    and unit `normals` (r, 3), which lie within the angle of `cosine` of the wedge's first. `label` (m, 3) keeps corners
    apart too: parts, smoothing groups. Either array may have no columns. A wedge belongs to one vertex (Hoppe 1999).
    """
    wedges, kept = _group_corners(faces, rows, values, normals, label, cosine, int(faces.max(initial=-1)) + 1)
    return wedges, kept


@njit(cache=True, nogil=True)
def _group_corners(
    faces: I32, rows: I32, values: F64, normals: F64, label: I64, cosine: float, vertex_count: int
) -> tuple[I32, I32]:
    """Each vertex chains its wedges; few have more than one, so that a search is short."""
    count = 0
    first = np.full(vertex_count, -1, np.int32)
    following = np.full(3 * len(faces), -1, np.int32)
    kept = np.empty(3 * len(faces), np.int32)
    labels = np.empty(3 * len(faces), np.int64)
    wedges = np.empty((len(faces), 3), np.int32)
    for f in range(len(faces)):
        for k in range(3):
            v, row = faces[f, k], rows[f, k]
            w = first[v]
            while w >= 0:
                other = kept[w]
                if labels[w] == label[f, k] and (other == row or _alike(values, normals, other, row, cosine)):
                    break
                w = following[w]
            if w < 0:
                w = count
                count += 1
                kept[w], labels[w] = row, label[f, k]
                following[w], first[v] = first[v], w
            wedges[f, k] = w
    return wedges, kept[:count].copy()


@njit(cache=True, nogil=True)
def _alike(values: F64, normals: F64, i: int, j: int, cosine: float) -> bool:
    for k in range(values.shape[1]):
        if values[i, k] != values[j, k]:
            return False
    dot = 0.0
    for k in range(normals.shape[1]):
        dot += normals[i, k] * normals[j, k]
    return normals.shape[1] == 0 or dot >= cosine
