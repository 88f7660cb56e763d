"""Quad-dominant remeshing along a smooth direction field, by Instant Meshes in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml.asset import I32, Asset
from tasks.external import accepted, joined_surface, run_tool
from tasks.holes import hole_fans
from tasks.topology import F64

SCRIPT = """
import pyinstantmeshes
pyinstantmeshes.remesh_file(source, target, target_face_count=quads, crease_angle=crease, deterministic=True)
"""


@dataclass(frozen=True)
class RemeshQuadsOptions:
    """How many quads, and what stays sharp."""

    target_quads: int = field(default=5_000, metadata={"min": 16, "max": 500_000, "help": "about this many quads"})
    crease_degrees: float = field(
        default=30.0, metadata={"min": 0.0, "max": 180.0, "help": "edges that bend by more than this stay sharp"}
    )
    seconds: float = field(default=120.0, metadata={"min": 1.0, "max": 280.0, "help": "the tool is stopped after this"})


def remesh_quads(asset: Asset, options: RemeshQuadsOptions = RemeshQuadsOptions()) -> Asset:
    """The asset as one part of mostly quads that follow its curvature (Jakob et al. 2015), without UVs.

    Needs pyinstantmeshes (BSD-3), which only ever runs in a subprocess. glTF has no quads: each one is two triangles,
    stored in a row and cut along the shorter diagonal; those of quads come first and the note says how many there are.
    Holes that the extraction leaves in a closed surface are filled. Raises InputError `mesh.*`, `remesh.not-installed`,
    `remesh.timeout`, `remesh.failed`, `remesh.opened` when the surface cannot be closed again.
    """
    surface = joined_surface(asset)
    given = {"quads": options.target_quads, "crease": options.crease_degrees}
    points, polygons = run_tool("pyinstantmeshes", "pyinstantmeshes", SCRIPT, surface, options.seconds, given)
    quads = [polygon for polygon in polygons if len(polygon) == 4]
    others = [polygon for polygon in polygons if len(polygon) != 4]
    faces = np.concatenate([cut_quads(points, quads), cut_fans(others)])
    holes = 0
    if surface.found.closed:
        points, faces, holes = hole_fans(points, faces, surface.diagonal)
    note = f"{asset.face_count} to {len(faces)} faces: {len(quads)} quads first, {len(others)} other polygons"
    note += f", {holes} holes filled" if holes else ""
    return accepted(asset, surface, points, faces, "remesh_quads", note)


def cut_quads(points: F64, quads: list[list[int]]) -> I32:
    """(2q, 3) triangles of (q, 4) quads, each cut along its shorter diagonal."""
    corners = np.array(quads, dtype=np.int32).reshape(-1, 4)
    across = np.linalg.norm(points[corners[:, :2]] - points[corners[:, 2:]], axis=2)
    turned = np.where((across[:, 1] < across[:, 0])[:, None], np.roll(corners, -1, axis=1), corners)
    return turned[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def cut_fans(polygons: list[list[int]]) -> I32:
    """(k, 3) triangles around each polygon's first corner."""
    fans = [[p[0], p[i], p[i + 1]] for p in polygons for i in range(1, len(p) - 1)]
    return np.array(fans, dtype=np.int32).reshape(-1, 3)
