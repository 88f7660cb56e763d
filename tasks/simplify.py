"""Simplify: decimation to a face budget or an error, with or without UVs, and the function that LODs share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, InputError, Part, make_part
from ml.normals import repaired_normals
from tasks.decimate import NO_LIMIT, Decimated, collapse_edges
from tasks.normals import smooth_groups
from tasks.replacement import replaced_part, replaced_parts
from tasks.topology import F64, I64, Bool, degenerate_faces, duplicate_faces, topology, weld
from tasks.wedges import corner_wedges

SAME_NORMAL_DEGREES = 35.0  # corners whose normals lie within this are one smooth surface, as in split_hard_edges


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


def simplify(asset: Asset, options: SimplifyOptions = SimplifyOptions()) -> Asset:
    """The asset at or below the target; one that already is comes back as the same object.

    All parts are decimated as one, so that triangles stay where the shape needs them: by shares of the budget, an
    engine of 115 parts had its fins torn while its flat plates kept detail nobody sees. Borders between parts keep
    their place. With `attributes` "drop" parts lose UVs, normals and vertex colours; `source` keeps the detailed asset
    so that unwrap and bake restore the look. With "keep" UV seams collapse only along themselves, the same way on both
    sides. `max_error` bounds an estimate, the sum of root mean square distances to the planes collapsed away. A missed
    target (see `collapse_edges`) and edges that opened are noted, not hidden. Raises InputError `mesh.*`.
    """
    if asset.face_count <= options.target_faces:
        return asset
    soup = _soup(asset)
    if not len(soup.faces):
        raise InputError("mesh.no-faces", f"none of {asset.face_count} faces has an area")
    keep = options.attributes == "keep"
    done, values = _decimated(soup, options, _attributes(asset) if keep else None)
    owner = soup.owner[done.origin]
    parts = []
    for index, part in enumerate(asset.parts):
        own = owner == index
        if own.any() and keep:
            parts.append(_dressed(part, done.points, done.faces[own], done.wedges[own], values))
        elif own.any():
            parts.append(replaced_part(part, *_used(done.points, done.faces[own])))
    simplified = replaced_parts(asset, tuple(parts))
    note = f"{asset.face_count} to {simplified.face_count} faces"
    if simplified.face_count > options.target_faces:
        note += f", above the target of {options.target_faces}"
    opened = max(0, _bad_edges(done.points, done.faces) - _bad_edges(soup.points, soup.faces))
    if opened:
        note += f", {opened} more boundary or non-manifold edges"
    return simplified.noted(simplify=note).measured({"simplify.opened_edges": float(opened)})


def decimate(vertices: F32 | F64, faces: I32, target: int) -> tuple[F32, I32]:
    """At most `target` triangles (m, 3) over vertices (n, 3) by quadric-error edge collapse (see `collapse_edges`).

    Faces are joined by position first, degenerate and duplicate ones dropped. Closed meshes stay closed and separate
    bodies stay; where that leaves nothing to collapse the result is larger than `target`.
    """
    points, joined, _ = proper_faces(vertices, faces)
    if len(joined) <= target:
        return _used(points, joined)
    return _used(*_scaled(points, joined, joined, np.zeros((len(points), 0)), target)[:2])


class Soup(NamedTuple):
    """All parts of an asset as one mesh."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    rows: I32  # (m, 3) vertex of each corner in the parts one after the other
    owner: I32  # (m,) part


def _soup(asset: Asset) -> Soup:
    """Points and proper faces of all parts.

    Open parts are joined where they meet, because materials cut one surface into several; closed parts stay apart, or
    a leg would turn non-manifold where it touches its seat.
    """
    pieces = [proper_faces(make_part(part.vertices, part.faces).vertices, part.faces) for part in asset.parts]
    firsts = np.cumsum([0, *(len(part.vertices) for part in asset.parts)])
    closed = [topology(*piece[:2]).closed for piece in pieces]
    order = np.argsort(closed, kind="stable")
    starts = np.cumsum([0, *(len(pieces[i][0]) for i in order)])
    points = np.concatenate([pieces[i][0] for i in order])
    faces = np.concatenate([pieces[i][1] + start for i, start in zip(order, starts, strict=False)])
    rows = np.concatenate([asset.parts[i].faces[pieces[i][2]] + firsts[i] for i in order])
    owner = np.repeat(order, [len(pieces[i][1]) for i in order]).astype(np.int32)
    border = int(starts[closed.count(False)])
    together, _, inverse = weld(points[:border], faces[:0])
    inverse = np.concatenate([inverse, np.arange(len(points) - border) + len(together)])
    points = np.concatenate([together, points[border:]])
    return Soup(points, inverse[faces].astype(np.int32), rows.astype(np.int32), owner)


