"""Vertices that are stored twice: same place, same normal, same UV, same colour."""

from __future__ import annotations

import numpy as np

from tasks.clean import distinct_rows
from tasks.subject import Subject


def repeat_metrics(subject: Subject) -> dict[str, float]:
    """topology.repeated_vertices: those in use that are equal to an earlier one of their part in every attribute.

    Vertices on a seam differ in UV or normal and are none: every renderer needs them.
    """
    repeated = 0
    for part in subject.asset.parts:
        if len(part.faces):
            used = np.unique(part.faces)
            repeated += len(used) - len(np.unique(distinct_rows(part)[used]))
    return {"topology.repeated_vertices": float(repeated)}
