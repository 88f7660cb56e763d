"""Skinned glTF meshes in one pose: joints and weights evaluated once, at the transforms that nodes were given."""

from __future__ import annotations

import numpy as np

from ml.asset import F32, InputError
from ml.readers.gltf_buffers import Document, Json
from ml.readers.gltf_scene import Matrix, is_mirrored


def posed(
    document: Document, worlds: dict[int, Matrix], skin: object, attributes: Json, points: F32, normals: F32 | None
) -> tuple[F32, F32 | None, bool]:
    """(n, 3) points and normals in the world by linear blend skinning (glTF §3.7.3.3), and whether it mirrors.

    The mesh node's own transform does not count for a skinned mesh. Normals turn with the blended matrix itself,
    exact for the rotations and uniform scales that joints hold.
    """
    blend = _blended(document, _joint_matrices(document, worlds, skin), attributes, len(points))
    moved = np.einsum("nij,nj->ni", blend[:, :3, :3], points) + blend[:, :3, 3]
    turned = None if normals is None else np.einsum("nij,nj->ni", blend[:, :3, :3], normals).astype(np.float32)
    return moved.astype(np.float32), turned, len(blend) > 0 and is_mirrored(blend[0])


def _joint_matrices(document: Document, worlds: dict[int, Matrix], skin: object) -> Matrix:
    spec = document.item("skins", skin)
    joints = [worlds.get(joint) for joint in spec["joints"]]
    placed = [joint for joint in joints if joint is not None]
    if not joints or len(placed) < len(joints):
        raise InputError("mesh.broken", "a skin names joints that are not in the scene")
    matrices = np.stack(placed)
    if "inverseBindMatrices" not in spec:
        return matrices
    inverse = document.floats(spec["inverseBindMatrices"])
    if inverse.shape[1] != 16 or len(inverse) < len(matrices):
        raise InputError("mesh.broken", f"{len(inverse)} inverse bind matrices for {len(matrices)} joints")
    return matrices @ inverse[: len(matrices)].reshape(-1, 4, 4).transpose(0, 2, 1)


def _blended(document: Document, matrices: Matrix, attributes: Json, count: int) -> Matrix:
    sets = [number for number in range(len(attributes)) if f"JOINTS_{number}" in attributes]  # four joints each
    joints = np.concatenate([_column(document, attributes, f"JOINTS_{number}", count) for number in sets], axis=1)
    weights = np.concatenate([_column(document, attributes, f"WEIGHTS_{number}", count) for number in sets], axis=1)
    if joints.size and int(joints.max()) >= len(matrices):
        raise InputError("mesh.bad-index", f"joint {int(joints.max())} of {len(matrices)}")
    total = weights.sum(axis=1, keepdims=True)
    whole = np.eye(1, weights.shape[1])
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1.0), whole)
    return np.asarray(np.einsum("nk,nkij->nij", weights, matrices[joints.astype(np.int64)]))


def _column(document: Document, attributes: Json, key: str, count: int) -> Matrix:
    values = document.accessor(attributes[key]) if key.startswith("JOINTS") else document.floats(attributes[key])
    if values.shape != (count, 4) or (key.startswith("JOINTS") and values.dtype.kind != "u"):
        raise InputError("mesh.broken", f"{key} is {values.shape}, not joints or weights of {count} vertices")
    return values.astype(np.float64)
