"""What every exported surface has: no zero-area faces, no unused vertices, unit normals, no map without coordinates."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np

from ml.asset import F32, Asset, InputError, Part
from ml.normals import face_crosses, repaired_normals
from tasks.normals import split_hard_edges
from tasks.replacement import without_maps

_KEPT: dict[int, tuple[weakref.ref[Asset], Asset]] = {}


def drawable(asset: Asset) -> Asset:
    """The asset as exporters write it, parts without a face left out; raises InputError `mesh.no-faces`.

    Faces of zero area and vertices no face uses have no normal, and a zero normal is an error in a validated file.
    The result is kept as long as the asset lives: its formats share 0.05 s of work on 500k faces, 0.23 without normals.
    """
    key = id(asset)
    kept = _KEPT.get(key)
    if kept is None or kept[0]() is not asset:
        kept = _KEPT[key] = (weakref.ref(asset, lambda _: _KEPT.pop(key, None)), _drawable_asset(asset))
    return kept[1]


def _drawable_asset(asset: Asset) -> Asset:
    parts = tuple(part for part in map(_drawable_part, asset.parts) if len(part.faces))
    if not parts:
        raise InputError("mesh.no-faces", "the asset has no face with an area")
    return replace(asset, parts=parts)


def _drawable_part(part: Part) -> Part:
    solid = face_crosses(part.vertices, part.faces).any(axis=1)
    part = compact(part if solid.all() else part.with_faces(part.faces[solid]))
    if part.normals is None:
        part = split_hard_edges(part)
        assert part.normals is not None
    normals = repaired_normals(part.normals, part.vertices, part.faces)
    part = replace(part, uv=_finite(part.uv), uv1=_finite(part.uv1))
    if (part.uv is None and part.material.textures) or part.material.looks is not None:
        part = replace(part, material=without_maps(part.material))
    return part if normals is part.normals else replace(part, normals=normals)


def _finite(uv: F32 | None) -> F32 | None:
    """Coordinates with 0 for those that are no numbers, which no format can say; themselves when all are."""
    return uv if uv is None or np.isfinite(uv).all() else np.nan_to_num(uv, nan=0.0, posinf=0.0, neginf=0.0)


def compact(part: Part) -> Part:
    """The part without vertices that no face uses; itself when all are in use."""
    used = np.zeros(len(part.vertices), dtype=bool)
    used[part.faces.reshape(-1)] = True
    if used.all():
        return part
    rank = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return replace(
        part,
        vertices=part.vertices[used],
        faces=np.ascontiguousarray(rank[part.faces], dtype=np.int32),
        normals=None if part.normals is None else part.normals[used],
        uv=None if part.uv is None else part.uv[used],
        uv1=None if part.uv1 is None else part.uv1[used],
        colors=None if part.colors is None else part.colors[used],
    )
