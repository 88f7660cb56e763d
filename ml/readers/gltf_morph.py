"""Morph targets of glTF meshes: what a node's, a mesh's or frame 0's weights add to the values of its vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError
from ml.readers.gltf_buffers import Document, Json


@dataclass(frozen=True)
class Morph:
    """The targets of one primitive whose weight is not 0, with their weights."""

    document: Document
    targets: tuple[tuple[Json, np.float32], ...] = ()

    def changes(self, key: str) -> bool:
        """Whether an attribute is displaced at all."""
        return any(key in target for target, _ in self.targets)

    def moved(self, key: str, values: F32) -> F32:
        """(n, k) values of an attribute plus each target's displacements times its weight (glTF 2.0, §3.7.2.2).

        Normals are not re-normalised, colours not clamped. Raises InputError `mesh.broken` where the shapes differ.
        """
        for target, share in self.targets:
            if key in target:
                offsets = self.document.floats(target[key])
                if offsets.shape != values.shape:
                    raise InputError("mesh.broken", f"a morph target's {key} is {offsets.shape}, not {values.shape}")
                values = values + share * offsets
        return values


def read_morph(document: Document, targets: list[Json], weights: object, vertices: int) -> Morph:
    """What `weights` make of the targets of a primitive: one number a target, None for the mesh as it lies.

    Targets of weight 0 are not read. Raises InputError `mesh.broken` where the numbers do not fit, `mesh.too-large`.
    """
    shares = _weights(weights, len(targets))
    active = np.flatnonzero(shares)
    document.limits.check(vertices=vertices * len(active))
    return Morph(document, tuple((targets[at], np.float32(shares[at])) for at in active))


def _weights(given: object, count: int) -> npt.NDArray[np.float64]:
    if given is None:
        return np.zeros(count)
    shares = np.asarray(given, np.float64)
    if shares.shape != (count,) or not np.isfinite(shares).all():
        raise InputError("mesh.broken", f"the weights of {count} morph targets are not as many finite numbers")
    return shares
