"""Polygons of any size to triangles, in bulk: fans where one stays inside the polygon, ear clipping where none does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Above these sizes a concave polygon gets a plain fan: searching is quadratic, and real polygons this large are caps.
MAX_FAN_SEARCH = 64
MAX_EAR_CLIP = 512


def triangulate(points: F64, counts: npt.NDArray[Any]) -> tuple[I64, I64]:
    """Triangles of polygons given corner by corner: (t, 3) indices into the corners, and (t,) the polygon of each.

    `points` (c, 3) are the corners' positions, `counts` (p,) how many belong to each polygon; those with fewer than
    three give no triangle. Triangles come in polygon order and keep the winding.
    """
    counts = np.asarray(counts, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    triangles, owners = [np.empty((0, 3), np.int64)], [np.empty(0, np.int64)]
    for size in np.unique(counts[counts >= 3]).tolist():
        polygons = np.flatnonzero(counts == size)
        corners = starts[polygons, None] + np.arange(size)
        triangles.append(_same_size(points, corners).reshape(-1, 3))
        owners.append(np.repeat(polygons, size - 2))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(triangles)[order], owner[order]


def _same_size(points: F64, corners: I64) -> I64:
    """(p, n) corner indices of n-gons to (p, n − 2, 3) triangles."""
    size = corners.shape[1]
    result = _fans(corners)
    if size == 3:
        return result
    open_ = np.flatnonzero(~_stays_inside(points, result))
    for apex in range(1, size if size <= MAX_FAN_SEARCH else 0):
        if not len(open_):
            break
        turned = _fans(np.roll(corners[open_], -apex, axis=1))
        good = _stays_inside(points, turned)
        result[open_[good]] = turned[good]
        open_ = open_[~good]
    if size <= MAX_EAR_CLIP:
        for polygon in open_.tolist():
            result[polygon] = corners[polygon][_clip_ears(points[corners[polygon]])]
    return result


def _fans(corners: I64) -> I64:
    first = np.broadcast_to(corners[:, :1], (len(corners), corners.shape[1] - 2))
    return np.stack([first, corners[:, 1:-1], corners[:, 2:]], axis=2)


def _stays_inside(points: F64, fans: I64) -> npt.NDArray[np.bool_]:
    """Whether all triangles of each fan face the way their polygon does; their crosses sum to its Newell normal."""
    a, b, c = (points[fans[:, :, corner]] for corner in range(3))
    crosses = np.cross(b - a, c - a)
    along = np.einsum("ptk,pk->pt", crosses, crosses.sum(axis=1))
    return np.asarray((along >= 0).all(axis=1))


def _clip_ears(points: F64) -> I64:
    """Triangles (n − 2, 3) of one simple polygon (n, 3), by ear clipping in the plane it faces most."""
    after = np.roll(points, -1, axis=0)
    normal = np.cross(points - points[0], after - points[0]).sum(axis=0)
    axis = int(np.abs(normal).argmax())
    u, v = ((1, 2), (2, 0), (0, 1))[axis]
    flat = points[:, [u, v]] * (1.0, 1.0 if normal[axis] >= 0 else -1.0)
    left, triangles = list(range(len(points))), []
    while len(left) > 3:
        ear = next((at for at in range(len(left)) if _is_ear(flat, left, at)), 0)
        triangles.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    return np.array([*triangles, tuple(left)], dtype=np.int64)


def _is_ear(flat: F64, left: list[int], at: int) -> bool:
    a, b, c = flat[left[at - 1]], flat[left[at]], flat[left[(at + 1) % len(left)]]
    if _side(a, b, c) <= 0:
        return False
    others = flat[[k for k in left if k not in (left[at - 1], left[at], left[(at + 1) % len(left)])]]
    inside = (_side(a, b, others) >= 0) & (_side(b, c, others) >= 0) & (_side(c, a, others) >= 0)
    return not bool(inside.any())


def _side(a: F64, b: F64, p: F64) -> Any:
    return (b[0] - a[0]) * (p[..., 1] - a[1]) - (b[1] - a[1]) * (p[..., 0] - a[0])


def distinct_rows(rows: I64) -> tuple[I64, I64]:
    """First position and inverse of the distinct rows (n ≥ 1, k), in the order of their columns, joined two at a time.

    A column that begins with −1 is left out.
    """
    key = rows[:, 0]
    for column in range(1, rows.shape[1]):
        if rows[0, column] >= 0:
            _, key = np.unique(key, return_inverse=True)
            key = key * (int(rows[:, column].max()) + 1) + rows[:, column]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first, inverse
