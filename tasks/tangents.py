"""Tangent frames for normal maps, after MikkTSpace: the convention in which nearly all bakers write them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, Part

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def with_tangents(part: Part) -> tuple[Part, F32]:
    """The part and its (n, 4) glTF tangents: xyz unit and orthogonal to the normal, w = ±1 the bitangent's sign.

    The part needs uv and normals. As in Mikkelsen's 'Simulation of Wrinkled Surfaces Revisited' (2008), a corner
    contributes its face's direction of growing u, projected onto the plane of the vertex normal and weighted by the
    corner's angle; vertices between mirrored and unmirrored charts are split, so the part may have more of them.
    """
    assert part.uv is not None
    along, mirrored = _face_tangents(part.vertices, part.uv, part.faces)
    part = _split(part, mirrored)
    assert part.normals is not None
    total = _summed(part.vertices, part.normals, part.faces, along)
    tangents = _orthogonal(total, part.normals)
    tangents[part.faces[mirrored].reshape(-1), 3] = -1.0
    return part, tangents


def _split(part: Part, mirrored: npt.NDArray[np.bool_]) -> Part:
    """Give mirrored faces their own copy of the vertices that they share with unmirrored ones."""
    shared = np.flatnonzero(_sides(part.faces, mirrored, len(part.vertices)) == 3)
    if not len(shared):
        return part
    target = np.arange(len(part.vertices), dtype=np.int32)
    target[shared] = len(part.vertices) + np.arange(len(shared), dtype=np.int32)
    faces = part.faces.copy()
    faces[mirrored] = target[faces[mirrored]]
    source = np.concatenate([np.arange(len(part.vertices)), shared])
    return replace(
        part,
        vertices=part.vertices[source],
        faces=faces,
        normals=None if part.normals is None else part.normals[source],
        uv=None if part.uv is None else part.uv[source],
        uv1=None if part.uv1 is None else part.uv1[source],
        colors=None if part.colors is None else part.colors[source],
    )


@njit(cache=True, nogil=True)
def _sides(faces: I32, mirrored: Bool, count: int) -> npt.NDArray[np.uint8]:
    """(count,) 1 for a vertex of unmirrored faces, 2 of mirrored ones, 3 of both."""
    found = np.zeros(count, np.uint8)
    for f in range(len(faces)):
        for k in range(3):
            found[faces[f, k]] |= np.uint8(2 if mirrored[f] else 1)
    return found


@njit(cache=True, nogil=True)
def _face_tangents(points: F32, uv: F32, faces: I32) -> tuple[F64, Bool]:
    """(m, 3) direction in which u grows over each face, and whether its chart shows the image mirrored.

    glTF's v grows downward, so an unmirrored counter-clockwise face runs clockwise in (u, v): a negative determinant.
    """
    along, mirrored = np.zeros((len(faces), 3)), np.zeros(len(faces), np.bool_)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        u1, v1 = np.float64(uv[b, 0]) - uv[a, 0], np.float64(uv[b, 1]) - uv[a, 1]
        u2, v2 = np.float64(uv[c, 0]) - uv[a, 0], np.float64(uv[c, 1]) - uv[a, 1]
        area = u1 * v2 - v1 * u2
        mirrored[f] = area > 0.0
        length = 0.0
        for k in range(3):
            start = np.float64(points[a, k])
            along[f, k] = ((points[b, k] - start) * v2 - (points[c, k] - start) * v1) * np.sign(area)
            length += along[f, k] ** 2
        if length > 0.0:
            along[f] /= np.sqrt(length)
    return along, mirrored


@njit(cache=True, nogil=True)
def _summed(points: F32, normals: F32, faces: I32, along: F64) -> F64:
    """(n, 3) sum of the faces' directions, each flattened against the vertex normal and weighted by its angle there."""
    total = np.zeros((len(points), 3))
    side, flat = np.empty((3, 3)), np.empty(3)
    for f in range(len(faces)):
        for corner in range(3):
            for k in range(3):
                side[corner, k] = np.float64(points[faces[f, (corner + 1) % 3], k]) - points[faces[f, corner], k]
        x = side[0, 1] * side[1, 2] - side[0, 2] * side[1, 1]
        y = side[0, 2] * side[1, 0] - side[0, 0] * side[1, 2]
        z = side[0, 0] * side[1, 1] - side[0, 1] * side[1, 0]
        doubled = np.sqrt(x * x + y * y + z * z)
        for corner in range(3):
            here, dot, lift, length = faces[f, corner], 0.0, 0.0, 0.0
            for k in range(3):
                dot -= side[corner, k] * side[corner - 1, k]
                lift += along[f, k] * normals[here, k]
            for k in range(3):
                flat[k] = along[f, k] - normals[here, k] * lift
                length += flat[k] ** 2
            if length > 0.0:
                weight = np.arctan2(doubled, dot) / np.sqrt(length)
                for k in range(3):
                    total[here, k] += flat[k] * weight
    return total


@njit(cache=True, nogil=True)
def _dot(a: F64, b: F64) -> float:
    """np.dot would be BLAS, for which numba loads scipy.linalg: 0.2 CPU-s in every worker."""
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@njit(cache=True, nogil=True)
def _orthogonal(total: F64, normals: F32) -> F32:
    """(n, 4) unit tangents, w = 1; where the coordinates give no direction, some direction orthogonal to the normal."""
    tangents = np.ones((len(total), 4), np.float32)
    for i in range(len(total)):
        n = normals[i].astype(np.float64)
        t = total[i] - n * _dot(n, total[i])
        if _dot(t, t) < 1e-12:
            axis = np.zeros(3)
            axis[np.argmin(np.abs(n))] = 1.0
            t = axis - n * _dot(n, axis)
        length = np.sqrt(_dot(t, t))
        for k in range(3):
            tangents[i, k] = t[k] / (length if length > 0.0 else 1.0)
    return tangents
