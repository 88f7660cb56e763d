"""Checks: everything a workshop asks about a mesh before it uses it, in one call over shared half-edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import I32, InputError
from tasks.fans import corner_fans, nonmanifold_vertices, rims
from tasks.mass import WATER, Mass, mass_properties
from tasks.self_intersections import SelfIntersections, self_intersections
from tasks.shells import closed_components, component_volumes, depths
from tasks.stance import Stance, stance
from tasks.topology import F64, Topology, count_topology, face_components, face_cross, half_edges, topology
from tasks.walls import Walls, walls
from tasks.winding import winding_flips

# A sliver's height over its longest edge is below this share of it: an angle under 1.2–2.3°. 0.02 is what MeshLab's
# "problematic faces" starts from.
SLIVER = 0.02


@dataclass(frozen=True)
class Checks:
    """What one indexed mesh is like; vertices are the same only when they share an index, so weld first."""

    topology: Topology  # edges, components, Euler number, degenerate and duplicate faces, volume, area
    bounds: F64  # (2, 3) m, over what the faces use
    nonmanifold_vertices: int  # vertices with more than one fan of faces
    sliver_faces: int  # with an area, but narrower than SLIVER
    flipped_faces: int  # that must be turned for consistent winding and closed components that look outward
    holes: F64  # (k,) m, perimeter of each boundary
    closed_components: int  # closed, manifold over edges, consistently wound
    inner_shells: int  # closed components inside another: cavities where they look inward, hidden bodies else
    genus: int | None  # handles, all components together; None with edges of three faces or a one-sided surface
    mass: Mass | None  # of the enclosed solid; None for a mesh that is not closed or encloses nothing
    stance: Stance  # overhangs, support and stability, Y up
    self_intersections: SelfIntersections | None  # where asked for
    walls: Walls | None  # where asked for


def check(
    points: npt.ArrayLike,
    faces: npt.ArrayLike,
    density: float = WATER,
    intersections: bool = False,
    thickness: bool = False,
) -> Checks:
    """Check (m, 3) faces over (n, 3) points in metres, Y up, of a material of `density` kg/m³.

    `intersections` and `thickness` also search for self-intersections and thin walls, which cost more than all the
    rest. Raises InputError `mesh.no-faces`, `mesh.bad-shape`, `mesh.bad-index` or `mesh.not-finite`.
    """
    x, f = checked(points, faces)
    offsets, halves = half_edges(f, len(x))
    labels = face_components(f, offsets, halves)
    found = count_topology(x, f, offsets, halves, labels)
    closed = closed_components(f, offsets, halves, labels, found.components)
    fans, fan_count = corner_fans(f, offsets, halves)
    holes = rims(x, f, offsets, halves, fans)
    inward = (closed & (component_volumes(x, f, labels, found.components) < 0.0)).any()
    flips, two_sided = _flips(x, f) if found.inconsistent_edges or inward else (0, True)
    edges, triangles = len(offsets) - 1, int((fans[::3] >= 0).sum())
    solid = mass_properties(x, f, density) if found.closed else None
    bounds, slivers = _shapes(x, f, SLIVER)
    return Checks(
        topology=found,
        bounds=bounds,
        nonmanifold_vertices=nonmanifold_vertices(f, fans, len(x)),
        sliver_faces=int(slivers) - found.degenerate_faces,
        flipped_faces=flips,
        holes=holes.perimeters,
        closed_components=int(closed.sum()),
        inner_shells=int((depths(x, f, labels, closed) > 0).sum()),
        genus=_genus(found, fan_count - edges + triangles, holes.boundaries) if two_sided else None,
        mass=solid,
        stance=stance(x, f, found.closed, solid),
        self_intersections=self_intersections(x, f) if intersections else None,
        walls=walls(x, f) if thickness else None,
    )


def checked(points: npt.ArrayLike, faces: npt.ArrayLike) -> tuple[F64, I32]:
    """Points and faces as contiguous float64 and int32; raises InputError for what kernels must not see."""
    x = np.ascontiguousarray(points, dtype=np.float64)
    given = np.asarray(faces)
    if x.ndim != 2 or x.shape[1] != 3 or given.ndim != 2 or given.shape[1] != 3:
        raise InputError("mesh.bad-shape", f"points {x.shape} and faces {given.shape} are not (n, 3) and (m, 3)")
    if not given.size:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= len(x):
        raise InputError("mesh.bad-index", f"face index {high} (or {low}) outside {len(x)} vertices")
    if not np.isfinite(x).all():
        raise InputError("mesh.not-finite", f"{int((~np.isfinite(x)).any(axis=1).sum())} points are NaN or infinite")
    return x, np.ascontiguousarray(given, dtype=np.int32)


def _flips(points: F64, faces: I32) -> tuple[int, bool]:
    """How many faces to turn, and whether winding is consistent once they are."""
    flips, _ = winding_flips(points, faces)
    turned = faces.copy()
    turned[flips] = turned[flips][:, ::-1]
    return int(flips.sum()), topology(points, turned).inconsistent_edges == 0


def _genus(found: Topology, euler: int, holes: int) -> int | None:
    """Σ(2 − 2g − holes) over the components is the Euler number of a two-sided surface, one vertex a fan."""
    return (2 * found.components - holes - euler) // 2 if found.nonmanifold_edges == 0 else None


@njit(cache=True, nogil=True)
def _shapes(points: F64, faces: I32, aspect: float) -> tuple[F64, int]:
    """Bounds (2, 3), and how many faces are narrower than `aspect`, those without an area among them."""
    bounds = np.empty((2, 3))
    bounds[0], bounds[1] = np.inf, -np.inf
    narrow = 0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        longest = 0.0
        for i, j in ((a, b), (b, c), (c, a)):
            length = 0.0
            for axis in range(3):
                value = points[i, axis]
                bounds[0, axis] = min(bounds[0, axis], value)
                bounds[1, axis] = max(bounds[1, axis], value)
                length += (points[j, axis] - value) ** 2
            longest = max(longest, length)
        x, y, z = face_cross(points, a, b, c)
        narrow += np.sqrt(x * x + y * y + z * z) <= aspect * longest
    return bounds, narrow
