"""Simplify: quadric-error decimation to a face budget, and the decimation kernel that the levels of detail share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml.asset import F32, I32, Asset, make_part
from tasks.quadric import collapse_edges
from tasks.replacement import replaced_part, replaced_parts
from tasks.topology import F64, degenerate_faces, duplicate_faces, topology, weld


@dataclass(frozen=True)
class SimplifyOptions:
    """The budget of the whole asset."""

    target_faces: int = field(
        default=20_000, metadata={"min": 4, "max": 5_000_000, "help": "most triangles over all parts"}
    )


def simplify(asset: Asset, options: SimplifyOptions = SimplifyOptions()) -> Asset:
    """The asset at or below the target; one that already is comes back as the same object.

    All parts are decimated as one, so that triangles stay where the shape needs them: by shares of the budget, an
    engine of 115 parts had its fins torn while its flat plates kept detail nobody sees. Simplified parts lose UVs,
    normals and vertex colours; `source` keeps the detailed asset so that unwrap and bake restore the look. A missed
    target (see `collapse_edges`) and edges that opened are noted, not hidden. Raises InputError `mesh.*`.
    """
    if asset.face_count <= options.target_faces:
        return asset
    soup = _soup(asset)
    points, faces, owner = _decimated(*soup, options.target_faces)
    parts = []
    for index, part in enumerate(asset.parts):
        own = faces[owner == index]
        if len(own):
            parts.append(replaced_part(part, *_used(points, own)))
    simplified = replaced_parts(asset, tuple(parts))
    note = f"{asset.face_count} to {simplified.face_count} faces"
    if simplified.face_count > options.target_faces:
        note += f", above the target of {options.target_faces}"
    opened = max(0, _bad_edges(points, faces) - _bad_edges(*soup[:2]))
    if opened:
        note += f", {opened} more boundary or non-manifold edges"
    return simplified.noted(simplify=note).measured({"simplify.opened_edges": float(opened)})


def decimate(vertices: F32, faces: I32, target: int) -> tuple[F32, I32]:
    """At most `target` triangles (m, 3) over vertices (n, 3) by quadric-error edge collapse (Garland & Heckbert 1997).

    Faces are joined by position first, degenerate and duplicate ones dropped. Closed meshes stay closed and separate
    bodies stay; where that leaves nothing to collapse the result is larger than `target` (see `collapse_edges`).
    """
    points, joined = _proper(vertices, faces)
    points, joined, _ = _decimated(points, joined, np.zeros(len(joined), np.int32), target)
    return _used(points, joined)


def _decimated(points: F64, faces: I32, owner: I32, target: int) -> tuple[F64, I32, I32]:
    """The soup with at most `target` faces, where possible: points, faces, owner of each."""
    if len(faces) <= target:
        return points, faces, owner
    origin, size = points[faces[0, 0]], float(np.ptp(points[faces].reshape(-1, 3), axis=0).max())
    points, faces, alive = collapse_edges((points - origin) / size, faces, owner, target)
    faces, owner = faces[alive], owner[alive]
    unique = ~duplicate_faces(faces)  # a wrongly wound body can shrink to two equal faces
    return points * size + origin, faces[unique], owner[unique]


def _soup(asset: Asset) -> tuple[F64, I32, I32]:
    """Points, proper faces and the part of each face.

    Open parts are joined where they meet, because materials cut one surface into several; closed parts stay apart, or
    a leg would turn non-manifold where it touches its seat.
    """
    pieces = [_proper(make_part(part.vertices, part.faces).vertices, part.faces) for part in asset.parts]
    closed = [topology(*piece).closed for piece in pieces]
    order = np.argsort(closed, kind="stable")
    starts = np.cumsum([0, *(len(pieces[i][0]) for i in order)])
    points = np.concatenate([pieces[i][0] for i in order])
    faces = np.concatenate([pieces[i][1] + start for i, start in zip(order, starts, strict=False)])
    owner = np.repeat(order, [len(pieces[i][1]) for i in order]).astype(np.int32)
    border = int(starts[closed.count(False)])
    together, _, inverse = weld(points[:border], faces[:0])
    inverse = np.concatenate([inverse, np.arange(len(points) - border) + len(together)])
    return np.concatenate([together, points[border:]]), inverse[faces].astype(np.int32), owner


def _proper(vertices: F32, faces: I32) -> tuple[F64, I32]:
    """The faces joined by position, without degenerate and duplicate ones."""
    points, joined, _ = weld(vertices.astype(np.float64), faces)
    joined = joined[~degenerate_faces(points, joined)]
    return points, joined[~duplicate_faces(joined)]


def _bad_edges(points: F64, faces: I32) -> int:
    found = topology(points, faces)
    return found.boundary_edges + found.nonmanifold_edges


def _used(points: F64, faces: I32) -> tuple[F32, I32]:
    """Vertices that faces use, and the faces over them."""
    used = np.zeros(len(points), np.bool_)
    used[faces] = True
    position = np.cumsum(used) - 1
    return points[used].astype(np.float32), position[faces].astype(np.int32).reshape(-1, 3)
