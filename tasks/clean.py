"""Clean: welds, drops degenerate and duplicate faces and floaters, and turns faces to a consistent outward winding."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, Asset, InputError, Part, make_part
from tasks.topology import (
    F64,
    Bool,
    component_boxes,
    degenerate_faces,
    duplicate_faces,
    face_components,
    half_edges,
    weld,
)
from tasks.winding import winding_flips

MAX_FLIP_PASSES = 4  # a row of collinear vertices on one edge needs one pass each; CAD files have two or three


@dataclass(frozen=True)
class CleanOptions:
    """What to mend; lengths are shares of the asset's diagonal."""

    weld_tolerance: float = field(
        default=1e-6,
        metadata={"min": 0.0, "max": 0.01, "help": "merge positions closer than this share of the diagonal"},
    )
    drop_degenerate: bool = field(default=True, metadata={"help": "drop faces without area"})
    drop_duplicates: bool = field(default=True, metadata={"help": "drop faces that repeat another one"})
    fix_winding: bool = field(default=True, metadata={"help": "make winding consistent, closed components outward"})
    drop_floaters: float = field(
        default=0.0,
        metadata={"min": 0.0, "max": 0.5, "help": "drop components smaller than this share of the diagonal"},
    )


def clean(asset: Asset, options: CleanOptions = CleanOptions()) -> Asset:
    """The asset with each part mended and empty parts dropped; UV and normal seams stay as they are.

    Raises InputError `mesh.no-faces` when nothing is left, and what `make_part` raises for a malformed part.
    """
    for part in asset.parts:
        make_part(part.vertices, part.faces)
    low, high = asset.bounds()
    diagonal = float(np.linalg.norm(high - low))
    done: Counter[str] = Counter()
    parts = [_clean_part(part, options, diagonal, done) for part in asset.parts]
    kept = tuple(part for part in parts if len(part.faces))
    if not kept:
        raise InputError("mesh.no-faces", f"none of {asset.face_count} faces is left after cleaning")
    done["dropped empty parts"] = len(parts) - len(kept)
    note = ", ".join(f"{what}: {count}" for what, count in done.items() if count)
    return replace(asset, parts=kept).noted(clean=note or "nothing to do")


def _clean_part(part: Part, options: CleanOptions, diagonal: float, done: Counter[str]) -> Part:
    """One part through all mends; `welded` is its connectivity by position, `part.faces` indexes split vertices."""
    points, welded, inverse = weld(part.vertices, part.faces, options.weld_tolerance * diagonal)
    part = replace(part, vertices=points[inverse])
    positions = points.astype(np.float64)
    if options.drop_degenerate:
        part, welded = _drop_degenerate(part, welded, positions, done)
    if options.drop_duplicates:
        part, welded = _keep(part, welded, ~duplicate_faces(welded), "dropped duplicate faces", done)
    if options.drop_floaters > 0.0:
        large = _large_faces(positions, welded, options.drop_floaters * diagonal)
        part, welded = _keep(part, welded, large, "dropped floating faces", done)
    if options.fix_winding:
        flips, components = winding_flips(positions, welded)
        done["components with flipped faces"] += components
        part = _reverse(part, flips)
    return _compact(part, distinct_rows(part), done)


def _keep(part: Part, welded: I32, keep: Bool, what: str, done: Counter[str]) -> tuple[Part, I32]:
    done[what] += int((~keep).sum())
    return part.with_faces(part.faces[keep]), welded[keep]


def _drop_degenerate(part: Part, welded: I32, positions: F64, done: Counter[str]) -> tuple[Part, I32]:
    """Faces without area go; one whose middle corner lies on its long edge first hands that corner to the neighbour,
    so that a closed mesh stays closed instead of gaining a slit.
    """
    before = len(welded)
    for _ in range(MAX_FLIP_PASSES):
        flat = degenerate_faces(positions, welded)
        if not flat.any():
            break
        collapsed = (welded == np.roll(welded, 1, axis=1)).any(axis=1)
        caps = np.flatnonzero(flat & ~collapsed).astype(np.int32)
        faces, welded = part.faces.copy(), welded.copy()
        flipped = _flip_caps(faces, welded, positions, caps, flat)
        part, welded = part.with_faces(faces[~collapsed]), welded[~collapsed]
        if not flipped:
            break
    flat = degenerate_faces(positions, welded)
    part, welded = part.with_faces(part.faces[~flat]), welded[~flat]
    done["dropped degenerate faces"] += before - len(welded)
    return part, welded


