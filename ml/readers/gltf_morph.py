"""Morph targets of glTF meshes: the displacements that a node's, a mesh's or frame 0's weights give to its vertices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError
from ml.readers.gltf_buffers import Document, Json


def morphed(
    document: Document, targets: list[Json], weights: object, points: F32, normals: F32 | None
) -> tuple[F32, F32 | None]:
    """(n, 3) points and normals plus each target's displacements times its weight (glTF 2.0, §3.7.2.2).

    `weights` has one number a target, None for the mesh as it lies; targets of weight 0 are not read. Normals are not
    re-normalised. Raises InputError `mesh.broken` where the numbers do not fit, `mesh.too-large`.
    """
    shares = _weights(weights, len(targets))
    active = np.flatnonzero(shares)
    document.limits.check(vertices=len(points) * len(active))
    moved, turned = points, normals
    for at in active:
        moved = _plus(document, targets[at], "POSITION", shares[at], moved)
        turned = turned if turned is None else _plus(document, targets[at], "NORMAL", shares[at], turned)
    return moved, turned


def _weights(given: object, count: int) -> npt.NDArray[np.float64]:
    if given is None:
        return np.zeros(count)
    shares = np.asarray(given, np.float64)
    if shares.shape != (count,) or not np.isfinite(shares).all():
        raise InputError("mesh.broken", f"the weights of {count} morph targets are not as many finite numbers")
    return shares


def _plus(document: Document, target: Json, key: str, share: float, values: F32) -> F32:
    if key not in target:
        return values
    offsets = document.floats(target[key])
    if offsets.shape != values.shape:
        raise InputError("mesh.broken", f"a morph target's {key} is {offsets.shape}, not {values.shape}")
    return values + np.float32(share) * offsets
