"""Writing a 500k-face asset with 2K maps: every format of our own writers, beside trimesh's and lib3mf's."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import lib3mf
import numpy as np
import trimesh
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import generated
from timing import cpu_of

from ml.asset import Asset, Material, Texture, make_part
from ml.normals import repaired_normals
from tasks.exporters import EXPORTERS
from tasks.grey_maps import forget_grey_maps
from tasks.print_space import upright_millimetres
from tasks.topology import weld

FORMATS = ("obj", "fbx", "usdz", "3mf", "stl", "ply")
RUNS, PIXELS, BAR = 5, 2048, 2.0


def measure() -> Iterator[Figure]:
    """Each format's CPU in the order a chain writes them, so that what they share is made once; then all together."""
    asset = painted("500k")
    faces = f"{asset.face_count // 1000}k faces, 2K maps"
    spent = [_spent(asset) for _ in range(RUNS + 1)][1:]  # the first compiles and imports
    cost = {name: statistics.median(run[name] for run in spent) for name in FORMATS}
    peers = {"obj": ("trimesh", _trimesh(asset, "obj")), "stl": ("trimesh", _trimesh(asset, "stl")),
             "ply": ("trimesh", _trimesh(asset, "ply")), "3mf": ("lib3mf", _lib3mf(asset))}  # fmt: skip
    for name in FORMATS:
        peer, work = peers.get(name, ("", None))
        theirs = None if work is None else cpu_of(work, 3)[0]
        yield Figure(f"{name}, {faces}: CPU", cost[name], "CPU-s", peer=peer, peer_value=theirs)
    total = statistics.median(sum(run.values()) for run in spent)
    yield Figure(f"obj, fbx, usdz, 3mf, stl and ply, {faces}: CPU", total, "CPU-s", BAR)


def painted(size: str) -> Asset:
    """The generated mesh with normals, planar coordinates and four noisy maps, occlusion packed with the surface's."""
    points, faces = generated(size)
    vertices = points.astype(np.float32)
    normals = repaired_normals(np.zeros_like(vertices), vertices, faces)
    uv = np.ascontiguousarray((vertices[:, :2] - vertices[:, :2].min()) / np.ptp(vertices[:, :2]), np.float32)
    color, packed, bumps = (_noisy(seed) for seed in range(3))
    material = Material("paint", (1, 1, 1, 1), 1, 1, (0, 0, 0), color, packed, bumps, packed)
    return Asset((make_part(vertices, faces, material, name="knot", normals=normals, uv=uv),), "knot")


def _noisy(seed: int) -> Texture:
    """Large shapes under grain, as baked maps are."""
    random = np.random.default_rng(seed)
    shapes = Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).resize((PIXELS, PIXELS))
    grain = random.integers(-2, 3, (PIXELS, PIXELS, 1))
    return Texture.from_pixels(np.clip(np.asarray(shapes, np.int16) + grain, 0, 255).astype(np.uint8))


def _spent(asset: Asset) -> dict[str, float]:
    """CPU seconds of each format for an asset that no writer has seen."""
    forget_grey_maps()
    fresh, cost = replace(asset), dict[str, float]()
    for name in FORMATS:
        start = time.process_time()
        EXPORTERS[name].write(fresh, "x", EXPORTERS[name].options())
        cost[name] = time.process_time() - start
    return cost


def _trimesh(asset: Asset, kind: str) -> Callable[[], object]:
    """The same mesh, geometry with normals and, in an OBJ, its coordinates; no maps."""
    part = asset.parts[0]

    def work() -> object:
        mesh = trimesh.Trimesh(part.vertices, part.faces, vertex_normals=part.normals, process=False)
        if kind == "obj":
            mesh.visual = trimesh.visual.TextureVisuals(uv=part.uv)
        return mesh.export(file_type=kind)

    return work


def _lib3mf(asset: Asset) -> Callable[[], object]:
    """lib3mf's own writer on the geometry alone; texture coordinates would be a call each on top."""
    part = asset.parts[0]
    points, faces, _ = weld(upright_millimetres(part.vertices), part.faces)

    def work() -> object:
        wrapper = lib3mf.get_wrapper()
        model = wrapper.CreateModel()
        positions = np.ascontiguousarray(points).tobytes()
        mesh = model.AddMeshObject()
        triangles = np.ascontiguousarray(faces, np.uint32).tobytes()
        mesh.SetGeometry(
            list((lib3mf.Position * len(points)).from_buffer_copy(positions)),
            list((lib3mf.Triangle * len(faces)).from_buffer_copy(triangles)),
        )
        model.AddBuildItem(mesh, wrapper.GetIdentityTransform())
        return model.QueryWriter("3mf").WriteToBuffer()

    return work


if __name__ == "__main__":
    main(measure, __doc__ or "")
