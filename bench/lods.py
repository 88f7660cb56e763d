"""LOD chains and collision bodies: our levels beside pymeshlab's and meshoptimizer's of as many faces, and CoACD's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial import Delaunay

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import real
from peer import peer
from timing import cpu_of

from ml.asset import U8, Asset, make_part
from tasks.bake import BakeOptions, bake
from tasks.collision import CollisionOptions, collision
from tasks.convex_hull import convex_body
from tasks.decimate import collapse_levels
from tasks.lod_judge import Judge
from tasks.lod_textures import TextureLevels
from tasks.lods import LodOptions, lods
from tasks.normals import split_hard_edges
from tasks.sampling import uniform_samples
from tasks.signed_distance import build_distance_field, signed_distance
from tasks.simplify import SimplifyOptions, simplify
from tasks.topology import F64
from tasks.unwrap import UnwrapOptions, unwrap

MESHES = ("bunny", "armadillo", "rocker-arm")
FACES, LEVELS, RESOLUTION, HULLS = 20_000, 4, 1024, 16
PEERS = ("pymeshlab_textured", "meshoptimizer")


def measure() -> Iterator[Figure]:
    """Each mesh as game-ready makes it, painted with stripes in space so that wrong texture coordinates show."""
    for name, points, faces in real(*MESHES):
        colors = stripes(points)
        asset = simplify(Asset((make_part(points, faces, colors=colors),)), SimplifyOptions(FACES))
        asset = bake(unwrap(asset, UnwrapOptions(RESOLUTION)), BakeOptions(RESOLUTION))
        yield from _chain(name, asset)
    for name, points, faces in real("spot"):
        yield from _bodies(name, points, faces)


def stripes(points: F64) -> U8:
    """(n, 4) colours that change over a tenth of the size, another way in each channel."""
    low, size = points.min(axis=0), np.ptp(points, axis=0).max()
    waves = np.where(np.sin(2 * np.pi * 5 * (points - low) / size) > 0, 230, 40)
    return np.concatenate([waves, np.full((len(points), 1), 255)], axis=1).astype(np.uint8)


def _chain(name: str, asset: Asset) -> Iterator[Figure]:
    cpu, made = cpu_of(lambda: lods(asset, LodOptions(levels=LEVELS)), 3)
    yield Figure(f"{name}: {len(made.lods)} levels with halved maps, judged", cpu, "CPU-s")
    goals = [(level.face_count, 1e30) for level in made.lods]
    points, faces, _ = asset.merged()
    collapse, _ = cpu_of(lambda: collapse_levels(points, faces, faces, np.zeros((len(points), 0)), goals), 3)
    yield Figure(f"{name}: of which collapses, without attributes", collapse, "CPU-s")
    for kind in PEERS:
        theirs, levels = _peer_levels(kind, asset, made)
        yield Figure(f"{name}: levels by {kind} alone, one by one", theirs, "CPU-s")
        yield from _compared(name, kind, asset, made, levels)


def _peer_levels(kind: str, asset: Asset, made: Asset) -> tuple[float, list[Asset]]:
    """CPU seconds and levels of as many faces as ours, with LOD0's maps halved as ours are."""
    part, textures = asset.parts[0], TextureLevels()
    assert part.uv is not None
    points, faces, _ = asset.merged()
    total, levels, carried = 0.0, [], asset
    for level in made.lods:
        carried = textures.halved(carried)
        arrays = {"points": points, "faces": faces, "uv": part.uv, "corners": faces}
        reply = peer(f"simplify.{kind}", arrays, 1, target=level.face_count)
        total += reply.cpu
        vertices, triangles = reply.arrays["points"].astype(np.float32), reply.arrays["faces"]
        if "uv" in reply.arrays:
            uv = reply.arrays["uv"].reshape(-1, 2).astype(np.float32)
            vertices, triangles = vertices[triangles.reshape(-1)], np.arange(3 * len(triangles)).reshape(-1, 3)
            low = split_hard_edges(make_part(vertices, triangles, uv=uv))
        else:
            low = make_part(vertices, triangles, uv=part.uv, normals=part.normals)
        levels.append(Asset((replace(low, material=carried.parts[0].material),)))
    return total, levels


def _compared(name: str, kind: str, asset: Asset, made: Asset, levels: list[Asset]) -> Iterator[Figure]:
    judge = Judge(asset, TextureLevels(), 1.0, 1.0)
    for k, (level, other) in enumerate(zip(made.lods, levels, strict=True), start=1):
        coverage = made.metrics[f"lod{k}.coverage"]
        what = f"{name} LOD{k}, {level.face_count} faces ({kind} {other.face_count})"
        ours, theirs = (100 * judge.difference(x, coverage) for x in (level, other))
        yield Figure(f"{what}: image difference", ours, "%", 10.0, peer=kind, peer_value=theirs)
        ours, theirs = (1e4 * judge.straying(x) / judge.diameter for x in (level, other))
        yield Figure(f"{what}: 99 % of LOD0 within", ours, "e-4 of the diagonal", peer=kind, peer_value=theirs)


def _bodies(name: str, points: F64, faces: np.ndarray) -> Iterator[Figure]:
    """Bodies of at most HULLS, ours at the concavity that needs them all."""
    asset = Asset((make_part(points, faces),))
    cpu, made = cpu_of(lambda: collision(asset, CollisionOptions(HULLS, 64, 0.02)), 3)
    reply = peer("collision.coacd", {"points": points, "faces": faces}, 1, most=HULLS)
    bodies = [convex_body(reply.arrays["points"][reply.arrays["owner"] == k], 10**6) for k in range(HULLS)]
    theirs = [body[0].astype(np.float64) for body in bodies if len(body[0])]
    ours = [body.vertices.astype(np.float64) for body in made.collision]
    label = f"{name}, {len(ours)} bodies (CoACD {len(theirs)})"
    yield Figure(f"{label}: CPU", cpu, "CPU-s", peer="CoACD", peer_value=reply.cpu)
    mine, other = _shares(points, faces, ours), _shares(points, faces, theirs)
    for what, value, peers in zip(("volume outside", "surface uncovered"), mine, other, strict=True):
        yield Figure(f"{label}: {what}", 100 * value, "%", peer="CoACD", peer_value=100 * peers)


def _shares(points: F64, faces: np.ndarray, bodies: list[F64]) -> tuple[float, float]:
    """Share of the bodies' union outside the mesh, by exact signs, and of the surface over 1 % of the size off them."""
    box = points.min(axis=0), np.ptp(points, axis=0)
    inner = box[0] + np.random.default_rng(0).random((40_000, 3)) * box[1]
    held = np.any([Delaunay(body).find_simplex(inner) >= 0 for body in bodies], axis=0)
    field = build_distance_field(points, faces)
    outside = signed_distance(field, inner[held]).distance > 0
    surface = uniform_samples(points, faces, 5_000).points.astype(np.float64)
    hulls = [build_distance_field(*_triangles(body)) for body in bodies]
    off = np.min([signed_distance(hull, surface).distance for hull in hulls], axis=0)
    return float(outside.mean()), float((off > 0.01 * np.linalg.norm(box[1])).mean())


def _triangles(body: F64) -> tuple[F64, np.ndarray]:
    vertices, faces = convex_body(body, 10**6)
    return vertices.astype(np.float64), faces


if __name__ == "__main__":
    main(measure, __doc__ or "")
