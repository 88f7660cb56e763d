"""The meshes of the geometry benches: marching-cubes meshes of a given size that we make, and real ones if there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from ml.asset import I32
from ml.readers.registry import read_mesh
from ml.sources import Source
from tasks.topology import F64, weld
from tasks.watertight import remesh

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "build" / "bench-meshes"
REAL = Path(os.environ.get("MESHMILL_BENCH_MESHES", ROOT.parent / "shared" / "meshes"))
SIZES = {"5k": 5_000, "50k": 50_000, "200k": 187_000, "500k": 456_000, "1M": 905_000}  # as in the field's tables
Mesh = tuple[F64, I32]


@cache
def generated(size: str) -> Mesh:
    """A closed marching-cubes mesh of about SIZES[size] faces: a knotted tube with bumps, longest side 2."""
    path = CACHE / f"knot-{size}.npz"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        points, faces = knot(600, 160)
        resolution = 128
        for _ in range(4):  # faces grow with the square of the resolution
            made = remesh(points, faces, resolution, faithful=False)
            vertices, triangles = made.vertices, made.faces
            if abs(len(triangles) / SIZES[size] - 1) < 0.02:
                break
            resolution = round(resolution * (SIZES[size] / len(triangles)) ** 0.5)
        np.savez(path, vertices=vertices.astype(np.float64), faces=triangles)
    with np.load(path) as kept:
        return kept["vertices"], kept["faces"]


def knot(along: int, around: int) -> Mesh:
    """A trefoil tube with two scales of bumps, 2·along·around faces, in [−1, 1]."""
    t = np.linspace(0, 2 * np.pi, along, endpoint=False)[:, None]
    s = np.linspace(0, 2 * np.pi, around, endpoint=False)[None]
    centre = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=-1)
    tangent = np.roll(centre, -1, axis=0) - np.roll(centre, 1, axis=0)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    side = np.cross(tangent, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    up = np.cross(side, tangent)
    radius = 0.45 + 0.05 * np.sin(20 * t) * np.cos(5 * s) + 0.01 * np.sin(90 * t + 3 * s) * np.sin(40 * s)
    points = centre + radius[..., None] * (np.cos(s)[..., None] * side + np.sin(s)[..., None] * up)
    points = points.reshape(-1, 3)
    points /= np.abs(points).max()
    i, j = np.meshgrid(np.arange(along), np.arange(around), indexing="ij")
    a, b = (i * around + j).ravel(), (i * around + (j + 1) % around).ravel()
    c, d = ((i + 1) % along * around + j).ravel(), ((i + 1) % along * around + (j + 1) % around).ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return points, faces.astype(np.int32)


def real(*names: str) -> Iterator[tuple[str, F64, I32]]:
    """(name, points, faces) of the files in MESHMILL_BENCH_MESHES, welded; all that are there without names."""
    for path in sorted(REAL.glob("*")) if REAL.is_dir() else ():
        if path.suffix.lower() in (".obj", ".ply", ".stl", ".glb") and (not names or path.stem in names):
            yield path.stem, *load(path)


def load(path: Path) -> Mesh:
    """A mesh file as one welded soup."""
    points, faces, _ = read_mesh(Source(str(path), str(path.parent))).merged()
    points, faces, _ = weld(points, faces)
    return points, faces
