"""How symmetric an asset is about the best plane through its middle."""

from __future__ import annotations

import numpy as np

from tasks.bvh import closest_point
from tasks.sampling import uniform_samples
from tasks.subject import Subject

SAMPLES = 512  # places mirrored: a share is known to ±4 % at worst
NEAR = 0.01  # of the diagonal: what a mirrored place may miss the surface by
TURNS = 4  # upright planes, 45° apart from that across the width; and the level one


def mirror_metrics(subject: Subject) -> dict[str, float]:
    """symmetry.score: share of the surface whose mirror image lies within 1 % of the diagonal of the surface, 0–1.

    The best of four upright planes and the level one through the middle of the box: things people make are symmetric
    about such planes (Podolak et al. 2006 search all planes for the same measure).
    """
    if not (subject.areas > 0.0).any():
        return {}
    places = uniform_samples(subject.points, subject.faces, SAMPLES).points.astype(np.float64)
    used = subject.points[subject.faces.reshape(-1)]
    middle = 0.5 * (used.min(axis=0) + used.max(axis=0))
    angles = np.pi / TURNS * np.arange(TURNS)
    planes = [*np.column_stack([np.cos(angles), np.zeros(TURNS), np.sin(angles)]), np.array([0.0, 1.0, 0.0])]
    mirrored = [places - 2.0 * ((places - middle) @ n)[:, None] * n for n in planes]
    _, _, distance = closest_point(subject.nearest, np.concatenate(mirrored))
    near = (distance <= NEAR * subject.diagonal).reshape(len(planes), -1)
    return {"symmetry.score": float(near.mean(axis=1).max())}
