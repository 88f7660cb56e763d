"""Surface samples: uniform beside trimesh, salient beside meshiki, farthest points beside fpsample."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import Mesh, generated, real
from peer import peer
from timing import cpu_of

from tasks.farthest_points import farthest_points
from tasks.salient import salient_samples
from tasks.sampling import curvature_samples, uniform_samples
from tasks.topology import F64

COUNT, SALIENT, KEPT = 500_000, 32_768, 64_000
ANGLE = 15.0


def measure() -> Iterator[Figure]:
    """The three kinds in turn."""
    for size in ("50k", "200k", "1M"):
        yield from uniform(size)
    for name, points, faces in (
        ("200k faces", *generated("200k")),
        ("196k faces of boxes", *boxes()),
        *real("fandisk"),
    ):
        yield from salient(name, points, faces)
    yield from farthest()


def uniform(size: str) -> Iterator[Figure]:
    """500k points with faces, barycentrics and normals; trimesh gives points and faces."""
    points, faces = generated(size)
    ours, _ = cpu_of(lambda: uniform_samples(points, faces, COUNT))
    theirs = peer("sampling.uniform", {"points": points, "faces": faces}, count=COUNT).cpu
    yield Figure(f"uniform 500k, {size} faces", ours, "CPU-s", peer="trimesh", peer_value=theirs)
    yield Figure(f"uniform 500k, {size} faces: times less CPU", theirs / ours, "x", 15.0, better="higher")
    yield Figure(
        f"by curvature 500k, {size} faces", cpu_of(lambda: curvature_samples(points, faces, COUNT))[0], "CPU-s"
    )


def salient(name: str, points: F64, faces: np.ndarray) -> Iterator[Figure]:
    """Exactly 32,768 points where faces meet at more than 15°; both sides start from points and faces."""
    ours, made = cpu_of(lambda: salient_samples(points, faces, SALIENT, ANGLE))
    given = {"points": points, "faces": faces}
    reply = peer("sampling.salient", given, count=SALIENT, angle=ANGLE, ready=False)
    ready = peer("sampling.salient", given, count=SALIENT, angle=ANGLE, ready=True)
    yield Figure(f"salient, {name}", ours, "CPU-s", peer="meshiki", peer_value=reply.cpu)
    yield Figure(f"salient, {name}: times less CPU", reply.cpu / ours, "x", 5.0, better="higher")
    yield Figure(f"salient, {name}: times less than meshiki's mesh made before", ready.cpu / ours, "x", better="higher")
    yield Figure(f"salient, {name}: points", len(made.points), "points", SALIENT, better="higher")
    theirs = reply.arrays["points"]
    apart = max(cKDTree(a).query(b)[0].max() for a, b in ((made.points, theirs), (theirs, made.points)))
    yield Figure(f"salient, {name}: Hausdorff distance from meshiki's", apart, "of half the longest side")


def boxes() -> Mesh:
    """16 boxes of 12,288 faces each, apart on a grid: long sharp edges and flat sides, as CAD models have."""
    steps = np.arange(33) / 32.0
    u, v = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    i, j = (axis.ravel() for axis in np.meshgrid(np.arange(32), np.arange(32), indexing="ij"))
    corner = i * 33 + j
    quads = np.stack([corner, corner + 33, corner + 34, corner, corner + 34, corner + 1], axis=1).reshape(-1, 3)
    sides = []
    for axis in range(3):
        for end in (0.0, 1.0):
            side = np.insert(np.stack([u, v], axis=1), axis, end, axis=1)
            sides.append(side[quads if (end == 1.0) == (axis != 1) else quads[:, ::-1]])
    box = np.concatenate(sides).reshape(-1, 3)
    shifts = np.array([[x, y, z] for x in range(4) for y in range(4) for z in (0,)]) * 1.5
    soup = (box[None] + shifts[:, None]).reshape(-1, 3)
    points, inverse = np.unique(soup, axis=0, return_inverse=True)
    return points / points.max(), inverse.reshape(-1, 3).astype(np.int32)


def farthest() -> Iterator[Figure]:
    """64k of 500k points, and how far the rest lies from them: the greedy choice's own measure."""
    cloud = uniform_samples(*generated("200k"), COUNT).points
    ours, picks = cpu_of(lambda: farthest_points(cloud, KEPT), 3)
    for height in (5, 7):
        reply = peer("sampling.farthest", {"points": cloud}, count=KEPT, height=height)
        name = f"farthest 64k of 500k, beside height {height}"
        yield Figure(name, ours, "CPU-s", 0.5, peer=f"fpsample h={height}", peer_value=reply.cpu)
    theirs = reply.arrays["picks"].astype(np.int64)
    reach, peers = (float(cKDTree(cloud[i]).query(cloud)[0].max()) for i in (picks, theirs))
    yield Figure(
        "farthest 64k of 500k: covering radius", reach * 1e3, "1e-3", peer="fpsample h=7", peer_value=peers * 1e3
    )


if __name__ == "__main__":
    main(measure, __doc__ or "")
