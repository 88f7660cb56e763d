"""Mass properties of the solid inside a closed mesh: volume, mass, centre of mass and inertia tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, used_box

WATER = 1000.0  # kg/m³: the density of what is not said to be of any material
FLAT = 1e-9  # a volume below this share of the summed tetrahedra is what rounding leaves of none


@dataclass(frozen=True)
class Mass:
    """A solid of even density, in SI units and the mesh's own axes."""

    volume: float  # m³
    mass: float  # kg
    center: F64  # (3,) m
    inertia: F64  # (3, 3) kg·m² about the centre; off-diagonal entries are −∫xy


def mass_properties(points: F64, faces: I32, density: float = WATER) -> Mass | None:
    """Of the volume that consistently wound faces (m, 3) over points (n, 3) in metres enclose; None for no volume.

    Integrals over the signed tetrahedra between each face and the middle of the box: the divergence theorem that
    Mirtich 1996 ("Fast and accurate computation of polyhedral mass properties") and Eberly 2002 apply, exact for
    closed meshes up to rounding. Faces that all look inward give what the same faces turned outward would.
    """
    if not len(faces):
        return None
    low, high = used_box(points, faces)
    origin = 0.5 * low + 0.5 * high
    sums = _integrals(points, faces, origin)
    volume = float(sums[0])
    if not abs(volume) > FLAT * sums[10]:
        return None
    offset = sums[1:4] / volume
    xx, yy, zz, xy, yz, zx = sums[4:10] / volume
    spread = np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]]) - np.outer(offset, offset)  # m², second moments
    mass = abs(volume) * density
    inertia = mass * (np.trace(spread) * np.eye(3) - spread)
    return Mass(abs(volume), mass, origin + offset, inertia)


@njit(cache=True, nogil=True)
def _integrals(points: F64, faces: I32, origin: F64) -> F64:
    """1, x, y, z, xx, yy, zz, xy, yz, zx over the volume, then the sum of the tetrahedra without signs."""
    sums = np.zeros(11)
    x, y, z = origin
    for f in range(len(faces)):
        a, b, c = faces[f]
        ax, ay, az = points[a, 0] - x, points[a, 1] - y, points[a, 2] - z
        bx, by, bz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        cx, cy, cz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        six = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        sx, sy, sz = ax + bx + cx, ay + by + cy, az + bz + cz
        sums[0] += six / 6.0
        sums[10] += abs(six) / 6.0
        sums[1] += six * sx / 24.0
        sums[2] += six * sy / 24.0
        sums[3] += six * sz / 24.0
        part = six / 120.0
        sums[4] += part * (sx * sx + ax * ax + bx * bx + cx * cx)
        sums[5] += part * (sy * sy + ay * ay + by * by + cy * cy)
        sums[6] += part * (sz * sz + az * az + bz * bz + cz * cz)
        sums[7] += part * (sx * sy + ax * ay + bx * by + cx * cy)
        sums[8] += part * (sy * sz + ay * az + by * bz + cy * cz)
        sums[9] += part * (sz * sx + az * ax + bz * bx + cz * cx)
    return sums
