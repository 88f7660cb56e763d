"""A part whose vertices have moved: its normals turn with the surface, everything else stays as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ml.asset import F32, Asset, InputError, Part
from ml.normals import vertex_normals

F64 = npt.NDArray[np.float64]


def moved_asset(asset: Asset, vertices: list[F32]) -> Asset:
    """The asset with other vertices for its parts; without LODs, collision bodies and source, which no longer fit."""
    parts = tuple(moved_part(part, points) for part, points in zip(asset.parts, vertices, strict=True))
    return replace(asset, parts=parts, lods=(), collision=(), source=None)


def moved_part(part: Part, vertices: F32) -> Part:
    """The part over other vertices (n, 3); itself where none moved. Raises InputError `edit.not-finite`.

    Each normal turns by the least rotation that carries the surface's direction around its vertex, before, to the one
    after: a hard edge stays hard, a seam of UVs stays smooth, and normals away from what moved keep their bits. A field
    of looks, which is of the old places, is left out.
    """
    if np.array_equal(vertices, part.vertices):
        return part
    if not np.isfinite(vertices).all():
        raise InputError("edit.not-finite", f"the edit sends vertices of {part.name} to infinity")
    material = part.material if part.material.looks is None else replace(part.material, looks=None)
    return replace(part, vertices=vertices, normals=_turned(part, vertices), material=material)


def _turned(part: Part, vertices: F32) -> F32 | None:
    if part.normals is None or not len(part.faces):
        return part.normals
    rows = np.concatenate([part.vertices, part.normals], axis=1) + np.float32(0.0)
    _, first, group = np.unique(rows.view([("", np.float32)] * 6).reshape(-1), return_index=True, return_inverse=True)
    faces = group[part.faces].astype(np.int32)
    before, after = vertex_normals(part.vertices[first], faces), vertex_normals(vertices[first], faces)
    changed = np.zeros(len(first), np.bool_)
    at = np.any(part.vertices != vertices, axis=1)
    touched = at[part.faces].any(axis=1)
    changed[faces[touched]] = True
    normals = part.normals[first].astype(np.float64)
    normals[changed] = _rotated(normals[changed], before[changed].astype(np.float64), after[changed].astype(np.float64))
    result: F32 = part.normals.copy()
    rows_changed = changed[group]
    result[rows_changed] = normals[group[rows_changed]].astype(np.float32)
    return result


def _rotated(normals: F64, before: F64, after: F64) -> F64:
    """(k, 3) normals under the least rotation from one unit direction to the other (Rodrigues), at unit length."""
    axis = np.cross(before, after)
    cosine = np.einsum("ij,ij->i", before, after)[:, None]
    along = np.einsum("ij,ij->i", axis, normals)[:, None]
    turned = normals * cosine + np.cross(axis, normals) + axis * along / np.maximum(1.0 + cosine, 1e-9)
    turned = np.where(cosine < -0.999999, -normals, turned)
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    unit: F64 = np.where(length > 1e-12, turned / np.maximum(length, 1e-12), after)
    return unit
