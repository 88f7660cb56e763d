"""Isotropic remeshing: nearly equilateral triangles of one edge length, by MeshLab's filter in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml.asset import I32, Asset, InputError
from tasks.external import MAX_FACES, accepted, joined_surface, run_tool
from tasks.topology import F64

# Mean edge over the target beyond which the result is refused: splits at 4/3 and collapses at 4/5 of the target
# (Botsch & Kobbelt 2004) leave means of 0.85 to 1.05 on smooth shapes, less where features are finer than the target.
OFF_TARGET = 1.5
SCRIPT = """
import pymeshlab
meshes = pymeshlab.MeshSet()
meshes.load_new_mesh(source)
length = pymeshlab.PureValue(edge)
meshes.meshing_isotropic_explicit_remeshing(iterations=iterations, targetlen=length, featuredeg=degrees)
meshes.save_current_mesh(target, save_vertex_normal=False, save_vertex_color=False, save_wedge_texcoord=False)
"""


@dataclass(frozen=True)
class RemeshIsotropicOptions:
    """How long the edges become and what stays sharp."""

    edge: float = field(
        default=0.01, metadata={"min": 0.001, "max": 0.25, "help": "edge length as a share of the box's diagonal"}
    )
    iterations: int = field(default=10, metadata={"min": 1, "max": 50, "help": "rounds of split, collapse, flip, move"})
    feature_degrees: float = field(
        default=30.0, metadata={"min": 0.0, "max": 180.0, "help": "edges that bend by more than this stay sharp"}
    )
    seconds: float = field(default=120.0, metadata={"min": 1.0, "max": 280.0, "help": "the tool is stopped after this"})


def remesh_isotropic(asset: Asset, options: RemeshIsotropicOptions = RemeshIsotropicOptions()) -> Asset:
    """The asset as one part of nearly equilateral triangles (Botsch & Kobbelt 2004), without UVs; `source` is kept.

    Needs pymeshlab (GPL-3, the extra `gpl`), which only ever runs in a subprocess. Closed stays closed. Raises
    InputError `mesh.*`, `remesh.not-installed`, `remesh.too-dense`, `remesh.timeout`, `remesh.failed`, `remesh.opened`,
    `remesh.off-target` when the mean edge comes out OFF_TARGET times longer or shorter than asked.
    """
    surface = joined_surface(asset)
    length = options.edge * surface.diagonal
    expected = surface.found.area / (np.sqrt(0.75) / 2.0 * length**2)
    if expected > MAX_FACES:
        raise InputError("remesh.too-dense", f"edges of {length:g} m mean about {expected:.0f} faces, over {MAX_FACES}")
    half = 0.5 * float(np.ptp(surface.points, axis=0).max())
    given = {"edge": length / half, "iterations": options.iterations, "degrees": options.feature_degrees}
    points, polygons = run_tool("pymeshlab", "pymeshlab", SCRIPT, surface, options.seconds, given)
    faces = np.array(polygons, dtype=np.int32)
    mean = mean_edge(points, faces)
    if not length / OFF_TARGET <= mean <= length * OFF_TARGET:
        raise InputError("remesh.off-target", f"edges are {mean:g} m long in the mean, {length:g} m were asked for")
    note = f"{asset.face_count} to {len(faces)} faces, mean edge {mean / length:.2f} of {length:.4g} m"
    return accepted(asset, surface, points, faces, "remesh_isotropic", note)


def mean_edge(points: F64, faces: I32) -> float:
    """Mean length over all corners' edges, metres."""
    corners = points[faces]
    return float(np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2).mean())
