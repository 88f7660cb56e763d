"""Inside-out pieces: closed or nearly closed pieces of an asset whose faces look inward and that are no cavity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.asset import I32, Part
from tasks.shells import depths
from tasks.topology import F64, Bool, face_components, half_edges, weld

# A piece is judged by the volume that its rims' middle closes it to when no more than this share of its edges is rim,
# and that no longer than its box's diagonal: a hole left by deleted faces, not the mouth of a bowl of single faces.
MOST_RIM = 0.1
# Volume, in cubes of its box's diagonal, that a piece has to have: rounding makes about 1e-13, and what an open piece
# encloses is only known roughly.
LEAST_CLOSED, LEAST_OPEN = 1e-9, 1e-4


def inside_out_pieces(parts: Sequence[Part]) -> int:
    """How many connected pieces enclose a negative volume, walls of cavities left out.

    Pieces are welded by position within each part. A cavity's wall lies in an odd number of other pieces with its box
    inside theirs: a leg whose end only sticks in a seat is none. For parts with finite positions.
    """
    pieces = [_pieces(part) for part in parts if len(part.faces)]
    points = np.concatenate([each[0] for each in pieces])
    starts = np.cumsum([0, *(len(each[0]) for each in pieces)])
    faces = np.concatenate([each[1] + start for each, start in zip(pieces, starts, strict=False)]).astype(np.int32)
    firsts = np.cumsum([0, *(len(each[3]) for each in pieces)])
    labels = [np.where(each[2] < 0, -1, each[2] + first) for each, first in zip(pieces, firsts, strict=False)]
    rim, solid = (np.concatenate([each[k] for each in pieces]) for k in (3, 4))
    label = np.concatenate(labels).astype(np.int32)
    volume, low, high = _volumes(points, faces, label, rim)
    size = np.linalg.norm(high - low, axis=1) ** 3
    solid &= rim[:, 4] <= np.linalg.norm(high - low, axis=1)
    inward = solid & (volume < -np.where(rim[:, 0] > 0, LEAST_OPEN, LEAST_CLOSED) * size)
    if not inward.any():
        return 0
    nested = depths(points, faces, label, solid) % 2 == 1
    outer = np.flatnonzero(solid & (volume > 0.0))
    found = 0
    for piece in np.flatnonzero(inward):
        held = (low[outer] <= low[piece]).all(axis=1) & (high[outer] >= high[piece]).all(axis=1)
        found += not (nested[piece] and held.any())
    return found


def _pieces(part: Part) -> tuple[F64, I32, I32, F64, Bool]:
    """Points, faces, the piece of each face, (k, 5) rim edges of each piece, their middle and length, and which are
    nearly closed."""
    points, faces, _ = weld(part.vertices, part.faces)
    offsets, halves = half_edges(faces, len(points))
    labels = face_components(faces, offsets, halves)
    count = int(labels.max(initial=-1)) + 1
    first, uses = halves[offsets[:-1]], np.diff(offsets)
    owner = labels[first // 3]
    ends = np.stack([faces[first // 3, first % 3], faces[first // 3, (first + 1) % 3]], axis=1)
    edges = np.bincount(owner[owner >= 0], minlength=count)
    on_rim = (uses == 1) & (owner >= 0)
    rims = np.bincount(owner[on_rim], minlength=count)
    ends = points[ends[on_rim]].astype(np.float64)
    sums = [np.bincount(owner[on_rim], ends.mean(axis=1)[:, axis], count) for axis in range(3)]
    lengths = np.bincount(owner[on_rim], np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), count)
    rim = np.column_stack([rims, *(each / np.maximum(rims, 1) for each in sums), lengths])
    manifold = np.bincount(owner[(uses > 2) & (owner >= 0)], minlength=count) == 0
    return points.astype(np.float64), faces, labels, rim, manifold & (rims <= MOST_RIM * edges)


def _volumes(points: F64, faces: I32, labels: I32, rim: F64) -> tuple[F64, F64, F64]:
    """(k,) signed volumes, open pieces closed to their rims' middle, and (k, 3) least and largest corners."""
    count = len(rim)
    kept = labels >= 0
    corners, label = points[faces[kept]], labels[kept]
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    for k in range(3):
        np.minimum.at(low, label, corners[:, k])
        np.maximum.at(high, label, corners[:, k])
    origin = np.where(rim[:, :1] > 0, rim[:, 1:4], low)
    a, b, c = (corners[:, k] - origin[label] for k in range(3))
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    return np.bincount(label, six, count) / 6.0, low, high
