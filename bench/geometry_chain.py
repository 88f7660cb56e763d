"""The geometric chain from a generator's mesh to 40k clean faces, beside Hunyuan3D-2.1's; no UVs on either side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from geometry_simplify import distances
from meshes import Mesh, generated
from peer import peer
from surface_error import Surface
from timing import cpu_of

from ml.asset import Asset, make_part
from tasks.clean import CleanOptions, clean
from tasks.holes import hole_fans
from tasks.simplify import decimate
from tasks.topology import topology, weld

TARGET = 40_000
FLOATERS, CAPS, HOLES = 20, 200, 40
HOLE_SIZE = 0.05  # the largest hole that is filled, and the largest floater dropped, as shares of the diagonal


def measure() -> Iterator[Figure]:
    """Both chains on the same damaged mesh, judged by the mesh before the damage."""
    whole = generated("500k")
    points, faces = damaged(*whole)
    cpu, made = cpu_of(lambda: chain(points, faces))
    name, what = "pymeshlab_chain", f"500k, damaged, to {len(made[1])}"
    reply = peer(f"chain.{name}", {"points": points, "faces": faces}, 1, target=TARGET)
    theirs = reply.arrays["points"], reply.arrays["faces"].astype(np.int32)
    yield Figure(f"{what}: CPU", cpu, "CPU-s", peer=name, peer_value=reply.cpu)
    yield Figure(f"{what}: times less CPU", reply.cpu / cpu, "x", 6.0, "higher")
    surface = Surface.of(*whole)
    yield from distances(what, surface.distance(*made), surface.distance(*theirs), name, True)
    ours, others = topology(*made), topology(*theirs)
    for kind in ("boundary", "non-manifold"):
        field = kind.replace("-", "") + "_edges"
        yield Figure(
            f"{what}: {kind} edges", getattr(ours, field), "edges", 0, peer=name, peer_value=getattr(others, field)
        )


def chain(points: np.ndarray, faces: np.ndarray) -> Mesh:
    """Floaters, degenerate and duplicate faces, holes, faces beyond TARGET."""
    part = clean(Asset((make_part(points, faces),)), CleanOptions(drop_floaters=HOLE_SIZE)).parts[0]
    diagonal = float(np.linalg.norm(np.ptp(part.vertices, axis=0)))
    vertices, joined, _ = weld(part.vertices.astype(np.float64), part.faces)
    filled, patched, _ = hole_fans(vertices, joined, HOLE_SIZE * diagonal)
    return decimate(filled, patched, TARGET)


def damaged(points: np.ndarray, faces: np.ndarray) -> Mesh:
    """FLOATERS tetrahedra beside the mesh, CAPS faces without area in split edges, HOLES vertices cut out."""
    rng = np.random.default_rng(0)
    cut = rng.choice(len(points), HOLES, replace=False)
    faces = faces[~np.isin(faces, cut).any(axis=1)]
    split = rng.choice(len(faces), CAPS, replace=False)
    a, b, c = faces[split].T
    middle = len(points) + np.arange(CAPS)
    points = np.concatenate([points, 0.5 * (points[a] + points[b])])
    pieces = [np.stack(corners, axis=1) for corners in ((a, middle, c), (middle, b, c), (a, b, middle))]
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.005
    sides = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    places = rng.uniform(-1, 1, (FLOATERS, 1, 3))
    floating = sides + len(points) + 4 * np.arange(FLOATERS)[:, None, None]
    points = np.concatenate([points, (tetrahedron + places).reshape(-1, 3)])
    keep = np.delete(faces, split, axis=0)
    return points, np.concatenate([keep, *pieces, floating.reshape(-1, 3)]).astype(np.int32)


if __name__ == "__main__":
    main(measure, __doc__ or "")
