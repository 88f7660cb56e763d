"""Walls: how thick a solid is under each of its faces, by rays inward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.box_tree import build_box_tree
from tasks.ray import first_exit
from tasks.topology import F64, Bool, degenerate_faces, face_cross


@dataclass(frozen=True)
class Walls:
    """Thickness in metres, inf where a ray leaves through nothing (an open mesh, or one wound inside out)."""

    minimum: float  # m
    face: int  # that has it, −1 for none
    thickness: F64  # (m,) under each face
    across: I32  # (m,) the face at the other side, −1 for none


def walls(points: F64, faces: I32) -> Walls:
    """The wall under each of (m, 3) in-range, outward faces over finite (n, 3) points in metres.

    One ray a face, from its centre against its normal to the first face that looks the other way: what print services
    measure (the ray method of Inui et al. 2015; a sphere method gives less at edges, where neither is the strength of
    the part). Faces without an area have no normal: they send no ray and stop none.
    """
    solid = ~degenerate_faces(points, faces)
    tree = build_box_tree(points, faces, solid)
    origins, directions, slots = _rays(tree.corners, tree.order, solid)
    other, distance = first_exit(tree, origins, directions, slots)
    thickness, across = np.full(len(faces), np.inf), np.full(len(faces), -1, np.int32)
    thickness[tree.order[slots]], across[tree.order[slots]] = distance, other
    face = int(np.argmin(thickness)) if len(faces) else -1
    least = float(thickness[face]) if len(faces) else float("inf")
    return Walls(least, face if np.isfinite(least) else -1, thickness, across)


@njit(cache=True, nogil=True)
def _rays(x: F64, order: I32, solid: Bool) -> tuple[F64, F64, I32]:
    """Centre, inward unit normal and slot of each face with an area, in the tree's order."""
    slots = np.empty(len(order), np.int32)
    origins, directions = np.empty((len(order), 3)), np.empty((len(order), 3))
    count = 0
    for s in range(len(order)):
        if solid[order[s]]:
            a, b, c = face_cross(x, 3 * s, 3 * s + 1, 3 * s + 2)
            length = np.sqrt(a * a + b * b + c * c)
            directions[count, 0], directions[count, 1], directions[count, 2] = -a / length, -b / length, -c / length
            for k in range(3):
                origins[count, k] = (x[3 * s, k] + x[3 * s + 1, k] + x[3 * s + 2, k]) / 3.0
            slots[count] = s
            count += 1
    return origins[:count].copy(), directions[:count].copy(), slots[:count].copy()
