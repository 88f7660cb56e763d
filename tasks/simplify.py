"""Simplify: quadric-error decimation to a face budget, and the decimation kernel that the levels of detail share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml.asset import F32, I32, Asset, Part, make_part
from tasks.quadric import collapse_edges
from tasks.replacement import replaced_part, replaced_parts
from tasks.topology import F64, degenerate_faces, duplicate_faces, topology, weld

MIN_PART_FACES = 64  # below this a part stops looking like what it is, whatever its share of the budget
TOLERANCE = 1.05  # a result this little above its target counts as reached


@dataclass(frozen=True)
class SimplifyOptions:
    """The budget of the whole asset; parts share it by their number of faces."""

    target_faces: int = field(
        default=20_000, metadata={"min": 4, "max": 5_000_000, "help": "most triangles over all parts"}
    )


def simplify(asset: Asset, options: SimplifyOptions = SimplifyOptions()) -> Asset:
    """The asset at or below the target; one that already is comes back as the same object.

    Simplified parts lose UVs, normals and vertex colours; `source` keeps the detailed asset so that unwrap and bake
    restore the look. A target that was missed by more than 5 % and edges that opened are noted, not hidden.
    """
    if asset.face_count <= options.target_faces:
        return asset
    parts, opened = [], 0
    floor = min(MIN_PART_FACES, options.target_faces // len(asset.parts))
    for part in asset.parts:
        budget = max(floor, options.target_faces * len(part.faces) // asset.face_count)
        if len(part.faces) <= budget:
            parts.append(part)
            continue
        make_part(part.vertices, part.faces)
        vertices, faces = decimate(part.vertices, part.faces, budget)
        opened += _new_bad_edges(part, vertices, faces)
        if len(faces):
            parts.append(replaced_part(part, vertices, faces))
    simplified = replaced_parts(asset, tuple(parts))
    note = f"{asset.face_count} to {simplified.face_count} faces"
    if simplified.face_count > options.target_faces * TOLERANCE:
        note += f", above the target of {options.target_faces}"
    if opened:
        note += f", {opened} more boundary or non-manifold edges"
    return simplified.noted(simplify=note)


def decimate(vertices: F32, faces: I32, target: int) -> tuple[F32, I32]:
    """At most `target` triangles (m, 3) over vertices (n, 3) by quadric-error edge collapse (Garland & Heckbert 1997).

    Faces are joined by position first, degenerate and duplicate ones dropped. Closed meshes stay closed and separate
    bodies stay; where that leaves nothing to collapse the result is larger than `target` (see `collapse_edges`).
    """
    points, joined, _ = weld(vertices.astype(np.float64), faces)
    joined = joined[~degenerate_faces(points, joined)]
    joined = joined[~duplicate_faces(joined)]
    if len(joined) > target:
        origin, size = points[joined[0, 0]], float(np.ptp(points[joined].reshape(-1, 3), axis=0).max())
        points, joined = collapse_edges((points - origin) / size, joined, target)
        points = points * size + origin
        joined = joined[~duplicate_faces(joined)]  # a wrongly wound body can shrink to two equal faces
    return _used(points, joined)


def _bad_edges(points: F64, faces: I32) -> int:
    found = topology(points, faces)
    return found.boundary_edges + found.nonmanifold_edges


def _new_bad_edges(part: Part, vertices: F32, faces: I32) -> int:
    points, welded, _ = weld(part.vertices.astype(np.float64), part.faces)
    return max(0, _bad_edges(vertices.astype(np.float64), faces) - _bad_edges(points, welded))


def _used(points: F64, faces: I32) -> tuple[F32, I32]:
    """Vertices that faces use, and the faces over them."""
    used = np.zeros(len(points), np.bool_)
    used[faces] = True
    position = np.cumsum(used) - 1
    return points[used].astype(np.float32), position[faces].astype(np.int32).reshape(-1, 3)
