"""All parts of an asset as one mesh whose corners carry wedges, and parts made again from what is left of it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, Part, make_part
from ml.normals import repaired_normals
from tasks.normals import smooth_groups
from tasks.topology import F64, I64, Bool, degenerate_faces, duplicate_faces, topology, weld
from tasks.wedges import corner_wedges

SAME_NORMAL_DEGREES = 35.0  # corners whose normals lie within this are one smooth surface, as in split_hard_edges
# Columns of the attribute table: corners of a wedge share the first EXACT of them, and have alike normals.
UV, COLOR, UV1, EXACT, NORMAL, COLUMNS = slice(0, 2), slice(2, 6), slice(6, 8), 8, slice(8, 11), 11


class Soup(NamedTuple):
    """All parts of an asset as one mesh."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    rows: I32  # (m, 3) vertex of each corner in the parts one after the other
    owner: I32  # (m,) part


def join_parts(asset: Asset) -> Soup:
    """Points and proper faces of all parts; raises InputError `mesh.*` for what is no mesh.

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


def proper_faces(vertices: F32 | F64, faces: I32) -> tuple[F64, I32, I64]:
    """The faces joined by position, without degenerate and duplicate ones, and which of those given they are."""
    points, joined, _ = weld(vertices.astype(np.float64), faces)
    kept = np.flatnonzero(~degenerate_faces(points, joined))
    joined = joined[kept]
    unique: Bool = ~duplicate_faces(joined)
    return points, joined[unique], kept[unique]


def attribute_table(asset: Asset) -> F64:
    """(r, COLUMNS) UVs, colour and normal of every vertex of all parts; a constant where a part has none."""
    table = np.zeros((asset.vertex_count, COLUMNS))
    table[:, COLUMNS - 1] = 1.0
    start = 0
    for part in asset.parts:
        rows = table[start : start + len(part.vertices)]
        for columns, values in ((UV, part.uv), (COLOR, part.colors), (UV1, part.uv1)):
            if values is not None:
                rows[:, columns] = values
        if part.normals is not None:
            rows[:, NORMAL] = repaired_normals(part.normals, part.vertices, part.faces)
        start += len(part.vertices)
    return table


def soup_wedges(soup: Soup, attributes: F64 | None, hard_edges: float = 0.0) -> tuple[I32, F64]:
    """Wedge of each corner (m, 3) and the attributes (w, COLUMNS) of each wedge, or (w, 0) where none are kept.

    Borders between parts are seams, and so are edges of more than `hard_edges` degrees unless that is 0.
    """
    table = np.zeros((int(soup.rows.max(initial=-1)) + 1, 0)) if attributes is None else attributes
    label = np.repeat(soup.owner[:, None].astype(np.int64), 3, axis=1)
    if hard_edges:
        groups = smooth_groups(soup.points, soup.faces, hard_edges)
        label += groups.astype(np.int64) * (int(soup.owner.max()) + 1)
    cosine = np.cos(np.radians(SAME_NORMAL_DEGREES))
    wedges, first = corner_wedges(soup.faces, soup.rows, table[:, :EXACT], table[:, NORMAL], label, cosine)
    return wedges, table[first]


def dressed_part(part: Part, points: F64, faces: I32, wedges: I32, values: F64) -> Part:
    """The part with other faces (m, 3) over one vertex a wedge, with its attributes (w, COLUMNS)."""
    used, first, inverse = np.unique(wedges, return_index=True, return_inverse=True)
    vertices = points[faces.reshape(-1)[first]].astype(np.float32)
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    table = values[used].astype(np.float32)
    normals = None if part.normals is None else repaired_normals(table[:, NORMAL], vertices, triangles)
    return replace(
        part,
        vertices=vertices,
        faces=triangles,
        normals=normals,
        uv=None if part.uv is None else np.ascontiguousarray(table[:, UV]),
        uv1=None if part.uv1 is None else np.ascontiguousarray(table[:, UV1]),
        colors=None if part.colors is None else _bytes(table[:, COLOR]),
    )


def _bytes(values: npt.NDArray[np.floating]) -> U8:
    rounded: U8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return rounded
