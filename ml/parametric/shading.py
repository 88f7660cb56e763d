"""Vertex normals for solids: smooth over gentle edges, split at hard ones, weighted by face area."""

from __future__ import annotations

import numba
import numpy as np

from ml.asset import F32
from ml.parametric.solid import F64, I32
from ml.union_find import join, numbered

# Between the 45° of a one-step chamfer, which area weighting shades well when shared, and the 60° of a hexagon.
CREASE_DEGREES = 50.0


def shade(vertices: F64, faces: I32, crease: float = CREASE_DEGREES) -> tuple[F32, F32, I32]:
    """Vertices, unit normals and faces after splitting vertices at edges sharper than `crease` degrees.

    Corners joined across gentle edges share one vertex; its normal is the area-weighted mean of its faces.
    Closed surfaces only: every directed edge has exactly one opposite.
    """
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    unit = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    one, two = _smooth_pairs(faces, len(vertices), unit, np.cos(np.radians(crease)))
    label, groups = _components(one, two, faces.size)
    summed: F64 = np.stack([np.bincount(label, np.repeat(normal[:, k], 3), groups) for k in range(3)], axis=1)
    summed /= np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-30)
    split = np.empty((groups, 3))
    split[label] = corners.reshape(-1, 3)
    return split.astype(np.float32), summed.astype(np.float32), label.reshape(-1, 3).astype(np.int32)


def _smooth_pairs(faces: I32, size: int, unit: F64, limit: float) -> tuple[I32, I32]:
    """Corner pairs (indices into the flattened faces) that share a vertex across an edge gentler than the limit."""
    start = faces.ravel().astype(np.int64)
    end = np.roll(faces, -1, axis=1).ravel().astype(np.int64)
    corner = np.arange(len(start))
    following = corner - corner % 3 + (corner + 1) % 3
    forward, backward = np.argsort(start * size + end), np.argsort(end * size + start)
    gentle = np.einsum("ij,ij->i", unit[forward // 3], unit[backward // 3]) > limit
    a, b = forward[gentle], backward[gentle]
    one = np.concatenate([a, following[a]])
    two = np.concatenate([following[b], b])
    return one.astype(np.int32), two.astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _components(one: I32, two: I32, count: int) -> tuple[I32, int]:
    """(count,) component of each item after joining the pairs, numbered by first item, and how many there are."""
    parent = np.arange(count).astype(np.int32)
    for i in range(len(one)):
        join(parent, one[i], two[i])
    found: tuple[I32, int] = numbered(parent)
    return found
