"""How well one shape matches another: volume, distance and direction of the surface, and its looks."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from ml.asset import F32
from tasks.sampling import unit_normals
from tasks.shape_body import Body
from tasks.signed_distance import Distances, signed_distance, unsigned_distance
from tasks.topology import F64

VOLUME_POINTS = 100_000  # as in Mescheder et al. 2019, "Occupancy Networks", supplement
F_SCORE_AT = 0.02  # of half the diagonal: stricter than of the box's side, which Tatarchenko et al. 2019 take
FINEST_ERROR = 1.0 / 255 / np.sqrt(12.0)  # an 8-bit code's own rounding: the best that a PSNR can tell apart, 58.9 dB


@dataclass(frozen=True)
class Match:
    """A made shape against the true one, both in their own isotropic frame: size does not count, proportions do."""

    iou: float  # 0–1 of the volumes
    chamfer: float  # Chamfer-L1 over half the true diagonal: mean of accuracy and completeness, each a mean distance
    f_score: float  # 0–1, harmonic mean of precision and recall at F_SCORE_AT
    normals: float  # 0–1 mean |cosine| between each sample's normal and that at the closest place on the other
    albedo_psnr: float  # dB over the sRGB albedo at the true surface's samples
    looks_psnr: float  # dB over all eight channels


def match(true: Body, made: Body, seed: int = 0) -> Match:
    """Compare two bodies.

    Volumes are compared at VOLUME_POINTS uniform points of the box that holds both; inside is a winding number above
    one half. Surfaces are compared exactly, from `samples` of each to the closest place on the other's triangles, so
    that no second sampling adds to the distance. Definitions as Mescheder et al. 2019 and Tatarchenko et al. 2019,
    "What Do Single-view 3D Reconstruction Networks Learn?". The looks of the true samples are compared with the made
    ones at the closest place of the made surface, so that where the surface lies counts only once.
    """
    there = unsigned_distance(made.field, true.samples.points)  # completeness
    back = unsigned_distance(true.field, made.samples.points)  # accuracy
    half = float(np.linalg.norm(true.extents))
    limit = F_SCORE_AT * half
    recall, precision = float((there.distance < limit).mean()), float((back.distance < limit).mean())
    f_score = 2.0 * recall * precision / max(recall + precision, 1e-12)
    chamfer = float(there.distance.mean() + back.distance.mean()) / 2.0 / half
    agreement = (_agreement(true, made, there) + _agreement(made, true, back)) / 2.0
    errors = (made.looks_at(_places(made, there)) - true.looks).astype(np.float64)
    return Match(
        volume_iou(true, made, VOLUME_POINTS, seed), chamfer, f_score, agreement, _psnr(errors[:, :3]), _psnr(errors)
    )


def volume_iou(first: Body, second: Body, count: int, seed: int = 0) -> float:
    """Intersection over union of what two bodies enclose, 0–1, at `count` uniform points of the box that holds both:
    with 100,000 of them ± 0.003 where the bodies fill a third of it (standard error), with 20,000 ± 0.006."""
    reach = np.maximum(*(np.abs(body.vertices).max(axis=0) for body in (first, second)))
    points = np.random.default_rng(seed).uniform(-1.0, 1.0, (count, 3)) * reach
    inside = [signed_distance(body.field, points).distance < 0.0 for body in (first, second)]
    either = np.count_nonzero(inside[0] | inside[1])
    return float(np.count_nonzero(inside[0] & inside[1]) / either) if either else 0.0


def means(matches: list[Match]) -> Match:
    """Every figure's mean over the shapes."""
    return Match(*np.mean([astuple(each) for each in matches], axis=0).tolist())


def _places(body: Body, closest: Distances) -> F32:
    corners = body.vertices[body.faces[closest.face]]
    return np.asarray(np.einsum("nk,nkc->nc", closest.barycentric, corners), dtype=np.float32)


def _agreement(source: Body, target: Body, closest: Distances) -> float:
    normals = unit_normals(target.vertices, target.faces)[closest.face]
    return float(np.abs(np.einsum("nc,nc->n", source.samples.normals, normals)).mean())


def _psnr(errors: F64) -> float:
    """Peak signal-to-noise ratio in dB of values in 0–1."""
    return float(-20.0 * np.log10(max(float(np.sqrt(np.mean(errors**2))), FINEST_ERROR)))
