"""How well a set of made shapes stands for a set of real ones: minimum matching distance and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tasks.shape_body import Body
from tasks.topology import F64

CLOUD = 2048  # points of a shape, as in Achlioptas et al. 2018, "Learning Representations and Generative Models …"
FEW = 96  # of them give a first distance, and only the SHORTLIST nearest by it are measured with all: 20 times faster
SHORTLIST = 12


class Spread(NamedTuple):
    """Of a made set against a reference set."""

    distance: float  # mean over references of the Chamfer distance to the nearest made shape, isotropic units
    coverage: float  # 0–1, references that are the nearest of some made shape


def spread(made: Sequence[Body], references: Sequence[Body]) -> Spread:
    """Minimum matching distance and coverage (Achlioptas et al. 2018, §5) by the Chamfer distance of CLOUD points in
    the isotropic frame, the mean of both directions' mean distances."""
    first, second = [_cloud(body) for body in made], [_cloud(body) for body in references]
    rough = np.array([[_chamfer(one, other, FEW) for other in second] for one in first])
    exact = np.full(rough.shape, np.inf)
    for i, j in _shortlist(rough):
        exact[i, j] = _chamfer(first[i], second[j], CLOUD)
    nearest = {int(j) for j in exact.argmin(axis=1)}
    return Spread(float(exact.min(axis=0).mean()), len(nearest) / len(references))


def _shortlist(rough: F64) -> set[tuple[int, int]]:
    """Pairs that may be the nearest of their row or of their column."""
    rows, columns = np.argsort(rough, axis=1)[:, :SHORTLIST], np.argsort(rough, axis=0)[:SHORTLIST]
    pairs = {(i, int(j)) for i, row in enumerate(rows) for j in row}
    return pairs | {(int(i), j) for column in columns for j, i in enumerate(column)}


class _Cloud(NamedTuple):
    points: F64  # (CLOUD, 3)
    tree: Any


def _cloud(body: Body) -> _Cloud:
    """CLOUD of the body's samples in random order, so that any few of them are spread over the surface as well."""
    from scipy.spatial import cKDTree  # not at module level: the common chain loads no scipy

    order = np.random.default_rng(0).permutation(len(body.samples.points))[:CLOUD]
    points = body.samples.points[order].astype(np.float64)
    return _Cloud(points, cKDTree(points))


def _chamfer(first: _Cloud, second: _Cloud, count: int) -> float:
    there, back = second.tree.query(first.points[:count])[0], first.tree.query(second.points[:count])[0]
    return float(there.mean() + back.mean()) / 2.0
