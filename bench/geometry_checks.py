"""Mesh checks: the cheap ones together, self-intersections against MeshLab's, wall thickness, and the repair ladder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import Mesh, generated, real
from peer import peer
from timing import cpu_of

from ml.asset import Asset, make_part
from tasks.checks import check
from tasks.repair import RepairOptions, repair
from tasks.self_intersections import self_intersections
from tasks.topology import topology, weld
from tasks.walls import walls


def doubled(points: np.ndarray, faces: np.ndarray) -> Mesh:
    """The mesh and a copy of it, moved by a tenth of its size: they cross all over."""
    shift = 0.1 * np.ptp(points, axis=0) * [1.0, 0.7, 0.4]
    return np.concatenate([points, points + shift]), np.concatenate([faces, faces + len(points)]).astype(np.int32)


def intersections(name: str, points: np.ndarray, faces: np.ndarray, bars: bool) -> Iterator[Figure]:
    """CPU and faces found, beside MeshLab."""
    cost, found = cpu_of(lambda: self_intersections(points, faces))
    theirs = peer("checks.pymeshlab_intersections", {"points": points, "faces": faces})
    name = f"self-intersections, {name} ({len(faces)} faces, {len(found.pairs)} pairs)"
    yield Figure(name, cost, "CPU-s", 0.15 if bars else None, peer="pymeshlab", peer_value=theirs.cpu)
    if bars:
        yield Figure(f"{name}: times less CPU than pymeshlab", theirs.cpu / cost, "x", 2.0, "higher")
    selected = theirs.arrays["faces"].astype(bool)
    yield Figure(f"{name}: faces found, only by us", float((found.faces & ~selected).sum()), "faces")
    yield Figure(f"{name}: faces found, only by pymeshlab", float((selected & ~found.faces).sum()), "faces")
    yield Figure(f"{name}: faces found by both", float((selected & found.faces).sum()), "faces", better="higher")


def repairs(points: np.ndarray, faces: np.ndarray) -> Iterator[Figure]:
    """A hundred holes and flips planted in the mesh, then mended without a remesh, beside pymeshfix."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(faces), 200, replace=False)
    broken = faces.copy()
    broken[chosen[:100]] = broken[chosen[:100], ::-1]
    broken = np.delete(broken, chosen[100:], axis=0)
    asset = Asset((make_part(points, broken),))
    cost, done = cpu_of(lambda: repair(asset, RepairOptions(remesh=False)), runs=2)
    theirs = peer("checks.pymeshfix_repair", {"points": points, "faces": broken}, runs=1)
    found = topology(*weld(done.parts[0].vertices, done.parts[0].faces)[:2])
    yield Figure(
        "repair of 100 holes and 100 flips, 187k faces", cost, "CPU-s", peer="pymeshfix", peer_value=theirs.cpu
    )
    yield Figure("the same: closed", float(found.closed), "", 1.0, "higher")
    yield Figure("the same: moved", done.metrics["repair.moved_percent"], "% of the diagonal")
    yield Figure(
        "the same: faces lost",
        float(len(faces) - done.face_count),
        "faces",
        peer="pymeshfix",
        peer_value=float(len(faces) - len(theirs.arrays["faces"])),
    )


def measure() -> Iterator[Figure]:
    """On the 187k-face mesh, then on meshes with many intersections."""
    points, faces = generated("200k")
    arrays = {"points": points, "faces": faces}
    cost, _ = cpu_of(lambda: check(points, faces))
    for name in ("trimesh", "pymeshlab", "open3d"):
        theirs = peer(f"checks.{name}_list", arrays)
        yield Figure(
            f"all cheap checks, 187k faces, beside {name}", cost, "CPU-s", 0.05, peer=name, peer_value=theirs.cpu
        )
    yield from intersections("187k", points, faces, bars=True)
    for name, vertices, triangles in real("armadillo"):
        yield from intersections(f"{name} twice", *doubled(vertices, triangles), bars=False)
    for name, vertices, triangles in real():
        yield from intersections(name, vertices, triangles, bars=False)
    yield from repairs(points, faces)
    cost, found = cpu_of(lambda: walls(points, faces), runs=3)
    theirs = peer("checks.embree_walls", arrays)
    yield Figure("wall thickness, 187k faces", cost, "CPU-s", peer="embree, float32", peer_value=theirs.cpu)
    near = np.isclose(found.thickness, theirs.arrays["thickness"], rtol=1e-3, atol=1e-4)
    yield Figure("wall thickness, share of the faces as embree has it", float(near.mean()), "", better="higher")


if __name__ == "__main__":
    main(measure, __doc__ or "")
