"""How a mesh stands on the ground: contact points, support polygon, centre of mass, overhangs. Y is up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import I32

F64 = npt.NDArray[np.float64]

# Whatever lies within 0.5 % of the height touches the ground: rounded feet of real meshes rest on a few millimetres.
CONTACT_BAND = 0.005
# Overhangs steeper than 45° need support on every printing process without a powder bed (PROFILES: print services).
OVERHANG_COSINE = float(np.sqrt(0.5))
# The support polygon is taken over its extreme points in 64 directions: at most 0.2 % of a circle's area is lost.
_ANGLES = np.arange(64) * (2.0 * np.pi / 64)
DIRECTIONS = list(zip(np.cos(_ANGLES).tolist(), np.sin(_ANGLES).tolist(), strict=True))


@dataclass(frozen=True)
class Stance:
    """How a mesh stands, in metres."""

    support_area: float  # m², convex hull of the contact points
    base_area: float  # m², faces that lie on the ground
    overhang_fraction: float  # share of the area that looks down steeper than 45° and is not on the ground
    center: tuple[float, float, float]  # centre of mass (closed) or of area
    stable: bool  # the centre's vertical meets the inside of the support polygon


def stance(points: F64, faces: I32, closed: bool) -> Stance:
    """Measure (n, 3) points in metres with (m ≥ 1, 3) faces; `closed` says that a volume's centre makes sense."""
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    cross = _cross(b - a, c - a)
    area = 0.5 * np.sqrt(np.einsum("ij,ij->i", cross, cross))
    lowest, top = np.minimum(np.minimum(a[:, 1], b[:, 1]), c[:, 1]), np.maximum(np.maximum(a[:, 1], b[:, 1]), c[:, 1])
    ground = float(lowest.min())
    band = CONTACT_BAND * (float(top.max()) - ground)
    down = -0.5 * cross[:, 1] > OVERHANG_COSINE * area
    grounded = top <= ground + band
    corners = np.concatenate([a, b, c])
    contact = corners[corners[:, 1] <= ground + band][:, [0, 2]]
    center = _center(a, b, c, cross, area, closed)
    total = float(area.sum())
    return Stance(
        support_area=support_area(contact),
        base_area=float(area[down & grounded].sum()),
        overhang_fraction=float(area[down & ~grounded].sum()) / total if total > 0 else 0.0,
        center=(float(center[0]), float(center[1]), float(center[2])),
        stable=surrounded(contact, center[[0, 2]]),
    )


def support_area(contact: F64) -> float:
    """m² of the convex hull of (k, 2) contact points, from their extreme points in 64 directions."""
    x, z = contact[:, 0], contact[:, 1]
    corners = contact[[int((x * cosine + z * sine).argmax()) for cosine, sine in DIRECTIONS]]
    ahead = np.roll(corners, -1, axis=0)
    return float(0.5 * (corners[:, 0] * ahead[:, 1] - ahead[:, 0] * corners[:, 1]).sum())


def surrounded(contact: F64, center: F64) -> bool:
    """Whether (2,) center lies strictly inside the hull of (k, 2) contact: no half plane through it is empty."""
    offset = contact - center
    reach = np.abs(offset).max()
    if reach == 0.0:
        return False
    offset = offset[np.abs(offset).max(axis=1) > 1e-9 * reach]
    angles = np.sort(np.arctan2(offset[:, 1], offset[:, 0]))
    gaps = np.diff(angles, append=angles[0] + 2.0 * np.pi)
    return bool(gaps.max() < np.pi - 1e-6)


def _cross(u: F64, v: F64) -> F64:
    cross = np.empty_like(u)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        cross[:, i] = u[:, j] * v[:, k] - u[:, k] * v[:, j]
    return cross


def _center(a: F64, b: F64, c: F64, cross: F64, area: F64, closed: bool) -> F64:
    """Centre of the enclosed volume, or of the surface where there is none."""
    origin = 0.5 * (a.min(axis=0) + a.max(axis=0))
    volumes = np.einsum("ij,ij->i", a - origin, cross)
    enclosed = float(volumes.sum())
    if closed and abs(enclosed) > 1e-9 * float(np.abs(volumes).sum()):
        weights, centroid = volumes / enclosed, (a + b + c + origin) / 4.0
    else:
        weights, centroid = area / max(float(area.sum()), np.finfo(float).tiny), (a + b + c) / 3.0
    center: F64 = np.einsum("i,ij->j", weights, centroid)
    return center
