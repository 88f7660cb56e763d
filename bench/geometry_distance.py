"""Signed distance of 500,000 points, half of them near the surface, beside fcpw with libigl's winding number."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import generated, real
from peer import peer
from timing import cpu_of

from ml.asset import I32
from tasks.morton import F64, morton_order
from tasks.sampling import uniform_samples
from tasks.signed_distance import Distances, build_distance_field, signed_distance, unsigned_distance

QUERIES = 500_000
JUDGED = 50_000  # distances that libigl's exact query judges
SUMMED = 2e8  # solid angles at most that libigl sums to judge signs
SOUGHT = {"50k": None, "200k": 1.0, "1M": None}  # CPU seconds, building included


def measure() -> Iterator[Figure]:
    """Three closed meshes of growing size, then two real ones with holes, one of them with non-manifold edges."""
    for size, bar in SOUGHT.items():
        yield from compare(f"signed distance, {size} faces", *generated(size), bar)
    for name, points, faces in real("bunny", "beetle"):
        yield from compare(f"signed distance, open {name}", points, faces, None)


def compare(name: str, points: F64, faces: I32, bar: float | None) -> Iterator[Figure]:
    """Cost beside the peer's, and every error that can be told, on one mesh scaled to [−1, 1]."""
    low, high = points[faces].min(axis=(0, 1)), points[faces].max(axis=(0, 1))
    points = (points - 0.5 * (low + high)) * (2.0 / (high - low).max())
    queries = mixed_queries(points, faces)
    cost, found = cpu_of(lambda: signed_distance(build_distance_field(points, faces), queries))
    reply = peer("distance.fcpw_igl", {"points": points, "faces": faces, "queries": queries[morton_order(queries)]})
    yield Figure(f"{name}: 500k points, building included", cost, "CPU-s", bar, peer="fcpw + igl", peer_value=reply.cpu)
    target = None if bar is None else 2.5
    yield Figure(f"{name}: times less CPU than fcpw + igl", reply.cpu / cost, "x", target, better="higher")
    yield Figure(f"{name}: building", cpu_of(lambda: build_distance_field(points, faces))[0], "CPU-s")
    field = build_distance_field(points, faces)
    yield Figure(f"{name}: unsigned, built before", cpu_of(lambda: unsigned_distance(field, queries))[0], "CPU-s")
    yield from errors(name, points, faces, queries, found, reply.arrays["number"])


def mixed_queries(points: F64, faces: I32) -> F64:
    """Half samples of the surface moved by Gaussian noise of 0.01 to 0.05, half uniform in [−1.05, 1.05]³."""
    rng = np.random.default_rng(0)
    near = uniform_samples(points, faces, QUERIES // 2).points.astype(np.float64)
    near += rng.normal(size=near.shape) * rng.uniform(0.01, 0.05, (len(near), 1))
    return np.concatenate([near, rng.uniform(-1.05, 1.05, (QUERIES - len(near), 3))])


def errors(name: str, points: F64, faces: I32, queries: F64, found: Distances, number: F64) -> Iterator[Figure]:
    """Distances against libigl's in float64; signs against `number`, the peer's of the Morton-sorted queries.

    Where the two signs differ, and on a random sample, every solid angle is summed to tell who is right.
    """
    chosen = np.random.default_rng(1).choice(len(queries), JUDGED, replace=False)
    peers = np.empty(len(queries))
    peers[morton_order(queries)] = number
    inside = found.distance < 0
    differ = np.flatnonzero((peers > 0.5) != inside)
    few = np.concatenate([differ, chosen[: int(SUMMED / len(faces))]])
    given = {"points": points, "faces": faces, "queries": queries[chosen], "few": queries[few]}
    exact = peer("distance.exact", given, runs=1).arrays
    wrong = (exact["number"] > 0.5) != inside[few]
    ours, theirs = int(wrong[: len(differ)].sum()), int((~wrong[: len(differ)]).sum())
    off = np.abs(np.abs(found.distance[chosen]) - exact["distance"]).max()
    yield Figure(f"{name}: largest distance error of {JUDGED}", float(off), "", 1e-6)
    yield Figure(f"{name}: wrong signs", ours / QUERIES, "of points", 1e-5, peer="igl", peer_value=theirs / QUERIES)
    sample = wrong[len(differ) :]
    yield Figure(
        f"{name}: wrong signs in a sample of {len(sample)} summed exactly", float(sample.mean()), "of points", 1e-5
    )


if __name__ == "__main__":
    main(measure, __doc__ or "")
