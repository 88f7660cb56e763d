"""One 500k-face source into four levels of detail, a 2K PBR set and eight formats: CPU by stage, memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import generated

from ml.asset import Asset, Provenance, make_part
from tasks.bake import BakeOptions, bake
from tasks.clean import CleanOptions, clean
from tasks.exporters import EXPORTERS
from tasks.lods import LodOptions, lods
from tasks.orient import OrientOptions, orient
from tasks.scale import ScaleOptions, scale
from tasks.simplify import SimplifyOptions, simplify
from tasks.unwrap import UnwrapOptions, unwrap

TARGET, RESOLUTION, LEVELS = 40_000, 2048, 3  # faces of LOD0, as Hunyuan3D-2.1 delivers; texels; levels beside LOD0
FORMATS = ("glb", "gltf", "obj", "fbx", "usdz", "stl", "ply", "3mf")
BAR, MEMORY_BAR = 10.0, 1500.0  # CPU seconds, MB
# The whole chains of others on the same kind of mesh, CPU seconds, measured once in 2026-11 (shared/BASELINES.md);
# none of them bakes 2K maps, makes levels of detail or writes more than one format within that time.
PEERS = {
    "Hunyuan3D-2.1's floaters + reducer + xatlas to 40k": 9.7,
    "TRELLIS to_glb, its CPU part": 7.6,
    "TripoSG's clean-up to 50k": 4.5,
}
Stage = tuple[str, Callable[[Asset], Asset]]
STAGES: tuple[Stage, ...] = (
    ("clean", lambda asset: clean(asset, CleanOptions(drop_floaters=0.05))),
    ("orient", lambda asset: orient(asset, OrientOptions())),
    ("scale", lambda asset: scale(asset, ScaleOptions())),
    ("simplify", lambda asset: simplify(asset, SimplifyOptions(target_faces=TARGET))),
    ("unwrap", lambda asset: unwrap(asset, UnwrapOptions(resolution=RESOLUTION))),
    ("bake", lambda asset: bake(asset, BakeOptions(resolution=RESOLUTION, ambient_occlusion=1.0))),
    ("lods", lambda asset: lods(asset, LodOptions(levels=LEVELS))),
)
AS_PEERS = ("clean", "simplify", "unwrap")  # the stages that Hunyuan3D-2.1's chain has


def source(size: str) -> Asset:
    """The generated mesh with vertex colours in bands and speckles, as reconstructions have them."""
    points, faces = generated(size)
    bands = 0.5 + 0.5 * np.sin(points * [9.0, 7.0, 11.0] + np.sin(40 * points[:, [1, 2, 0]]))
    colors = np.c_[np.rint(255 * bands), np.full(len(points), 255)].astype(np.uint8)
    part = make_part(points, faces, colors=colors)
    return Asset((part,), "knot", provenance=Provenance("Knot", "Meshmill", generator="bench", seed=0))


def chain(asset: Asset) -> dict[str, Any]:
    """CPU seconds by stage, what came out, and the sizes of the files."""
    cpu: dict[str, float] = {}
    start = time.process_time()
    for name, step in STAGES:
        asset = step(asset)
        cpu[name] = time.process_time() - start - sum(cpu.values())
    sizes = {}
    for name in FORMATS:
        exporter = EXPORTERS[name]
        files = exporter.write(asset, "knot", exporter.options())
        cpu[f"export {name}"] = time.process_time() - start - sum(cpu.values())
        sizes[name] = sum(len(file.data) for file in files) / 1e6
    maps = {texture.name: texture.size for texture in asset.parts[0].material.textures}
    faces = [level.face_count for level in (asset, *asset.lods)]
    return {"cpu": cpu, "megabytes": sizes, "faces": faces, "maps": maps}


def child() -> None:
    """A first run on a small mesh loads the compiled kernels, as in a warm worker, and is not counted."""
    chain(source("5k"))
    made = chain(source("500k"))
    print(json.dumps({**made, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def measure() -> Iterator[Figure]:
    """The chain in a process of its own, so that its peak memory is its own."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import format_stages; format_stages.child()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made = json.loads(done.stdout.splitlines()[-1])
    faces = " + ".join(map(str, made["faces"]))
    total = sum(made["cpu"].values())
    what = f"500k faces to {faces} faces, {len(made['maps'])} maps of {RESOLUTION}², eight formats"
    yield Figure(f"{what}: CPU", total, "CPU-s", BAR)
    yield Figure("the same: peak memory of the process", made["memory"], "MB", MEMORY_BAR)
    for name, seconds in made["cpu"].items():
        yield Figure(f"stage {name}", seconds, "CPU-s")
    alike = sum(made["cpu"][name] for name in AS_PEERS)
    for peer, seconds in PEERS.items():
        yield Figure(f"{', '.join(AS_PEERS)} alone", alike, "CPU-s", peer=f"{peer} (earlier, once)", peer_value=seconds)
    for name, size in made["megabytes"].items():
        yield Figure(f"size of all levels as {name}", size, "MB")


if __name__ == "__main__":
    main(measure, __doc__ or "")
