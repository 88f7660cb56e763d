"""Shading normals: angle-weighted, with vertices split along hard edges so that creases stay sharp."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from ml.asset import F32, I32, Part
from ml.union_find import join
from tasks.topology import F64, face_cross, half_edges, weld

HARD_EDGE_DEGREES = 35.0  # where a mesh brings no normals: a 12-sided cylinder (30°) shades smooth, a bevel (45°) sharp


def split_hard_edges(part: Part, angle_deg: float = HARD_EDGE_DEGREES) -> Part:
    """The part with vertices split where faces meet at more than `angle_deg` degrees, and normals set to match.

    Each normal is the mean of its faces weighted by their angle there (Thürmer & Wüthrich 1998), which makes it
    independent of how a flat side is cut into triangles. Where faces cancel out it is the first face's normal, where
    none has an area +Y, so that none is ever zero.
    Smooth shading runs over UV seams: faces are joined by position, not by index. Open, non-manifold and wrongly
    wound edges count as hard. Vertices keep their order, the split-off copies follow them; attributes are copied.
    """
    points, welded, _ = weld(part.vertices.astype(np.float64), part.faces)
    groups = smooth_groups(points, welded, angle_deg)
    normals = _angle_weighted(points, welded, groups, int(groups.max(initial=-1)) + 1)
    corners, labels = part.faces.reshape(-1), groups.reshape(-1)
    first = np.full(len(part.vertices), -1, np.int32)
    first[corners[::-1]] = labels[::-1]  # the last write wins: the group of the vertex's first corner
    apart = labels != first[corners]
    key = corners[apart].astype(np.int64) * (len(labels) + 1) + labels[apart]
    extra, position = np.unique(key, return_inverse=True)
    faces = corners.copy()
    faces[apart] = len(first) + position
    origin = np.concatenate([np.arange(len(first)), extra // (len(labels) + 1)])
    group = np.concatenate([first, extra % (len(labels) + 1)])
    shading = normals[group] if len(normals) else np.zeros((len(group), 3), np.float32)
    shading[group < 0] = (0.0, 1.0, 0.0)  # vertices that no face uses
    return replace(
        part,
        vertices=part.vertices[origin],
        faces=faces.astype(np.int32).reshape(-1, 3),
        normals=shading,
        uv=None if part.uv is None else part.uv[origin],
        uv1=None if part.uv1 is None else part.uv1[origin],
        colors=None if part.colors is None else part.colors[origin],
    )


def smooth_groups(points: F64, faces: I32, angle_deg: float) -> I32:
    """(m, 3) group of each corner, faces joined by position: corners at one vertex between hard edges share one."""
    groups: I32 = _smooth_groups(points, faces, *half_edges(faces, len(points)), np.cos(np.radians(angle_deg)))
    return groups


@njit(cache=True, nogil=True)
def _face_normal(points: F64, a: int, b: int, c: int) -> tuple[float, float, float]:
    """Unit normal, zero for a face without area."""
    x, y, z = face_cross(points, a, b, c)
    length = np.sqrt(x * x + y * y + z * z)
    if length == 0.0:
        return 0.0, 0.0, 0.0
    return x / length, y / length, z / length


@njit(cache=True, nogil=True)
def _angle_weighted(points: F64, faces: I32, groups: I32, count: int) -> F32:
    """(count, 3) unit mean of the face normals at the corners of each group, weighted by the corner's angle."""
    total = np.zeros((count, 3))
    weight = np.zeros(count)
    fallback = np.zeros((count, 3))
    fallback[:, 1] = 1.0
    for f in range(len(faces)):
        x, y, z = _face_normal(points, faces[f, 0], faces[f, 1], faces[f, 2])
        if x == 0.0 and y == 0.0 and z == 0.0:
            continue
        for k in range(3):
            a, b, c = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            u, v = points[b] - points[a], points[c] - points[a]
            across = x * (u[1] * v[2] - u[2] * v[1]) + y * (u[2] * v[0] - u[0] * v[2]) + z * (u[0] * v[1] - u[1] * v[0])
            angle = np.arctan2(across, u[0] * v[0] + u[1] * v[1] + u[2] * v[2])
            g = groups[f, k]
            if weight[g] == 0.0:
                fallback[g, 0], fallback[g, 1], fallback[g, 2] = x, y, z
            weight[g] += angle
            total[g, 0] += angle * x
            total[g, 1] += angle * y
            total[g, 2] += angle * z
    normals = np.empty((count, 3), np.float32)
    for g in range(count):
        n = total[g]
        length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2])
        for axis in range(3):
            normals[g, axis] = n[axis] / length if length > 1e-6 * weight[g] else fallback[g, axis]
    return normals


@njit(cache=True, nogil=True)
def _smooth_groups(points: F64, faces: I32, offsets: I32, halves: I32, cosine: float) -> I32:
    """(m, 3) group of each corner: corners at one vertex that smooth edges connect, numbered by first corner."""
    normals = np.empty((len(faces), 3))
    for f in range(len(faces)):
        normals[f, 0], normals[f, 1], normals[f, 2] = _face_normal(points, faces[f, 0], faces[f, 1], faces[f, 2])
    parent = np.arange(3 * len(faces)).astype(np.int32)
    for e in range(len(offsets) - 1):
        if offsets[e + 1] - offsets[e] != 2:
            continue
        g, h = halves[offsets[e]], halves[offsets[e] + 1]
        p, q = g // 3, h // 3
        dot = normals[p, 0] * normals[q, 0] + normals[p, 1] * normals[q, 1] + normals[p, 2] * normals[q, 2]
        if faces[p, g % 3] == faces[q, h % 3] or dot < cosine - 1e-9:
            continue
        join(parent, g, 3 * q + (h + 1) % 3)  # the edge's start as both faces see it, then its end
        join(parent, 3 * p + (g + 1) % 3, h)
    groups = np.empty((len(faces), 3), np.int32)
    labels = np.empty(3 * len(faces), np.int32)
    count = 0
    for i in range(3 * len(faces)):
        if parent[i] == i:
            labels[i] = count
            count += 1
        else:
            labels[i] = labels[parent[i]]
        groups[i // 3, i % 3] = labels[i]
    return groups
