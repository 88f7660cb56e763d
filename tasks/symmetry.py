"""Mirror symmetry of a mesh across a plane of the axes: found by matching vertices, kept by working on one half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import I32
from tasks.topology import F64, Bool, weld

TOLERANCE = 1e-5  # of the diagonal: a hundred times what float32 loses, a hundredth of what one sees


@dataclass(frozen=True)
class Half:
    """The side of a symmetric mesh with the larger coordinates, and what makes the other of it."""

    axis: int
    middle: float  # m, where the plane meets the axis
    on_plane: Bool  # (n,) vertices that are their own mirror image
    faces: I32  # (h,) the side's faces
    images: I32  # (h,) and the faces that mirror them


def mirror_half(points: F64, faces: I32) -> Half | None:
    """The half of faces (m, 3) over welded points (n, 3) on one side of the first of the planes x, y, z = middle of the
    box that maps every vertex to one within TOLERANCE and every face to a face; None where there is none.

    Also None for a mesh with faces in the plane or across it: there is no half to work on.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    reach = TOLERANCE * float(np.linalg.norm(high - low))
    for axis in range(3):
        middle = float(0.5 * (low[axis] + high[axis]))
        partner = _partners(points, axis, middle, reach)
        image = None if partner is None else _images(faces, partner)
        if partner is None or image is None:
            continue
        on_plane = partner == np.arange(len(points))
        beyond, before = ((points[:, axis] > middle) & ~on_plane, (points[:, axis] < middle) & ~on_plane)
        sides = beyond[faces].any(axis=1), before[faces].any(axis=1)
        if (sides[0] ^ sides[1]).all():
            chosen = np.flatnonzero(sides[0]).astype(np.int32)
            return Half(axis, middle, on_plane, chosen, image[chosen])
    return None


def mirrored(half: Half, points: F64, faces: I32, on_plane: Bool) -> tuple[F64, I32]:
    """Both sides (2·h faces, the images after the given ones) of a half's faces (h, 3), joined in its plane vertices,
    which are put into the plane.
    """
    points = points.copy()
    points[on_plane, half.axis] = half.middle
    other = points[~on_plane]
    other[:, half.axis] = 2.0 * half.middle - other[:, half.axis]
    number = np.arange(len(points))
    number[~on_plane] = len(points) + np.arange(len(other))
    return np.concatenate([points, other]), np.concatenate([faces, number[faces][:, ::-1]]).astype(np.int32)


def _partners(points: F64, axis: int, middle: float, reach: float) -> I32 | None:
    """(n,) the vertex at each vertex' mirror image; None unless that pairs them all."""
    image = points.copy()
    image[:, axis] = 2.0 * middle - image[:, axis]
    kept, _, inverse = weld(np.concatenate([points, image]), np.zeros((0, 3), np.int32), reach)
    count = len(points)
    partner = inverse[count:]
    if len(kept) != count or not np.array_equal(inverse[:count], np.arange(count)):
        return None
    return partner if np.array_equal(partner[partner], np.arange(count)) else None


def _images(faces: I32, partner: I32) -> I32 | None:
    """(m,) the face that mirrors each face, or None where one has none."""
    own, other = _cyclic(faces), _cyclic(partner[faces][:, ::-1])
    first, second = np.lexsort(own.T), np.lexsort(other.T)
    if not np.array_equal(own[first], other[second]):
        return None
    image = np.empty(len(faces), np.int32)
    image[second] = first
    return image


def _cyclic(faces: I32) -> I32:
    """Faces from their lowest vertex on."""
    start = faces.argmin(axis=1)[:, None]
    return np.take_along_axis(faces, (start + np.arange(3)) % 3, axis=1)
