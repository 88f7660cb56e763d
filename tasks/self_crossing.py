"""How much of an asset's surface crosses itself, piece by piece."""

from __future__ import annotations

import numpy as np

from tasks.self_intersections import self_intersections
from tasks.subject import Subject


def crossing_metrics(subject: Subject) -> dict[str, float]:
    """topology.self_intersections: faces that meet another face of their own piece elsewhere than in shared corners.

    Pieces that cross each other (a leg that ends inside its seat) are how models are assembled, and slicers unite them;
    a piece that crosses itself has an inside that is outside. Exact, see `tasks/self_intersections.py`.
    """
    found = self_intersections(subject.points, subject.faces)
    labels = subject.components[found.pairs]
    own = found.pairs[(labels[:, 0] == labels[:, 1]) & (labels[:, 0] >= 0)]
    return {"topology.self_intersections": float(len(np.unique(own)))}
