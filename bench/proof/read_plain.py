"""Reads STL and PLY with trimesh, back into metres with Y up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from facts import Z_UP, Facts, PartFacts, gathered

MILLIMETRE = 1e-3


def read(path: Path, folder: Path) -> Facts:
    """Facts of one mesh; STL is millimetres with Z up by the trade's custom, PLY says metres in its comment."""
    mesh = trimesh.load(path, process=False)
    corners = np.asarray(mesh.triangles, np.float64)
    if path.suffix == ".stl":
        pieces = (corners @ Z_UP.T * MILLIMETRE, None, np.repeat(mesh.face_normals @ Z_UP.T, 3, axis=0))
        return Facts(**gathered([pieces]), parts=[PartFacts("", len(mesh.faces))])
    order = np.asarray(mesh.faces).reshape(-1)
    normals = np.asarray(mesh.vertex_normals)[order]
    facts = Facts(**gathered([(corners, None, normals)]), parts=[PartFacts("", len(mesh.faces))])
    colors = np.asarray(mesh.visual.vertex_colors)[order]
    facts.metadata["mean_color"] = " ".join(f"{value:.2f}" for value in colors.mean(axis=0))
    return facts
