"""Curation views: 8 pictures of 256² with normals, depth and albedo, beside Embree's rays through the same pixels."""

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

from ml.asset import Asset, make_part
from tasks.camera import Camera
from tasks.topology import F64
from tasks.view_cameras import sphere_cameras
from tasks.views import render_views

SIZE, VIEWS = 256, 8
BARS = {"50k": 3.0, "200k": 6.0, "1M": None}  # ms CPU a view


def measure() -> Iterator[Figure]:
    """Cost and agreement on three generated meshes and, where they are there, two real ones."""
    for size, bar in BARS.items():
        yield from compare(f"views, {size} faces", *generated(size), bar)
    for name, points, faces in real("armadillo", "fandisk"):
        yield from compare(f"views, {name}", points, faces, None)


def compare(name: str, points: F64, faces: np.ndarray, bar: float | None) -> Iterator[Figure]:
    """One mesh with random vertex colours from TRELLIS' cameras."""
    colors = np.random.default_rng(0).integers(0, 256, (len(points), 4)).astype(np.uint8)
    asset = Asset((make_part(points, faces, colors=colors),))
    cameras = sphere_cameras(asset.bounds(), VIEWS)
    ours, views = cpu_of(lambda: render_views(asset, cameras, SIZE))
    rays = {
        "directions": np.stack([directions(camera) for camera in cameras]),
        "eyes": np.array([camera.eye for camera in cameras]),
        "forward": np.stack([-camera.axes()[2] for camera in cameras]),
    }
    reply = peer("views.embree", {"points": points, "faces": faces, "colors": colors, **rays})
    theirs, seen = reply.cpu / VIEWS * 1e3, np.isfinite(reply.arrays["depth"])
    both = views.mask & seen
    away = np.abs(views.depth[both] - reply.arrays["depth"][both])
    yield Figure(f"{name}: CPU a view", ours / VIEWS * 1e3, "CPU-ms", bar, peer="Embree", peer_value=theirs)
    yield Figure(f"{name}: times less CPU than Embree", theirs / (ours / VIEWS * 1e3), "x", 5.0, better="higher")
    yield Figure(f"{name}: coverage IoU with Embree", both.sum() / (views.mask | seen).sum(), "", 0.99, better="higher")
    yield Figure(f"{name}: depth within 1e-3 of Embree's", float((away < 1e-3).mean()), "of pixels", better="higher")
    yield Figure(f"{name}: mean depth difference", float(away.mean()), "m", 1e-3)


def directions(camera: Camera) -> F64:
    """(SIZE, SIZE, 3) unit directions through the pixels' centres."""
    x = (np.arange(SIZE) + 0.5) / SIZE * 2.0 - 1.0
    slope = np.tan(np.radians(camera.fov) / 2.0)
    local = np.stack(np.broadcast_arrays(x[None] * slope, -x[:, None] * slope, -1.0), axis=-1)
    ways = local @ camera.axes()
    return ways / np.linalg.norm(ways, axis=-1, keepdims=True)


if __name__ == "__main__":
    main(measure, __doc__ or "")
