"""The thinnest wall, rod and gap of a solid, and the spaces sealed inside it: what a printer cannot make or clean."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.bvh import build_bvh
from tasks.shells import closed_components, depths
from tasks.subject import Subject
from tasks.topology import F64, Bool
from tasks.walls import walls as ray_walls
from tasks.winding_number import dipoles, encloses, new_stack

# Faces count as the two sides of a wall where they look apart by more than 135°: a sharper edge is a wedge, which is
# thin at its rim however strong it is (Shapira et al. 2008 cut the rays of the shape diameter function likewise).
OPPOSED = -float(np.sqrt(0.5))
LEAST_SHARE = 1e-4  # of the area: less is a sliver between two larger faces, not a wall
LARGEST_M = 0.003  # metres: no printing process asks about thicker walls, so only thinner ones are looked at twice
# Millimetres that print services name for walls: DMLS 0.4, SLS 0.7, FDM and resin 0.8, unsupported 1.0, FDM 1.2.
LIMITS_MM = (0.4, 0.7, 0.8, 1.0, 1.2)
BESIDE = 1e-4  # of the diagonal: how far beyond a wall the question is asked what is there


def thin_metrics(subject: Subject) -> dict[str, float]:
    """print.wall_m, print.gap_m (metres), print.thinner_* and print.sealed_cavities; only where all pieces are closed.

    Thickness by rays (`tasks/walls.py`): inward for walls and rods, outward, through the air, for gaps. The figures
    are what 0.01 % of the surface falls below, and the shares of the surface that fall below each of LIMITS_MM. A side
    that lies inside another piece is none, as slicers unite pieces.
    """
    if subject.known.get("topology.closed") != 1.0:
        return {}
    labels = subject.components
    count = int(labels.max(initial=-1)) + 1
    closed = closed_components(subject.faces, *subject.edges, labels, count)
    sealed = _sealed(subject, labels, closed, count)
    several = count > 1
    walls, gaps = (_thickness(subject, outward, several) for outward in (False, True))
    limits = {"print.wall_m": _least(walls, subject.areas), "print.gap_m": _least(gaps, subject.areas)}
    found = {name: value for name, value in limits.items() if np.isfinite(value)}
    whole = float(subject.areas.sum())
    shares = {thinner(mm): float(subject.areas[walls < mm / 1000.0].sum()) / whole for mm in LIMITS_MM}
    return {**found, **shares, "print.sealed_cavities": float(sealed)}


def thinner(mm: float) -> str:
    """The metric that has the share of the surface over walls thinner than that."""
    return f"print.thinner_{mm:.1f}mm".replace(".", "_").replace("print_", "print.")


def _sealed(subject: Subject, labels: I32, closed: Bool, count: int) -> int:
    """Closed pieces that look inward inside another one."""
    if count == 1:
        return 0
    inside = depths(subject.points, subject.faces, labels, closed) > 0
    corners = subject.points[subject.faces]
    signed = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    volume = np.bincount(labels[labels >= 0], signed[labels >= 0], count)
    return int((inside & (volume < 0.0)).sum())


def _thickness(subject: Subject, outward: bool, several: bool) -> F64:
    """(m,) metres of the solid under each face, or of the air above it; inf where that is no wall and no gap."""
    faces = np.ascontiguousarray(subject.faces[:, ::-1]) if outward else subject.faces
    found = ray_walls(subject.points, faces)
    other = np.maximum(found.across, 0)
    opposed = np.einsum("ij,ij->i", subject.normals, subject.normals[other]) < OPPOSED
    thickness = np.where((found.across >= 0) & opposed, found.thickness, np.inf)
    doubtful = np.flatnonzero(thickness < LARGEST_M * subject.scale).astype(np.int32)
    if several and len(doubtful):
        thickness[doubtful[_inside(subject, doubtful, thickness[doubtful], outward)]] = np.inf
    return thickness / subject.scale


def _least(thickness: F64, areas: F64) -> float:
    """Metres that LEAST_SHARE of the surface falls below."""
    order = np.argsort(thickness)
    reached = np.cumsum(areas[order])
    return float(thickness[order][min(np.searchsorted(reached, LEAST_SHARE * reached[-1]), len(order) - 1)])


def _inside(subject: Subject, faces: I32, thickness: F64, outward: bool) -> Bool:
    """(k,) True where a wall's other side, or the place just before its own (of a gap: in it), is in a solid."""
    centres = subject.points[subject.faces[faces]].mean(axis=1)
    beside = BESIDE * subject.diagonal
    way = subject.normals[faces] * (1.0 if outward else -1.0)
    bvh = build_bvh(subject.points, subject.faces)
    table = dipoles(bvh)
    ends = (
        [centres + way * (0.5 * thickness)[:, None]]
        if outward
        else [
            centres + way * (thickness + beside)[:, None],
            centres - way * beside,
        ]
    )
    inside = np.zeros(len(faces), np.bool_)
    for places in ends:
        inside |= _enclosed(table, bvh.children, bvh.triangles, bvh.local(places))
    return inside


@njit(cache=True, nogil=True)
def _enclosed(table: F32, children: I32, triangles: F64, places: F64) -> Bool:
    mask = np.zeros(len(places), np.bool_)
    stack = new_stack()
    for i in range(len(places)):
        mask[i] = encloses(table, children, triangles, places[i, 0], places[i, 1], places[i, 2], stack)
    return mask
