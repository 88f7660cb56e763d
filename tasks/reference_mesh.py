"""Likeness to a reference mesh: Chamfer distance and F-score between surfaces of one size in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml.asset import I32, Asset, InputError, make_part
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.bvh import Bvh, build_bvh, closest_point
from tasks.orient import orient
from tasks.sampling import uniform_samples
from tasks.subject import Subject
from tasks.topology import F64

POINTS = 10_000  # on each surface: an F-score is known to ±1 % (two standard deviations at worst)
FEW = 1_000  # on each that choose the turn
TURNS = 4  # a quarter each: which side is the front, a prompt seldom says and a file never
THRESHOLDS = (0.01, 0.02)  # of the longest side


@dataclass(frozen=True)
class Shape:
    """A surface whose box is centred on the origin and 1 along its longest side."""

    vertices: F64  # (n, 3)
    faces: I32  # (m, 3)
    points: F64  # (POINTS, 3) spread evenly over it

    def bvh(self) -> Bvh:
        """For the closest places on it."""
        return build_bvh(self.vertices, self.faces)

    def turned(self, quarters: int) -> Shape:
        """About the vertical."""
        turn = np.round([[np.cos(a := 0.5 * np.pi * quarters), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        return Shape(self.vertices @ turn.T, self.faces, self.points @ turn.T)


def read_reference(source: Source) -> Shape:
    """The mesh that an asset is compared with, turned Y up; raises InputError as `read_mesh` and `uniform_samples`."""
    asset = read_mesh(source)
    for part in asset.parts:
        make_part(part.vertices, part.faces)
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the reference mesh has no faces")
    return shape_of(orient(replace(asset, lods=(), source=None)))


def shape_of(asset: Asset) -> Shape:
    """The asset's surface, normalised; raises InputError `mesh.no-area` where it has none."""
    subject = Subject(asset)
    used = subject.points[subject.faces.reshape(-1)]
    low, high = used.min(axis=0), used.max(axis=0)
    longest = float((high - low).max())
    if not longest > 0.0:
        raise InputError("mesh.no-area", "the mesh is a single point")
    vertices = (subject.points - 0.5 * (low + high)) / longest
    return Shape(vertices, subject.faces, uniform_samples(vertices, subject.faces, POINTS).points.astype(np.float64))


def compared_to_mesh(asset: Asset, reference: Shape) -> Asset:
    """The asset with reference.chamfer, reference.f_score_1 and reference.f_score_2, both ways over POINTS points.

    Chamfer is the mean of the two mean distances, as a share of the longest side. The F-score at a threshold is the
    harmonic mean of the share of the asset that lies within it of the reference (precision) and of the reference within
    it of the asset (recall): Knapitsch et al. 2017, "Tanks and Temples"; at 1 % of the side, Tatarchenko et al. 2019.
    Both are centred by their boxes and scaled to 1, the asset in the best of four quarter turns about the vertical. An
    asset without a surface gets a Chamfer distance of 1 and scores of 0.
    """
    try:
        own = shape_of(asset)
    except InputError:
        return asset.measured({"reference.chamfer": 1.0, "reference.f_score_1": 0.0, "reference.f_score_2": 0.0})
    theirs = reference.bvh()
    few = slice(None, None, POINTS // FEW)

    def rough(quarters: int) -> float:
        return sum(float(each.mean()) for each in _distances(own.turned(quarters), reference, theirs, few))

    best = min(range(TURNS), key=rough)
    forward, backward = _distances(own.turned(best), reference, theirs, slice(None))
    shares = [(limit, float((forward <= limit).mean()), float((backward <= limit).mean())) for limit in THRESHOLDS]
    scores = {f"reference.f_score_{round(100 * limit)}": _harmonic(*both) for limit, *both in shares}
    return asset.measured({"reference.chamfer": 0.5 * float(forward.mean() + backward.mean()), **scores})


def _distances(own: Shape, reference: Shape, theirs: Bvh, which: slice) -> tuple[F64, F64]:
    """From the asset's points to the reference, and from the reference's to the asset."""
    return (
        closest_point(theirs, own.points[which])[2],
        closest_point(own.bvh(), reference.points[which])[2],
    )


def _harmonic(precision: float, recall: float) -> float:
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0.0 else 0.0
