"""Simplify: decimation to a face budget or an error, with or without UVs, and the function that LODs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.asset import F32, I32, Asset, InputError
from tasks.decimate import NO_LIMIT, Decimated, collapse_edges
from tasks.replacement import replaced_part, replaced_parts
from tasks.soup import Soup, attribute_table, dressed_part, join_parts, proper_faces, soup_wedges
from tasks.symmetry import mirror_half, mirrored
from tasks.topology import F64, half_edges, topology


@dataclass(frozen=True)
class SimplifyOptions:
    """How far to go, and what to keep on the way."""

    target_faces: int = field(
        default=20_000, metadata={"min": 4, "max": 5_000_000, "help": "most triangles over all parts"}
    )
    max_error: float = field(
        default=0.0,
        metadata={
            "min": 0.0,
            "max": 1.0,
            "help": "stop before the surface moves more, share of the diagonal; 0: no",
        },
    )
    attributes: Literal["drop", "keep"] = field(
        default="drop",
        metadata={"help": "drop: unwrap and bake anew; keep: UVs, normals and colours"},
    )
    hard_edges: float = field(
        default=0.0, metadata={"min": 0.0, "max": 180.0, "help": "degrees above which an edge keeps its line; 0: none"}
    )
    symmetric: bool = field(
        default=False, metadata={"help": "keep an exact mirror symmetry across x, y or z; needs attributes drop"}
    )


def simplify(asset: Asset, options: SimplifyOptions = SimplifyOptions()) -> Asset:
    """The asset at or below the target; one that already is comes back as the same object.

    All parts are decimated as one, so that triangles stay where the shape needs them: by shares of the budget, an
    engine of 115 parts had its fins torn while its flat plates kept detail nobody sees. Borders between parts keep
    their place. With `attributes` "drop" parts lose UVs, normals and vertex colours; `source` keeps the detailed asset
    so that unwrap and bake restore the look. With "keep" UV seams collapse only along themselves, the same way on both
    sides. `max_error` bounds an estimate, the sum of root mean square distances to the planes collapsed away. With
    `symmetric` one half is collapsed (see `mirror_half`), hard edges or not; the note says where that cannot be. A
    missed target (see `collapse_edges`) and edges that opened are noted, not hidden. Raises InputError `mesh.*`.
    """
    if asset.face_count <= options.target_faces:
        return asset
    soup = join_parts(asset)
    if not len(soup.faces):
        raise InputError("mesh.no-faces", f"none of {asset.face_count} faces has an area")
    keep = options.attributes == "keep"
    wedges, values = soup_wedges(soup, attribute_table(asset) if keep else None, options.hard_edges)
    limit = options.max_error * float(np.linalg.norm(np.ptp(asset.bounds(), axis=0))) if options.max_error else NO_LIMIT
    done, symmetry = None, ""
    if options.symmetric:
        done, symmetry = (None, "not kept: attributes are") if keep else _both_halves(soup, options.target_faces, limit)
    if done is None:
        done = collapse_edges(soup.points, soup.faces, wedges, values, options.target_faces, limit)
    owner = soup.owner[done.origin]
    parts = []
    for index, part in enumerate(asset.parts):
        own = owner == index
        if own.any() and keep:
            parts.append(dressed_part(part, done.points, done.faces[own], done.wedges[own], done.values))
        elif own.any():
            parts.append(replaced_part(part, *_used(done.points, done.faces[own])))
    simplified = replaced_parts(asset, tuple(parts))
    note = f"{asset.face_count} to {simplified.face_count} faces"
    if simplified.face_count > options.target_faces:
        note += f", above the target of {options.target_faces}"
    note += f", symmetry {symmetry}" if symmetry else ""
    opened = max(0, _bad_edges(done.points, done.faces) - _bad_edges(soup.points, soup.faces))
    if opened:
        note += f", {opened} more boundary or non-manifold edges"
    return simplified.noted(simplify=note).measured({"simplify.opened_edges": float(opened)})


def _both_halves(soup: Soup, target: int, limit: float) -> tuple[Decimated | None, str]:
    """One half collapsed to half the target, and its mirror image, or None; and what to note.

    Wedges and values are the half's alone. Where an edge came to lie across the half between two vertices of the
    plane, the halves would share it, and nothing is returned (1 of 40 bumpy tori).
    """
    half = mirror_half(soup.points, soup.faces)
    if half is None:
        return None, "not found"
    flags = half.on_plane.astype(np.float64)[:, None]  # about 1 along the plane, where edges collapse along themselves
    faces = soup.faces[half.faces]
    done = collapse_edges(soup.points, faces, faces, flags, target // 2, limit)
    offsets, halves = half_edges(done.faces, len(done.points))
    rim = halves[offsets[:-1][np.diff(offsets) == 1]]
    ends = np.concatenate([rim, rim - rim % 3 + (rim + 1) % 3])
    along = done.values[done.wedges.reshape(-1)[ends], 0] > 0.5
    on_plane = np.zeros(len(done.points), np.bool_)
    on_plane[done.faces.reshape(-1)[ends[along]]] = True
    points, both = mirrored(half, done.points, done.faces, on_plane)
    origin = np.concatenate([half.faces[done.origin], half.images[done.origin]])
    if _bad_edges(points, both) > _bad_edges(soup.points, soup.faces):
        return None, "not kept: halves would share an edge"
    return done._replace(points=points, faces=both, origin=origin), f"kept across {'xyz'[half.axis]}"


def decimate(vertices: F32 | F64, faces: I32, target: int) -> tuple[F32, I32]:
    """At most `target` triangles (m, 3) over vertices (n, 3) by quadric-error edge collapse (see `collapse_edges`).

    Faces are joined by position first, degenerate and duplicate ones dropped. Closed meshes stay closed and separate
    bodies stay; where that leaves nothing to collapse the result is larger than `target`.
    """
    points, joined, _ = proper_faces(vertices, faces)
    if len(joined) <= target:
        return _used(points, joined)
    return _used(*collapse_edges(points, joined, joined, np.zeros((len(points), 0)), target)[:2])


def _bad_edges(points: F64, faces: I32) -> int:
    found = topology(points, faces)
    return found.boundary_edges + found.nonmanifold_edges


def _used(points: F64, faces: I32) -> tuple[F32, I32]:
    """Vertices that faces use, and the faces over them."""
    used = np.zeros(len(points), np.bool_)
    used[faces] = True
    position = np.cumsum(used) - 1
    return points[used].astype(np.float32), position[faces].astype(np.int32).reshape(-1, 3)
