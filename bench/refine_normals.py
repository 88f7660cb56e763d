"""Refining by normals: a ball and a coarse, smoothed copy take on the detail of six meshes from 12 and 24 views.

No peer: nvdiffrast, on which Palfinger's program and its successors run, needs CUDA; none of them runs on a CPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import real

from ml.asset import I32, Asset, make_part
from tasks.bvh import build_bvh, closest_point
from tasks.fidelity import surface_distances
from tasks.normal_gradient import summed_normals, unit
from tasks.refine_normals import RefineNormalsOptions, refine_normals
from tasks.sampling import uniform_samples
from tasks.self_intersections import self_intersections
from tasks.simplify import SimplifyOptions, simplify
from tasks.topology import F64

TARGETS = ("armadillo", "bunny", "cheburashka", "cow", "fandisk", "spot")  # a ball can become each: none has a handle
OPTIONS = RefineNormalsOptions(views=24, size=256, edge=0.01, rounds=300)
COARSE_FACES, SMOOTHINGS = 3000, 10
SAMPLES = 20_000
Mesh = tuple[F64, I32]


def measure() -> Iterator[Figure]:
    """Both starts for all targets from 24 views, and the smoothed one from 12."""
    refine_normals(started(smoothed(*ball()), ball()), replace(OPTIONS, rounds=10))  # compiled before anything is timed
    for name, points, faces in real(*TARGETS):
        target = (points, faces)
        yield from compare(f"{name} from a ball, 24 views", target, around(points), OPTIONS)
        yield from compare(f"{name} smoothed, 24 views", target, smoothed(points, faces), OPTIONS)
        yield from compare(f"{name} smoothed, 12 views", target, smoothed(points, faces), replace(OPTIONS, views=12))


def compare(name: str, target: Mesh, start: Mesh, options: RefineNormalsOptions) -> Iterator[Figure]:
    """One fit."""
    began = time.process_time()
    part = refine_normals(started(start, target), options).parts[0]
    seconds = time.process_time() - began
    result = (part.vertices.astype(np.float64), part.faces)
    apart = surface_distances(target, result, SAMPLES)
    before, after = normal_error(target, start), normal_error(target, result)
    added = len(self_intersections(*result).pairs) - len(self_intersections(*start).pairs)
    yield Figure(f"{name}: normal error before", before, "degrees")
    yield Figure(f"{name}: normal error after", after, "degrees", 0.5 * before)
    yield Figure(f"{name}: mean distance, both ways", apart.percent(apart.mean), "% of diagonal", 0.5)
    yield Figure(f"{name}: self-intersections added", max(added, 0), "pairs", 0)
    yield Figure(f"{name}: {len(part.faces)} faces", seconds, "CPU-s")


def started(start: Mesh, target: Mesh) -> Asset:
    """The start as an asset whose source is the target."""
    return Asset((make_part(*start),), source=Asset((make_part(*target),)))


def ball() -> Mesh:
    """A ball of 1,280 faces and radius 1."""
    mesh = trimesh.creation.icosphere(3)
    return np.array(mesh.vertices), mesh.faces.astype(np.int32)


def around(points: F64) -> Mesh:
    """The ball stretched to the box of the points, a twentieth larger."""
    low, high = points.min(axis=0), points.max(axis=0)
    vertices, faces = ball()
    return 0.5 * (low + high) + 0.525 * (high - low) * vertices, faces


def smoothed(points: F64, faces: I32) -> Mesh:
    """COARSE_FACES faces, then SMOOTHINGS times every vertex half way to the middle of its neighbours."""
    part = simplify(Asset((make_part(points, faces),)), SimplifyOptions(target_faces=COARSE_FACES)).parts[0]
    mesh = trimesh.Trimesh(part.vertices, part.faces, process=True)
    trimesh.smoothing.filter_laplacian(mesh, lamb=0.5, iterations=SMOOTHINGS, volume_constraint=False)
    return np.array(mesh.vertices), mesh.faces.astype(np.int32)


def normal_error(target: Mesh, mesh: Mesh) -> float:
    """Mean angle in degrees between the shading normals at points spread over the target and at the closest ones."""
    samples = uniform_samples(*target, SAMPLES)
    face, weights, _ = closest_point(build_bvh(*mesh), samples.points)
    cosine = (
        shading(target, samples.faces, samples.barycentric.astype(np.float64)) * shading(mesh, face, weights)
    ).sum(axis=1)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


def shading(mesh: Mesh, face: I32, weights: F64) -> F64:
    """(n, 3) unit vertex normals interpolated at places on faces."""
    normals = unit(summed_normals(*mesh))
    shown: F64 = unit(np.einsum("ik,ikd->id", weights, normals[mesh[1][face]]))
    return shown


if __name__ == "__main__":
    main(measure, __doc__ or "")
