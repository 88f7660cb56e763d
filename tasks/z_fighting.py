"""Z-fighting: surface that lies on other surface facing the same way, which flickers as the camera moves."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.ambient_occlusion import Places, openness
from tasks.box_tree import LEAF
from tasks.sampling import uniform_samples
from tasks.subject import Subject
from tasks.topology import F64

SAMPLES = 4096  # places on the surface: a share of 3 % is known to ±0.5 %
# Share of the diagonal: a 24-bit depth buffer whose near plane is a hundredth of the object away resolves 6e-8 × 100²
# of it there; engines with 16 bits or far planes resolve less.
NEAR = 1e-4
SAME_WAY = 0.9998  # cosine, 1.1°
INSIDE = 1e-6  # of a face's barycentric weights: a neighbour in the same plane ends where its own face does
STACK = 128
RAYS = 8


def z_fighting_metrics(subject: Subject) -> dict[str, float]:
    """zfighting.share of the surface that another face covers within 1e-4 of the diagonal, both looking the same way.

    Faces back to back (a leg under its seat, the two sides of a card) hide each other and do not fight; nor does what
    no ray from outside reaches, or the underside that stands on the ground.
    """
    if not (subject.areas > 0.0).any():
        return {}
    found = uniform_samples(subject.points, subject.faces, SAMPLES)
    tree = subject.boxes
    near = NEAR * subject.diagonal
    points = found.points.astype(np.float64)
    mask = _covered(
        tree.nodes, tree.boxes, tree.corners, tree.order, subject.normals, points, found.faces, near, SAME_WAY
    )
    low = float(subject.points[subject.faces.reshape(-1), 1].min())
    mask &= (found.normals[:, 1] > -0.99) | (points[:, 1] > low + near)
    if mask.any():
        normals = found.normals[mask]
        spots = Places(subject.rays.local(points[mask]), normals, normals)
        mask[mask] = openness(subject.rays, spots, np.zeros(len(normals), np.int32), RAYS, np.inf) > 0.0
    return {"zfighting.share": float(mask.mean())}


@njit(cache=True, nogil=True)
def _covered(
    nodes: F32, boxes: F32, x: F64, order: I32, normals: F64, points: F64, own: I32, near: float, same: float
) -> np.ndarray:
    """(k,) True where a face other than its own, parallel to it, lies within `near` of a point."""
    mask = np.zeros(len(points), np.bool_)
    leaf = len(nodes) // 2
    stack = np.empty(STACK, np.int32)
    reach = 2.0 * near
    for i in range(len(points)):
        p, n = points[i], normals[own[i]]
        stack[0], top = 0, 1
        while top and not mask[i]:
            top -= 1
            node = stack[top]
            if not _within(nodes, node, p, reach):
                continue
            if node < leaf:
                stack[top], stack[top + 1] = 2 * node + 1, 2 * node + 2
                top += 2
                continue
            for s in range((node - leaf) * LEAF, min((node - leaf + 1) * LEAF, len(order))):
                g = order[s]
                if g == own[i] or boxes[s // LEAF, 0, s % LEAF] > boxes[s // LEAF, 3, s % LEAF]:
                    continue
                m = normals[g]
                if n[0] * m[0] + n[1] * m[1] + n[2] * m[2] > same and _on(x, s, m, p, near):
                    mask[i] = True
                    break
    return mask


@njit(cache=True, nogil=True)
def _within(nodes: F32, node: int, p: F64, reach: float) -> bool:
    for axis in range(3):
        if nodes[node, axis] > p[axis] + reach or nodes[node, axis + 3] < p[axis] - reach:
            return False
    return True


@njit(cache=True, nogil=True)
def _on(x: F64, slot: int, m: F64, p: F64, near: float) -> bool:
    """Whether the point lies within `near` of the plane of a triangle with unit normal m, over its inside."""
    a, b, c = x[3 * slot], x[3 * slot + 1], x[3 * slot + 2]
    away = (p[0] - a[0]) * m[0] + (p[1] - a[1]) * m[1] + (p[2] - a[2]) * m[2]
    if abs(away) > near:
        return False
    first, second = _side(a, b, p, m), _side(b, c, p, m)
    third, whole = _side(c, a, p, m), _side(a, b, c, m)
    least = INSIDE * whole
    return bool(first > least and second > least and third > least)


@njit(cache=True, nogil=True)
def _side(a: F64, b: F64, p: F64, m: F64) -> float:
    """Twice the area of a, b, p as seen along m."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    return float((uy * vz - uz * vy) * m[0] + (uz * vx - ux * vz) * m[1] + (ux * vy - uy * vx) * m[2])
