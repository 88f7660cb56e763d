"""The full vecset product of a 200k-face mesh beside the Hunyuan3D-2.1/Dora recipe built from its own packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from geometry_views import directions
from meshes import generated
from peer import peer
from timing import cpu_of

from ml.asset import Asset, make_part
from tasks.export_vecset import VecsetOptions, export_vecset
from tasks.export_views import ViewsOptions, export_views
from tasks.view_cameras import sphere_cameras
from tasks.watertight import WatertightOptions, watertight

# The product: 65k + 65k on the surface, 500k labelled.
COUNTS = {"uniform": 65_536, "salient": 65_536, "near": 200_000, "salient_near": 100_000, "volume": 200_000}
VECSET = VecsetOptions(**COUNTS)  # type: ignore[arg-type]
VIEWS = ViewsOptions(count=8, size=256, pack="zip")
PACKAGES = "libigl, trimesh, meshiki, Embree"
REMESH = WatertightOptions(resolution=256, mode="shell", when="always")
CHILD = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from curation import colored, product
product(colored("5k"))
asset = colored("200k")
open("/proc/self/clear_refs", "w").write("5")
def now(key):
    return [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)][0] / 1e3
before = now("VmRSS")
product(asset)
print(now("VmHWM") - before, now("VmHWM"))
"""


def colored(size: str) -> Asset:
    """The bench's mesh with random vertex colours."""
    points, faces = generated(size)
    colors = np.random.default_rng(0).integers(0, 256, (len(points), 4)).astype(np.uint8)
    return Asset((make_part(points, faces, colors=colors),))


def product(asset: Asset) -> int:
    """Bytes of the whole product: closed at 256, points with colours, distances, eight views with four maps each."""
    closed = watertight(asset, REMESH)
    files = export_vecset(closed, "x", VECSET) + export_views(closed, "x", VIEWS)
    return sum(len(file.data) for file in files)


def memory() -> tuple[float, float]:
    """MB of peak resident memory above what a process that holds mesh and kernels has, and the peak itself."""
    here = Path(__file__).parent
    code = CHILD.format(here=str(here), root=str(here.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    above, peak = map(float, done.stdout.split())
    return above, peak


def measure() -> Iterator[Figure]:
    """The whole, its three stages and memory; then the recipe with and without its dense grid."""
    asset, name = colored("200k"), "vecset product, 200k faces"
    closed = watertight(asset, REMESH)
    ours, size = cpu_of(lambda: product(asset), 3)
    yield Figure(name, ours, "CPU-s", 3.0)
    yield Figure(f"{name}: assets an hour on one core", 3600.0 / ours, "assets", None, "higher")
    yield Figure(f"{name}: size", size / 1e6, "MB")
    yield Figure(f"{name}: watertight 256", cpu_of(lambda: watertight(asset, REMESH), 3)[0], "CPU-s")
    yield Figure(f"{name}: points and distances", cpu_of(lambda: export_vecset(closed, "x", VECSET), 3)[0], "CPU-s")
    yield Figure(f"{name}: 8 views of 256², four maps", cpu_of(lambda: export_views(closed, "x", VIEWS), 3)[0], "CPU-s")
    above, peak = memory()
    yield Figure(f"{name}: memory above mesh and kernels", above, "MB", 600.0)
    yield Figure(f"{name}: peak resident memory, interpreter and kernels included", peak, "MB")
    given = rays(asset, closed)
    for remeshed, title, bar in ((True, "the recipe without its dense grid", None), (False, "the recipe", 20.0)):
        theirs = peer("curation.vecset", given, 1, 3000, **COUNTS, remeshed=remeshed, pictures=True).cpu
        yield Figure(f"{name}: beside {title}", ours, "CPU-s", None, "lower", PACKAGES, theirs)
        yield Figure(f"{name}: times less CPU than {title}", theirs / ours, "x", bar, "higher")


def rays(asset: Asset, closed: Asset) -> dict[str, np.ndarray]:
    """What the peer is given: the mesh, the closed one in ±1, and the rays of eight cameras."""
    points, faces, _ = asset.merged()
    cameras = sphere_cameras(asset.bounds(), VIEWS.count)
    low, high = closed.bounds()
    closed_points, closed_faces, _ = closed.merged()
    colors = asset.parts[0].colors
    assert colors is not None
    return {
        "points": points,
        "faces": faces,
        "colors": colors,
        "closed_points": (closed_points - (low + high) / 2) * (2.0 / (high - low).max()),
        "closed_faces": closed_faces,
        "directions": np.stack([directions(camera) for camera in cameras]),
        "eyes": np.array([camera.eye for camera in cameras]),
        "forward": np.stack([-camera.axes()[2] for camera in cameras]),
    }


if __name__ == "__main__":
    main(measure, __doc__ or "")
