"""Reads STL and PLY with trimesh, back into metres with Y up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from facts import Z_UP, Facts, PartFacts, gathered, linear_of

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
    colors = linear_of(np.asarray(mesh.visual.vertex_colors)[order] / 255.0)
    return Facts(**gathered([(corners, None, normals, None, colors)]), parts=[PartFacts("", len(mesh.faces))])
