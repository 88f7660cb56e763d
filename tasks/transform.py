"""One affine map over everything an asset carries: its parts, its LODs and the detailed source stay aligned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, Material, Part

F64 = npt.NDArray[np.float64]


def transformed(asset: Asset, linear: F64, offset: F64) -> Asset:
    """The asset with every point p at linear (3, 3) · p + offset (3,), metres; normals by the inverse transpose.

    Levels, collision bodies and source go along. Where `linear` mirrors, faces are turned round and look outward still.
    """
    if np.array_equal(linear, np.eye(3)) and not offset.any():
        return asset
    return replace(
        asset,
        parts=tuple(moved(part, linear, offset) for part in asset.parts),
        collision=tuple(moved(part, linear, offset) for part in asset.collision),
        lods=tuple(transformed(lod, linear, offset) for lod in asset.lods),
        source=None if asset.source is None else transformed(asset.source, linear, offset),
    )


def moved(part: Part, linear: F64, offset: F64) -> Part:
    """One part of `transformed`."""
    vertices = (_mapped(part.vertices, linear) + offset).astype(np.float32)
    normals = None if part.normals is None else _turned(part.normals, linear)
    mirrors = float((np.cross(linear[0], linear[1]) * linear[2]).sum()) < 0.0  # the determinant, without LAPACK
    faces = np.ascontiguousarray(part.faces[:, [0, 2, 1]]) if mirrors else part.faces
    material = _material(part.material, linear, offset)
    return replace(part, vertices=vertices, normals=normals, faces=faces, material=material)


def _material(material: Material, linear: F64, offset: F64) -> Material:
    """The material with its looks, if it has them, where its part is now."""
    return material if material.looks is None else replace(material, looks=material.looks.moved(linear, offset))


def _mapped(vectors: F32, linear: F64) -> F64:
    """linear · v for each row, written out so that the result does not depend on the BLAS at hand."""
    v = vectors.astype(np.float64)
    mapped: F64 = v[:, :1] * linear[:, 0] + v[:, 1:2] * linear[:, 1] + v[:, 2:] * linear[:, 2]
    return mapped


def _turned(normals: F32, linear: F64) -> F32:
    """Unit normals of the mapped surface; a zero normal stays zero. A uniform positive scale turns nothing."""
    if linear[0, 0] > 0.0 and np.array_equal(linear, linear[0, 0] * np.eye(3)):
        return normals
    inverse_transpose = np.asarray(np.linalg.inv(linear).T, dtype=np.float64)
    turned = _mapped(normals, inverse_transpose)
    length = np.sqrt(np.einsum("ij,ij->i", turned, turned))
    unit: F32 = (turned / np.where(length > 0, length, 1.0)[:, None]).astype(np.float32)
    return unit
