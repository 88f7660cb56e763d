"""The connected pieces of a closed mesh: which vertices belong together, how large each is, and what it encloses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32
from ml.union_find import join, numbered

F64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def pieces(vertices: F32, faces: I32, scale: F64) -> tuple[I32, F64, F64]:
    """(n,) piece of each vertex; of each piece the diagonal of its box and its volume, negative for a cavity.

    Lengths are measured in vertices times `scale` (3,).
    """
    parent = np.arange(len(vertices)).astype(np.int32)
    for f in range(len(faces)):
        join(parent, faces[f, 0], faces[f, 1])
        join(parent, faces[f, 0], faces[f, 2])
    label, count = numbered(parent)
    low, high, volume = np.full((count, 3), np.inf), np.full((count, 3), -np.inf), np.zeros(count)
    for i in range(len(vertices)):
        for k in range(3):
            value = vertices[i, k] * scale[k]
            low[label[i], k] = min(low[label[i], k], value)
            high[label[i], k] = max(high[label[i], k], value)
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        volume[label[faces[f, 0]]] += (
            a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])
        )
    diagonal = np.sqrt(((high - low) ** 2).sum(axis=1))
    return label, diagonal, volume * (scale[0] * scale[1] * scale[2] / 6.0)
