"""Which UV chart each face of a part lies in."""

import numpy as np

from ml.asset import I32, Part
from tasks.topology import face_components, half_edges, weld


def uv_charts(part: Part) -> I32:
    """(m,) chart of each face: faces joined over edges whose two ends agree in position and UV."""
    _, welded, _ = weld(part.vertices, part.faces)
    flat = np.concatenate([part.uv, np.zeros((len(part.uv), 1), np.float32)], axis=1)
    _, coordinates, _ = weld(flat, part.faces)
    ends, joined = np.unique(welded.astype(np.int64) * (coordinates.max() + 1) + coordinates, return_inverse=True)
    faces = np.ascontiguousarray(joined.reshape(-1, 3), dtype=np.int32)
    charts = face_components(faces, *half_edges(faces, len(ends)))
    return np.where(charts < 0, charts.max(initial=-1) + 1, charts).astype(np.int32)
