"""Decimation beside pymeshlab, fast-simplification and meshoptimizer: CPU, distances, edges, and UVs kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import generated
from peer import Reply, peer
from surface_error import Surface
from timing import cpu_of

from ml.asset import I32, Asset, Part, make_part
from tasks.simplify import SimplifyOptions, decimate, simplify
from tasks.topology import F64, half_edges, topology, weld

RUNS = {("1M", 20_000): (1.0, 10.0), ("1M", 100_000): None, ("1M", 5_000): None, ("200k", 20_000): None}
PEERS = {"pymeshlab_qem": {}, "fast_simplification": {"aggressiveness": 3.0}, "meshoptimizer": {}}


def measure() -> Iterator[Figure]:
    """Every size and target beside every peer, then the textured mesh."""
    surfaces: dict[str, Surface] = {}
    for (size, target), bars in RUNS.items():
        surface = surfaces.setdefault(size, Surface.of(*generated(size)))
        yield from _plain(surface, f"{size} to {target // 1000}k", target, bars)
    yield from _textured(surfaces["1M"], 20_000)


def _plain(surface: Surface, what: str, target: int, bars: tuple[float, float] | None) -> Iterator[Figure]:
    points, faces = surface.points, surface.faces
    cpu, made = cpu_of(lambda: decimate(points, faces, target))
    mean, most = surface.distance(*made)
    for name, options in PEERS.items():
        reply = peer(f"simplify.{name}", {"points": points, "faces": faces}, 1, target=target, **options)
        theirs = surface.distance(reply.arrays["points"].astype(np.float64), reply.arrays["faces"])
        bar = bars if name == "pymeshlab_qem" else None
        label = f"{what}, {len(made[1])} faces ({name} {len(reply.arrays['faces'])})"
        yield Figure(f"{label}: CPU", cpu, "CPU-s", bar[0] if bar else None, peer=name, peer_value=reply.cpu)
        if bar:
            yield Figure(f"{label}: times less CPU", reply.cpu / cpu, "x", bar[1], "higher")
        yield from distances(label, (mean, most), theirs, name, bar is not None)
    yield from _edges(what, (points, faces), made)


def distances(
    label: str, ours: tuple[float, float], theirs: tuple[float, float], name: str, barred: bool
) -> Iterator[Figure]:
    """(mean, Hausdorff) of ours and theirs; with a bar, ours must not be the larger."""
    for kind, value, other in zip(("mean", "Hausdorff"), ours, theirs, strict=True):
        bar = other * 1e4 if barred else None
        yield Figure(f"{label}: {kind} distance", value * 1e4, "e-4", bar, peer=name, peer_value=other * 1e4)


def _edges(what: str, before: tuple[F64, I32], after: tuple[F64, I32]) -> Iterator[Figure]:
    was, now = topology(*before), topology(*after)
    yield Figure(f"{what}: new non-manifold edges", now.nonmanifold_edges - was.nonmanifold_edges, "edges", 0)
    yield Figure(f"{what}: new boundary edges", now.boundary_edges - was.boundary_edges, "edges", 0)


def _textured(surface: Surface, target: int) -> Iterator[Figure]:
    part, chart = box_atlas(surface.points, surface.faces)
    assert part.uv is not None
    asset, what = Asset((part,)), f"1M to {target // 1000}k in {chart.max() + 1} charts"
    options = SimplifyOptions(target, attributes="keep")
    cpu, made = cpu_of(lambda: simplify(asset, options).parts[0])
    assert made.uv is not None
    arrays = {"points": surface.points, "faces": surface.faces, "uv": part.uv, "corners": part.faces}
    reply = peer("simplify.pymeshlab_textured", arrays, 1, target=target)
    name = "pymeshlab_textured"
    yield Figure(f"{what}: CPU", cpu, "CPU-s", peer=name, peer_value=reply.cpu)
    yield Figure(f"{what}: times less CPU", reply.cpu / cpu, "x", 8.0, "higher")
    points, faces, _ = weld(made.vertices.astype(np.float64), made.faces)
    yield from distances(
        what,
        surface.distance(points, faces),
        surface.distance(reply.arrays["points"], reply.arrays["faces"]),
        name,
        True,
    )
    yield from _edges(what, (surface.points, surface.faces), (points, faces))
    uv = part.uv[part.faces].astype(np.float64)
    ours = made.uv[made.faces].astype(np.float64)
    yield from _drawn(what, surface, uv, (points, faces, ours), reply)


def _drawn(what: str, surface: Surface, uv: F64, made: tuple[F64, I32, F64], reply: Reply) -> Iterator[Figure]:
    """The mean UV error, and faces whose corners lie in different cells of the atlas."""
    theirs = reply.arrays["uv"].reshape(-1, 3, 2)
    other = surface.uv_distance(uv, reply.arrays["points"], reply.arrays["faces"], theirs)
    mine = surface.uv_distance(uv, *made)
    name = "pymeshlab_textured"
    yield Figure(f"{what}: mean UV error", mine[0], "texels of 2048", peer=name, peer_value=other[0])
    yield Figure(f"{what}: surface beyond its seam", 100 * mine[1], "%", peer=name, peer_value=100 * other[1])
    cells = _cell_count(made[2], uv)
    yield Figure(f"{what}: faces drawn across a seam", cells, "faces", 0, peer=name, peer_value=_cell_count(theirs, uv))


def _cell_count(corners: F64, uv: F64) -> float:
    """Faces whose UVs reach into more than one cell of the atlas, whose cells are CELLS to a side."""
    cells = np.floor(corners * _cells(uv)).astype(np.int64)
    return float((cells != cells[:, :1]).any(axis=(1, 2)).sum())


def _cells(uv: F64) -> int:
    """Cells to a side, from the fewest that keep every original face in one."""
    return next(n for n in range(2, 200) if not (np.floor(uv * n) != np.floor(uv * n)[:, :1]).any())


def box_atlas(points: F64, faces: I32) -> tuple[Part, I32]:
    """The mesh under a box projection, each connected patch a chart in a square cell of its own; chart of each face."""
    axis = _smooth_axes(points, faces)
    offsets, halves = half_edges(faces, len(points))
    first, size = offsets[:-1], np.diff(offsets)
    inner = first[(size == 2)]
    inner = inner[axis[halves[inner] // 3] == axis[halves[inner + 1] // 3]]
    graph = coo_matrix((np.ones(len(inner)), (halves[inner] // 3, halves[inner + 1] // 3)), (len(faces),) * 2)
    count, chart = connected_components(graph, directed=False)
    side = int(np.ceil(np.sqrt(count)))
    corner = faces.astype(np.int64) * count + chart[:, None]
    rows, joined = np.unique(corner, return_inverse=True)
    vertex, cell = rows // count, rows % count
    kind = np.zeros(count, np.int64)
    kind[chart] = axis % 3
    plane = np.array([[1, 2], [0, 2], [0, 1]])[kind[cell]]
    flat = np.take_along_axis(points[vertex], plane, axis=1)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, cell, flat)
    np.maximum.at(high, cell, flat)
    inside = (flat - low[cell]) / np.maximum((high - low).max(axis=1), 1e-9)[cell, None]
    uv = (np.stack([cell % side, cell // side], axis=1) + 0.1 + 0.8 * inside) / side
    part = make_part(points[vertex], joined.reshape(-1, 3), uv=uv.astype(np.float32))
    return part, chart.astype(np.int32)


def _smooth_axes(points: F64, faces: I32) -> I32:
    """(m,) which of six directions each face looks along, by normals averaged widely so that charts are few."""
    cross = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    count = len(points)
    rows = faces.reshape(-1)
    spread = coo_matrix((np.ones(len(rows)), (np.repeat(np.arange(len(faces)), 3), rows)), (len(faces), count)).tocsr()
    for _ in range(60):
        cross = spread @ (spread.T @ cross) / 18.0
    biggest = np.abs(cross).argmax(axis=1)
    return (biggest + 3 * (cross[np.arange(len(faces)), biggest] < 0)).astype(np.int32)


if __name__ == "__main__":
    main(measure, __doc__ or "")
