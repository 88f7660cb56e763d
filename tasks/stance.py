"""How a mesh stands on the ground: contact points, support polygon, centre of mass, overhangs. Y is up."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.mass import Mass, mass_properties
from tasks.topology import F64, Bool, face_cross

# Whatever lies within 0.5 % of the height touches the ground: rounded feet of real meshes rest on a few millimetres.
CONTACT_BAND = 0.005
# Overhangs steeper than 45° need support on every printing process without a powder bed (PROFILES: print services).
OVERHANG_COSINE = float(np.sqrt(0.5))
# A centre nearer to the support polygon's edge than this share of its reach stands on the edge: rounding, not balance.
EDGE = 1e-6


@dataclass(frozen=True)
class Stance:
    """How a mesh stands, in metres."""

    support_area: float  # m², convex hull of the contact points
    base_area: float  # m², faces that lie on the ground
    overhang_area: float  # m², faces that look down steeper than 45° and are not on the ground
    overhang_fraction: float  # the same as a share of the whole area
    center: tuple[float, float, float]  # centre of mass (closed) or of area
    stable: bool  # the centre's vertical meets the inside of the support polygon
    margin: float  # metres from that vertical to the nearest edge of the support polygon, negative outside
    tilt: float  # degrees it may be tilted about that edge before it tips over; negative when it does by itself


def stance(points: F64, faces: I32, closed: bool, solid: Mass | None = None) -> Stance:
    """Measure (n, 3) points in metres with (m ≥ 1, 3) faces; `closed` says that a volume's centre makes sense,
    `solid` is its mass where that is known already."""
    points, faces = np.ascontiguousarray(points, np.float64), np.ascontiguousarray(faces, np.int32)
    if closed and solid is None:
        solid = mass_properties(points, faces)
    ground, top = _heights(points, faces)
    area, base, overhang, centroid, touching = _stand(
        points, faces, ground, CONTACT_BAND * (top - ground), OVERHANG_COSINE
    )
    center = centroid if solid is None else solid.center
    contact = points[touching][:, [0, 2]]
    outline = convex_hull(contact)
    margin = edge_distance(outline, center[[0, 2]])
    return Stance(
        support_area=polygon_area(outline),
        base_area=base,
        overhang_area=overhang,
        overhang_fraction=overhang / area if area > 0 else 0.0,
        center=(float(center[0]), float(center[1]), float(center[2])),
        stable=surrounded(contact, center[[0, 2]]),
        margin=margin,
        tilt=degrees(atan2(margin, max(float(center[1]) - ground, 0.0))),
    )


def support_area(contact: F64) -> float:
    """m² of the convex hull of (k, 2) contact points."""
    return polygon_area(convex_hull(contact))


def surrounded(contact: F64, center: F64) -> bool:
    """Whether (2,) center lies strictly inside the hull of (k, 2) contact."""
    outline = convex_hull(contact)
    return edge_distance(outline, center) > EDGE * float(np.abs(outline - center).max())


def convex_hull(points: F64) -> F64:
    """(h, 2) corners of the hull of (k ≥ 1, 2) points, to the left (Andrew 1979, the monotone chain)."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]
    corners: F64 = _hull(np.ascontiguousarray(ordered, np.float64))
    return corners


def polygon_area(corners: F64) -> float:
    """m² inside (h, 2) corners in order."""
    x, y = (corners - corners[0]).T
    return float(0.5 * (x * np.roll(y, -1) - y * np.roll(x, -1)).sum())


def edge_distance(corners: F64, point: F64) -> float:
    """Metres from (2,) point to the nearest edge of a convex polygon (h, 2), negative outside."""
    inside, nearest = len(corners) > 2, float("inf")
    for (ax, ay), (bx, by) in zip(corners.tolist(), np.roll(corners, -1, axis=0).tolist(), strict=True):
        ex, ey, px, py = bx - ax, by - ay, float(point[0]) - ax, float(point[1]) - ay
        length = ex * ex + ey * ey
        share = min(max((px * ex + py * ey) / length, 0.0), 1.0) if length > 0.0 else 0.0
        nearest = min(nearest, hypot(px - share * ex, py - share * ey))
        inside &= ex * py - ey * px >= 0.0
    return nearest if inside else -nearest


@njit(cache=True, nogil=True)
def _hull(ordered: F64) -> F64:
    """Lower chain, then upper chain, over points ordered by x, then y."""
    corners = np.empty((2 * len(ordered) + 1, 2))
    count = base = 0
    for step in range(2 * len(ordered) - 1):
        i = step if step < len(ordered) else 2 * len(ordered) - 2 - step
        if step == len(ordered):
            base = count - 1
        x, y = ordered[i, 0], ordered[i, 1]
        while count - base >= 2:
            ax, ay, bx, by = corners[count - 2, 0], corners[count - 2, 1], corners[count - 1, 0], corners[count - 1, 1]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0.0:
                break
            count -= 1
        corners[count, 0], corners[count, 1] = x, y
        count += 1
    return corners[: max(count - 1, 1)].copy()


@njit(cache=True, nogil=True)
def _heights(points: F64, faces: I32) -> tuple[float, float]:
    """Lowest and highest point in use."""
    low, high = np.inf, -np.inf
    for f in range(len(faces)):
        for k in range(3):
            low, high = min(low, points[faces[f, k], 1]), max(high, points[faces[f, k], 1])
    return low, high


@njit(cache=True, nogil=True)
def _stand(points: F64, faces: I32, ground: float, band: float, cosine: float) -> tuple[float, float, float, F64, Bool]:
    """(area, area on the ground, overhanging area, centre of the area, which points touch the ground)."""
    area = base = overhang = 0.0
    centroid = np.zeros(3)
    touching = np.zeros(len(points), np.bool_)
    origin = points[faces[0, 0]]
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = face_cross(points, a, b, c)
        half = 0.5 * np.sqrt(x * x + y * y + z * z)
        area += half
        for k in range(3):
            centroid[k] += half * (points[a, k] + points[b, k] + points[c, k] - 3.0 * origin[k]) / 3.0
        for v in (a, b, c):
            touching[v] |= points[v, 1] <= ground + band
        if -0.5 * y > cosine * half:
            if touching[a] and touching[b] and touching[c]:
                base += half
            else:
                overhang += half
    if area > 0.0:
        centroid /= area
    return area, base, overhang, centroid + origin, touching
