"""Facing: the share of what one sees of an asset that is seen from behind, closed or not."""

from __future__ import annotations

import numpy as np

from tasks.ambient_occlusion import Places, openness
from tasks.sampling import uniform_samples
from tasks.subject import Subject

SAMPLES = 2048  # places on the surface: a share of 5 % is known to ±1 %
RAYS = 16  # to each side of each place
AS_OPEN = 4.0  # times as open behind as in front: the inside of a cup is 2–3 times less open than its outside
SEEN = 0.1  # openness below which a side is not seen


def facing_metrics(subject: Subject) -> dict[str, float]:
    """facing.back_share: share of the seen surface whose back is AS_OPEN times as open as its front.

    Rays to both sides of each place count how many leave the asset (Takayama et al. 2014, "A simple method for
    correcting facet orientations in polygon meshes based on ray casting"). A side is open when nothing is in the way of
    those rays; of a flat sheet both are, and it is not counted. Double-sided materials are left out. Where every piece
    is closed and looks outward, which costs nothing to know, the share is 0.
    """
    if subject.known.get("topology.closed") == 1.0 and subject.known.get("topology.inverted") == 0.0:
        return {"facing.back_share": 0.0}
    if not (subject.areas > 0.0).any():
        return {}
    found = uniform_samples(subject.points, subject.faces, SAMPLES)
    one_sided = ~np.array([part.material.double_sided for part in subject.asset.parts])[subject.owner[found.faces]]
    if not one_sided.any():
        return {"facing.back_share": 0.0}
    front, back = (_open(subject, found.points[one_sided], side * found.normals[one_sided]) for side in (1, -1))
    seen = np.maximum(front, back) >= SEEN
    wrong = seen & (back >= AS_OPEN * front)
    return {"facing.back_share": float(wrong.sum() / seen.sum()) if seen.any() else 0.0}


def _open(subject: Subject, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(k,) share of the rays to the side of the normals that leave the asset."""
    spots = Places(subject.rays.local(points), normals, normals)
    return openness(subject.rays, spots, np.zeros(len(points), np.int32), RAYS, np.inf)
