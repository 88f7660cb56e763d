"""Holes: the boundary loops of a mesh, and fans of triangles over the small ones."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, half_edges, join


def hole_fans(points: F64, faces: I32, size: float) -> tuple[F64, I32, int]:
    """The mesh with a fan from the centroid over each boundary whose box diagonal is at most `size` metres; how many.

    Boundaries that touch at a vertex count as one. A flat sheet's own outline is covered by a fan in its plane, which
    changes nothing for a remesh. Faces without a neighbour on any side are a soup, not the rim of a hole.
    """
    offsets, halves = half_edges(faces, len(points))
    rim = halves[offsets[:-1][np.diff(offsets) == 1]]
    lonely = np.bincount(rim // 3, minlength=len(faces)) == 3
    rim = rim[~lonely[rim // 3]]
    start, end = faces[rim // 3, rim % 3], faces[rim // 3, (rim + 1) % 3]
    labels = _rim_labels(start, end, len(points))
    count = int(labels.max(initial=-1)) + 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, labels, points[start])
    np.maximum.at(high, labels, points[start])
    edges = np.bincount(labels, minlength=count)
    small = (np.linalg.norm(high - low, axis=1) <= size) & (edges >= 3)
    centres = [np.bincount(labels, points[start, axis], minlength=count) for axis in range(3)]
    chosen = small[labels]
    apex = (len(points) + np.cumsum(small) - 1)[labels[chosen]]
    fans = np.column_stack([end[chosen], start[chosen], apex]).astype(np.int32)
    added = np.column_stack(centres)[small] / edges[small, None]
    return np.concatenate([points, added]), np.concatenate([faces, fans]), int(small.sum())


@njit(cache=True, nogil=True)
def _rim_labels(start: I32, end: I32, vertex_count: int) -> I32:
    """Which connected boundary each rim edge belongs to, numbered by first edge."""
    parent = np.arange(vertex_count).astype(np.int32)
    for i in range(len(start)):
        join(parent, start[i], end[i])
    number = np.full(vertex_count, -1, np.int32)
    labels = np.empty(len(start), np.int32)
    count = 0
    for i in range(len(start)):
        root = start[i]
        while parent[root] != root:
            root = parent[root]
        if number[root] < 0:
            number[root] = count
            count += 1
        labels[i] = number[root]
    return labels