def _flip_caps(faces: I32, welded: I32, positions: F64, caps: I32, flat: Bool) -> int:
    """Flip the long edge of each cap (a, b, c), c between a and b, in place; returns how many could be flipped.

    With its neighbour (b, a, d) it becomes (b, c, d) and (c, a, d). Caps on a seam, on an open or non-manifold edge,
    or beside another flat face stay.
    """
    offsets, halves = half_edges(welded, len(positions))
    edge_of = np.full(3 * len(faces), -1, np.int32)
    edge_of[halves] = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
    used = flat.copy()
    flipped = 0
    for cap in caps:
        corners = positions[welded[cap]]
        k = int(np.argmax(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)))
        edge = edge_of[3 * cap + k]
        pair = halves[offsets[edge] : offsets[edge + 1]]
        if len(pair) != 2:
            continue
        other = int(pair[0] if pair[1] == 3 * cap + k else pair[1])
        beside, j = other // 3, other % 3
        a, b, c = (faces[cap, (k + i) % 3] for i in range(3))
        if used[beside] or faces[beside, j] != b or faces[beside, (j + 1) % 3] != a:
            continue
        used[beside] = True
        flipped += 1
        for table in (faces, welded):
            a, b, c = (int(table[cap, (k + i) % 3]) for i in range(3))
            d = int(table[beside, (j + 2) % 3])
            table[cap], table[beside] = (b, c, d), (c, a, d)
    return flipped


def _large_faces(positions: F64, welded: I32, size: float) -> Bool:
    """(m,) True for faces of components whose box diagonal reaches `size` metres."""
    labels = face_components(welded, *half_edges(welded, len(positions)))
    count = int(labels.max(initial=-1)) + 1
    low, high = component_boxes(positions, welded, labels, count)
    large = np.append(np.linalg.norm(high - low, axis=1) >= size, False)  # the last entry serves label −1
    keep: Bool = large[labels]
    return keep


def _reverse(part: Part, flips: Bool) -> Part:
    """The part with faces reversed, on vertices of their own whose normals look out of the new side."""
    if not flips.any():
        return part
    faces = part.faces.copy()
    faces[flips] = faces[flips][:, ::-1]
    if part.normals is None:
        return part.with_faces(faces)
    turned = faces[flips]
    corners = part.vertices[turned].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    agree = np.zeros(len(part.vertices))
    for corner in range(3):
        np.add.at(agree, turned[:, corner], np.einsum("ij,ij->i", cross, part.normals[turned[:, corner]]))
    faces[flips] += len(part.vertices)
    twice = _take(part, np.tile(np.arange(len(part.vertices)), 2))
    normals = np.concatenate([part.normals, np.where(agree[:, None] < 0.0, -part.normals, part.normals)])
    return replace(twice, faces=faces, normals=normals.astype(np.float32))


def distinct_rows(part: Part) -> I32:
    """(n,) the first vertex with the same position, normal, UV and colour as each vertex."""
    none = np.zeros((0, 3), np.int32)
    count = len(part.vertices)
    uv = np.zeros((count, 2)) if part.uv is None else part.uv.astype(np.float64)
    packed = np.zeros(count) if part.colors is None else np.ascontiguousarray(part.colors).view(np.uint32)[:, 0]
    columns = [part.vertices, np.column_stack([uv, packed])]
    if part.normals is not None:
        columns.append(part.normals)
    ids = np.zeros((count, 3))
    for i, column in enumerate(columns):
        ids[:, i] = weld(np.asarray(column, np.float64), none)[2]
    first = np.full(count, -1, np.int32)
    inverse = weld(ids, none)[2]
    first[inverse[::-1]] = np.arange(count - 1, -1, -1, dtype=np.int32)
    rows: I32 = first[inverse]
    return rows


def _compact(part: Part, rows: I32, done: Counter[str]) -> Part:
    """The part over one vertex for each distinct row in use."""
    faces = rows[part.faces]
    used = np.zeros(len(part.vertices), np.bool_)
    used[faces] = True
    done["merged or unused vertices"] += len(used) - int(used.sum())
    order = np.flatnonzero(used)
    position = np.cumsum(used) - 1
    return replace(_take(part, order), faces=position[faces].astype(np.int32).reshape(-1, 3))


def _take(part: Part, rows: npt.NDArray[np.integer]) -> Part:
    """The part with its vertex attributes gathered; faces are left to the caller."""

    def gather(values: F32) -> F32:
        return np.ascontiguousarray(values[rows])

    return replace(
        part,
        vertices=gather(part.vertices),
        normals=None if part.normals is None else gather(part.normals),
        uv=None if part.uv is None else gather(part.uv),
        colors=None if part.colors is None else part.colors[rows],
    )
