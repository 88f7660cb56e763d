"""Debris: pieces too small to see, faces without an area, and stored normals that contradict their faces."""

from __future__ import annotations

import numpy as np

from ml.asset import Part
from ml.normals import face_crosses
from tasks.subject import Subject
from tasks.topology import F64, Bool, component_boxes

TINY = 0.01  # of the diagonal: two and a half voxels of 256


def debris_metrics(subject: Subject) -> dict[str, float]:
    """pieces.tiny, connected pieces below 1 % of the diagonal; faces.degenerate_share of all faces."""
    count = int(subject.components.max(initial=-1)) + 1
    low, high = component_boxes(subject.points, subject.faces, subject.components, count)
    tiny = np.linalg.norm(high - low, axis=1) < TINY * subject.diagonal
    return {"pieces.tiny": float(tiny.sum()), "faces.degenerate_share": float((~subject.solid).mean())}


def stored_normal_metrics(subject: Subject) -> dict[str, float]:
    """normals.missing, share of the faces whose part stores none; normals.against, share of the surface with stored
    ones on which the mean of the corners' normals looks to the back of the face."""
    parts = subject.asset.parts
    missing = sum(len(part.faces) for part in parts if part.normals is None) / subject.asset.face_count
    found: dict[str, float] = {"normals.missing": missing}
    stored = [(part, *_turned(part)) for part in parts if part.normals is not None and len(part.faces)]
    total = sum(float(area.sum()) for _, area, _ in stored)
    if total > 0.0:
        found["normals.against"] = sum(float(area[against].sum()) for _, area, against in stored) / total
    return found


def _turned(part: Part) -> tuple[F64, Bool]:
    """Twice the area of each face, and whether its corners' normals look to its back."""
    assert part.normals is not None
    cross = face_crosses(part.vertices, part.faces)
    mean = part.normals.astype(np.float64)[part.faces].sum(axis=1)
    return np.linalg.norm(cross, axis=1), np.einsum("ij,ij->i", cross, mean) < 0.0
