"""Tangent frames for normal maps, after MikkTSpace: the convention in which nearly all bakers write them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Part
from ml.normals import face_crosses

F64 = npt.NDArray[np.float64]


def with_tangents(part: Part) -> tuple[Part, F32]:
    """The part and its (n, 4) glTF tangents: xyz unit and orthogonal to the normal, w = ±1 the bitangent's sign.

    The part needs uv and normals. As in Mikkelsen's 'Simulation of Wrinkled Surfaces Revisited' (2008), a corner
    contributes its face's direction of growing u, projected onto the plane of the vertex normal and weighted by the
    corner's angle; vertices between mirrored and unmirrored charts are split, so the part may have more of them.
    """
    along, mirrored = _face_tangents(part)
    part = _split(part, mirrored)
    assert part.normals is not None
    total = np.zeros((len(part.vertices), 3))
    angles = _corner_angles(part)
    for corner in range(3):
        at = part.faces[:, corner]
        flat = _unit(_project(along, part.normals[at].astype(np.float64)))
        for axis in range(3):
            total[:, axis] += np.bincount(at, flat[:, axis] * angles[:, corner], minlength=len(total))
    normals = part.normals.astype(np.float64)
    tangents = np.ones((len(total), 4))
    tangents[:, :3] = _or_any_orthogonal(_project(total, normals), normals)
    tangents[part.faces[mirrored].reshape(-1), 3] = -1.0
    return part, tangents.astype(np.float32)


def _face_tangents(part: Part) -> tuple[F64, npt.NDArray[np.bool_]]:
    """(m, 3) direction in which u grows over each face, and whether its chart shows the image mirrored.

    glTF's v grows downward, so an unmirrored counter-clockwise face runs clockwise in (u, v): a negative determinant.
    """
    assert part.uv is not None
    points, uv = part.vertices.astype(np.float64), part.uv.astype(np.float64)
    a, b, c = part.faces.T
    e1, e2, t1, t2 = points[b] - points[a], points[c] - points[a], uv[b] - uv[a], uv[c] - uv[a]
    area = t1[:, 0] * t2[:, 1] - t1[:, 1] * t2[:, 0]
    along = (e1 * t2[:, 1:] - e2 * t1[:, 1:]) * np.sign(area)[:, None]
    return _unit(along), area > 0


def _split(part: Part, mirrored: npt.NDArray[np.bool_]) -> Part:
    """Give mirrored faces their own copy of the vertices that they share with unmirrored ones."""
    left, right = np.zeros(len(part.vertices), bool), np.zeros(len(part.vertices), bool)
    left[part.faces[mirrored].reshape(-1)] = True
    right[part.faces[~mirrored].reshape(-1)] = True
    shared = np.flatnonzero(left & right)
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


def _corner_angles(part: Part) -> F64:
    """(m, 3) interior angles in radians."""
    points = part.vertices.astype(np.float64)
    doubled = np.sqrt((face_crosses(part.vertices, part.faces) ** 2).sum(axis=1))
    angles = np.empty((len(part.faces), 3))
    for corner in range(3):
        here, ahead, behind = (points[part.faces[:, (corner + k) % 3]] for k in range(3))
        angles[:, corner] = np.arctan2(doubled, np.einsum("ij,ij->i", ahead - here, behind - here))
    return angles


def _project(vectors: F64, normals: F64) -> F64:
    return np.asarray(vectors - normals * np.einsum("ij,ij->i", vectors, normals)[:, None])


def _unit(vectors: F64) -> F64:
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def _or_any_orthogonal(tangents: F64, normals: F64) -> F64:
    """Unit tangents; where the coordinates give no direction, some direction orthogonal to the normal."""
    lost = np.einsum("ij,ij->i", tangents, tangents) < 1e-12
    if lost.any():
        axis = np.eye(3)[np.abs(normals[lost]).argmin(axis=1)]
        tangents[lost] = _project(axis, normals[lost])
    return _unit(tangents)