def _decimated(soup: Soup, options: SimplifyOptions, attributes: F64 | None) -> tuple[Decimated, F64]:
    """What is left of the soup, and the attributes (w, 9) of its wedges."""
    exact = np.zeros((int(soup.rows.max()) + 1, 0)) if attributes is None else attributes[:, :6]
    normals = exact[:, :0] if attributes is None else attributes[:, 6:]
    label = np.repeat(soup.owner[:, None].astype(np.int64), 3, axis=1)
    if options.hard_edges:
        groups = smooth_groups(soup.points, soup.faces, options.hard_edges)
        label += groups.astype(np.int64) * (int(soup.owner.max()) + 1)
    cosine = np.cos(np.radians(SAME_NORMAL_DEGREES))
    wedges, first = corner_wedges(soup.faces, soup.rows, exact, normals, label, cosine)
    values = (exact if attributes is None else attributes)[first]
    done = _scaled(soup.points, soup.faces, wedges, values, options.target_faces, options.max_error)
    return done, done.values


def _scaled(points: F64, faces: I32, wedges: I32, values: F64, target: int, max_error: float = 0.0) -> Decimated:
    """`collapse_edges` on the mesh moved to the origin and scaled to size 1; `max_error` is a share of its diagonal."""
    used = np.zeros(len(points), np.bool_)
    used[faces] = True
    low, high = (np.array([extreme(points[used, k]) for k in range(3)]) for extreme in (np.min, np.max))
    size = float((high - low).max())
    limit = max_error * float(np.linalg.norm(high - low)) / size if max_error else NO_LIMIT
    done = collapse_edges((points - low) / size, faces, wedges, values, target, limit)
    unique = ~duplicate_faces(done.faces)  # a wrongly wound body can shrink to two equal faces
    return done._replace(
        points=done.points * size + low,
        faces=done.faces[unique],
        wedges=done.wedges[unique],
        origin=done.origin[unique],
    )


def _attributes(asset: Asset) -> F64:
    """(r, 9) UV, colour and normal of every vertex of all parts; a constant where a part has none."""
    table = np.zeros((asset.vertex_count, 9))
    table[:, 8] = 1.0
    start = 0
    for part in asset.parts:
        rows = slice(start, start + len(part.vertices))
        if part.uv is not None:
            table[rows, :2] = part.uv
        if part.colors is not None:
            table[rows, 2:6] = part.colors
        if part.normals is not None:
            table[rows, 6:] = repaired_normals(part.normals, part.vertices, part.faces)
        start += len(part.vertices)
    return table


def _dressed(part: Part, points: F64, faces: I32, wedges: I32, values: F64) -> Part:
    """The part over one vertex a wedge, with its attributes."""
    used, first, inverse = np.unique(wedges, return_index=True, return_inverse=True)
    vertices = points[faces.reshape(-1)[first]].astype(np.float32)
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    table = values[used].astype(np.float32)
    normals = None if part.normals is None else repaired_normals(table[:, 6:], vertices, triangles)
    return replace(
        part,
        vertices=vertices,
        faces=triangles,
        normals=normals,
        uv=None if part.uv is None else np.ascontiguousarray(table[:, :2]),
        colors=None if part.colors is None else _bytes(table[:, 2:6]),
    )


def _bytes(values: npt.NDArray[np.floating]) -> U8:
    rounded: U8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return rounded


def proper_faces(vertices: F32 | F64, faces: I32) -> tuple[F64, I32, I64]:
    """The faces joined by position, without degenerate and duplicate ones, and which of those given they are."""
    points, joined, _ = weld(vertices.astype(np.float64), faces)
    kept = np.flatnonzero(~degenerate_faces(points, joined))
    joined = joined[kept]
    unique: Bool = ~duplicate_faces(joined)
    return points, joined[unique], kept[unique]


def _bad_edges(points: F64, faces: I32) -> int:
    found = topology(points, faces)
    return found.boundary_edges + found.nonmanifold_edges


def _used(points: F64, faces: I32) -> tuple[F32, I32]:
    """Vertices that faces use, and the faces over them."""
    used = np.zeros(len(points), np.bool_)
    used[faces] = True
    position = np.cumsum(used) - 1
    return points[used].astype(np.float32), position[faces].astype(np.int32).reshape(-1, 3)
