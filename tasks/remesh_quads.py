"""Quad-dominant remeshing along a smooth direction field, by Instant Meshes in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml.asset import I32, Asset, InputError
from tasks.external import accepted, joined_surface, run_tool
from tasks.holes import hole_fans
from tasks.topology import F64, half_edges

OFF_TARGET = 2.0  # solids come out within 25 % of the quads asked for; open shells of loose panels nearly empty
ROUNDS = 4  # of taking out and filling
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
    What the extraction leaves open in a closed surface is closed. Raises InputError `mesh.*`, `remesh.not-installed`,
    `remesh.timeout`, `remesh.failed`, `remesh.opened` when the surface cannot be closed, `remesh.off-target` for
    OFF_TARGET times too many or few quads, `remesh.off-surface`.
    """
    surface = joined_surface(asset)
    given = {"quads": options.target_quads, "crease": options.crease_degrees}
    points, polygons = run_tool("pyinstantmeshes", "pyinstantmeshes", SCRIPT, surface, options.seconds, given)
    quads = [polygon for polygon in polygons if len(polygon) == 4]
    others = [polygon for polygon in polygons if len(polygon) != 4]
    pairs, rest = cut_quads(points, quads), cut_fans(others)
    if surface.found.closed:
        points, pairs, rest = closed_again(points, pairs, rest)
    share = len(pairs) / 2 / options.target_quads
    if not 1 / OFF_TARGET <= share <= OFF_TARGET:
        raise InputError("remesh.off-target", f"{len(pairs) // 2} quads, {options.target_quads} were asked for")
    note = f"{asset.face_count} to {len(pairs) + len(rest)} faces, those of {len(pairs) // 2} quads first"
    return accepted(asset, surface, points, np.concatenate([pairs, rest]), "remesh_quads", note)


def closed_again(points: F64, pairs: I32, rest: I32) -> tuple[F64, I32, I32]:
    """The mesh with its holes filled, after polygons on edges of more than two faces were taken out; quads whole.

    Extraction leaves a few such edges where sheets lie closer than an edge: 1 to 10 of 12,000 on three meshes of ten.
    """
    for _ in range(ROUNDS):
        faces = np.concatenate([pairs, rest])
        offsets, halves = half_edges(faces, len(points))
        sizes = np.diff(offsets)
        bad = np.zeros(len(faces), np.bool_)
        bad[halves[np.repeat(sizes > 2, sizes)] // 3] = True
        pairs = pairs.reshape(-1, 6)[~bad[: len(pairs)].reshape(-1, 2).any(axis=1)].reshape(-1, 3)
        rest = rest[~bad[-len(rest) :]] if len(rest) else rest
        points, filled, holes = hole_fans(points, np.concatenate([pairs, rest]), np.inf)
        rest = filled[len(pairs) :]
        if not bad.any() and not holes:
            break
    return points, pairs, rest


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
