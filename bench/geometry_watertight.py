"""Watertight: CPU seconds, memory and distance to the input at 128–1024 voxels, beside the dense recipes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import Mesh, generated, real
from peer import peer
from timing import cpu_of

from ml.asset import I32, Asset, make_part
from tasks.bvh import build_bvh, closest_point
from tasks.narrow_band import narrow_band
from tasks.self_intersections import self_intersections
from tasks.topology import F64, topology
from tasks.watertight import PAD, REACH, THICKNESS, WatertightOptions, watertight

MODES = ("shell", "faithful")
CAPS = {"200k": 1.0, "1M": 2.0}  # CPU seconds at 512
CHILD = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from geometry_watertight import asset_of, generated, made
size, resolution, mode = {size!r}, {resolution}, {mode!r}
made(asset_of(generated("5k")), 64, mode)
asset = asset_of(generated(size))
open("/proc/self/clear_refs", "w").write("5")
def now(key):
    return [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)][0] / 1e3
before = now("VmRSS")
made(asset, resolution, mode)
print(now("VmHWM") - before)
"""


def asset_of(mesh: Mesh) -> Asset:
    """A mesh as the step gets it."""
    return Asset((make_part(*mesh),))


def made(asset: Asset, resolution: int, mode: str) -> Asset:
    """The whole step, its checks of input and result included."""
    return watertight(asset, WatertightOptions(resolution=resolution, mode=mode, when="always"))  # type: ignore[arg-type]


def memory(size: str, resolution: int, mode: str) -> float:
    """MB of peak resident memory above what a process that holds mesh and compiled kernels has."""
    here = Path(__file__).parent
    code = CHILD.format(here=str(here), root=str(here.parent), size=size, resolution=resolution, mode=mode)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def open3d(mesh: Mesh, resolution: int) -> float:
    """CPU seconds of Open3D given the grid and the blocks that our own band chose."""
    points, faces = mesh
    low = points.min(axis=0)
    voxel = float((points.max(axis=0) - low).max()) / (resolution - 2 * PAD)
    local = (points - low) / voxel + PAD
    band = narrow_band(local, faces, REACH, 10**9)
    assert band is not None
    arrays = {"points": local, "faces": faces, "blocks": band.blocks, "shape": np.array(band.shape)}
    return peer("watertight.open3d_band", arrays, runs=1, timeout=3000, thickness=THICKNESS).cpu


def distance(vertices: F64, faces: I32, mesh: Mesh, count: int = 100_000) -> float:
    """Mean distance to the input of points spread over the result by area."""
    rng = np.random.default_rng(0)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    f = rng.choice(len(faces), count, p=areas / areas.sum())
    s, t = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    places = (1 - s) * a[f] + s * (1 - t) * b[f] + s * t * c[f]
    return float(closest_point(build_bvh(*mesh), places)[2].mean())


def speed() -> Iterator[Figure]:
    """At 256 beside the dense recipe and the banded one; at 512 and 1024 alone, where those take minutes and 22 GB."""
    for size in ("5k", "200k"):  # the dense recipe needs minutes for 1M faces
        mesh = generated(size)
        points, faces = mesh
        dense = peer("watertight.libigl_dense", {"points": points, "faces": faces}, 1, 3000, resolution=256)
        banded = open3d(mesh, 256)
        for mode in MODES:
            cost, _ = cpu_of(partial(made, asset_of(mesh), 256, mode), 3)
            name = f"watertight {mode}, {size} faces at 256"
            yield Figure(name, cost, "CPU-s", None, "lower", "libigl dense", dense.cpu)
            yield Figure(f"{name}: times less than libigl", dense.cpu / cost, "x", 200, "higher")
            yield Figure(name, cost, "CPU-s", None, "lower", "Open3D band", banded)
            yield Figure(f"{name}: times less than Open3D on the band", banded / cost, "x", 10, "higher")
    for size, resolution in (("1M", 256), ("200k", 512), ("1M", 512), ("1M", 1024)):
        for mode in MODES:
            cost, _ = cpu_of(partial(made, asset_of(generated(size)), resolution, mode), 3)
            name, large = f"watertight {mode}, {size} faces at {resolution}", resolution != 512
            yield Figure(name, cost, "CPU-s", None if large else CAPS[size])
            yield Figure(f"{name}: memory", memory(size, resolution, mode), "MB", None if large else 300)


def quality() -> Iterator[Figure]:
    """How far faithful surfaces lie from their input, in voxels, and how many of their faces cross others."""
    meshes = [(size, *generated(size)) for size in ("5k", "200k", "1M")]
    for name, points, faces in [*meshes, *real("spot", "fandisk", "rocker-arm", "armadillo")]:
        part = made(asset_of((points, faces)), 256, "faithful").parts[0]
        vertices = part.vertices.astype(np.float64)
        voxel = float((points.max(axis=0) - points.min(axis=0)).max()) / (256 - 2 * PAD)
        far = distance(vertices, part.faces, (points, faces)) / voxel
        yield Figure(f"watertight faithful, {name} at 256: mean distance to the input", far, "voxels", 0.12)
        crossing = int(self_intersections(vertices, part.faces).faces.sum())
        yield Figure(f"watertight faithful, {name} at 256: faces that cross others", crossing, "faces", 0)


def corpus() -> Iterator[Figure]:
    """Every real mesh, the broken ones included, at three resolutions."""
    found = list(real())
    if not found:
        print("no real meshes here: set MESHMILL_BENCH_MESHES", file=sys.stderr)
        return
    for mode in MODES:
        closed, crossing = 0, 0
        for _, points, faces in found:
            for resolution in (128, 256, 512):
                part = made(asset_of((points, faces)), resolution, mode).parts[0]
                after = topology(part.vertices, part.faces)
                closed += after.closed and after.volume > 0
                if resolution < 512:
                    crossing += int(self_intersections(part.vertices.astype(np.float64), part.faces).faces.sum())
        name = f"watertight {mode}, {len(found)} real meshes"
        yield Figure(f"{name} at 128, 256, 512: closed 2-manifolds", closed / len(found) / 3, "of all", 1, "higher")
        yield Figure(f"{name} at 128, 256: faces that cross others", crossing, "faces", 0)


def measure() -> Iterator[Figure]:
    """Speed and memory, then what comes out."""
    yield from speed()
    yield from quality()
    yield from corpus()


if __name__ == "__main__":
    main(measure, __doc__ or "")
