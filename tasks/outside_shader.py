"""Shaded pictures by other people's renderers, f3d or Blender's Cycles, each in a process of its own over files."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ml.asset import U8, Asset, InputError, decode_image
from tasks.camera import Camera
from tasks.export_glb import GlbOptions, export_glb
from tasks.external import ONE_CPU
from tasks.topology import F64

Program = Literal["f3d", "cycles"]
NOT_INSTALLED = 3  # how a script ends whose program is not there
PACKAGES = {"f3d": "f3d", "cycles": "bpy"}
SECONDS_A_VIEW = {"f3d": 30.0, "cycles": 300.0}  # after which a renderer hangs: 1024² takes 1 and 20 s
SAMPLES = 32  # paths a pixel; more belong to a GPU

# f3d 4 (BSD-3): its light kit hangs on the camera; the background is left transparent.
F3D = """
import json, sys
job = json.load(open(sys.argv[1]))
try:
    import f3d
except ImportError:
    sys.exit(3)
f3d.Log.set_verbose_level(f3d.Log.QUIET)
f3d.Engine.autoload_plugins()
engine = f3d.Engine.create_egl() if sys.platform == "linux" else f3d.Engine.create(True)
engine.window.size = job["size"], job["size"]
engine.options.update({"ui.loader_progress": False, "render.effect.antialiasing.mode": "ssaa"})
parallel = job["cameras"][0]["fov"] <= 0.0
if parallel:
    engine.options["scene.camera.orthographic"] = True  # before the scene: changing it later moves the camera
engine.scene.add(job["mesh"])
camera = engine.window.camera

def stand(target, eye, up):
    camera.focal_point, camera.position, camera.view_up = target, eye, up

if parallel:  # f3d is told no height, but fits bounds exactly and then zooms
    stand(job["centre"], *job["broadside"])
    camera.reset_to_bounds(1.0)
    camera.zoom(job["longest"] / job["cameras"][0]["extent"])
for number, each in enumerate(job["cameras"]):
    stand(each["target"], each["eye"], each["up"])
    if not parallel:
        camera.view_angle = each["fov"]
    engine.window.render_to_image(True).save(f"{number}.png")
"""

# bpy (GPL-3): its importer turns glTF's Y up into Blender's Z up, as the poses that it is given are.
CYCLES = """
import json, math, sys
job = json.load(open(sys.argv[1]))
try:
    import bpy
    from mathutils import Matrix
except ImportError:
    sys.exit(3)
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=job["mesh"])
scene = bpy.context.scene
data = bpy.data.cameras.new("camera")
camera = bpy.data.objects.new("camera", data)
scene.collection.objects.link(camera)
scene.camera = camera
data.clip_start, data.clip_end = 0.001 * job["reach"], 100.0 * job["reach"]
world = scene.world = bpy.data.worlds.new("sky")
world.use_nodes = True
world.node_tree.nodes["Background"].inputs[0].default_value = (0.7, 0.7, 0.7, 1.0)
sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
sun.data.energy, sun.rotation_euler = 2.5, (math.radians(50), 0.0, math.radians(30))
scene.collection.objects.link(sun)
scene.render.engine = "CYCLES"
scene.cycles.samples, scene.cycles.seed, scene.cycles.use_denoising = job["samples"], 0, False
scene.cycles.use_adaptive_sampling = False
scene.render.resolution_x = scene.render.resolution_y = job["size"]
scene.render.threads_mode, scene.render.threads = "FIXED", 1
scene.render.film_transparent = True
scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
scene.view_settings.view_transform = "Standard"
for number, each in enumerate(job["cameras"]):
    camera.matrix_world = Matrix(each["pose"])
    if each["fov"] > 0.0:
        data.type, data.angle = "PERSP", math.radians(each["fov"])
    else:
        data.type, data.ortho_scale = "ORTHO", each["extent"]
    scene.render.filepath = f"{job['folder']}/{number}.png"
    bpy.ops.render.render(write_still=True)
"""
SCRIPTS = {"f3d": F3D, "cycles": CYCLES}


def shaded_outside(
    asset: Asset, cameras: Sequence[Camera], poses: Sequence[F64], size: int, program: Program, python: str = ""
) -> list[U8]:
    """(size, size, 4) sRGB with alpha from each camera; `poses` (4, 4) are the cameras' in Blender's world.

    `python` is the interpreter that has the program, this one where it is empty. Pictures are the same on one machine
    with one version, not everywhere. Raises InputError `views.not-installed`, `views.timeout`, `views.failed`.
    """
    with tempfile.TemporaryDirectory(prefix="meshmill-views-") as folder:
        mesh, job = Path(folder, "mesh.glb"), Path(folder, "job.json")
        mesh.write_bytes(export_glb(asset, "mesh", GlbOptions())[0].data)
        reach = max(math.dist(camera.eye, camera.target) for camera in cameras)
        told = {
            "mesh": str(mesh),
            "folder": folder,
            "size": size,
            "samples": SAMPLES,
            "reach": reach,
            **_broadside(asset),
        }
        job.write_text(json.dumps({**told, "cameras": [_told(*each) for each in zip(cameras, poses, strict=True)]}))
        _run(program, python or sys.executable, job, SECONDS_A_VIEW[program] * (1 + len(cameras)))
        return [_picture(Path(folder, f"{number}.png"), size, program) for number in range(len(cameras))]


def _broadside(asset: Asset) -> dict[str, Any]:
    """From where the asset's longest side, which f3d fits to the picture, lies across it: eye and up."""
    low, high = asset.bounds()
    centre, sides = (low + high) / 2.0, high - low
    deep = int(sides.argmax()) == 2
    eye = centre + np.roll([0.0, 0.0, 2.0 * sides.max()], 1 if deep else 0)
    return {"centre": centre.tolist(), "longest": float(sides.max()), "broadside": (eye.tolist(), (0.0, 1.0, 0.0))}


def _told(camera: Camera, pose: F64) -> dict[str, Any]:
    up = camera.axes()[1].tolist()
    lens = {"fov": camera.fov, "extent": camera.extent}
    return {"eye": camera.eye, "target": camera.target, "up": up, "pose": np.asarray(pose).tolist(), **lens}


def _run(program: Program, python: str, job: Path, seconds: float) -> None:
    """The script in a process of its own, which stays in the caller's group: whoever kills that ends it as well."""
    package = PACKAGES[program]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1", "MESA_SHADER_CACHE_DISABLE": "true"}
    try:
        done = subprocess.run(
            [python, "-c", ONE_CPU + SCRIPTS[program], str(job)],
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd=job.parent,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError("views.timeout", f"{program} was stopped after {seconds:g} s") from error
    except OSError as error:
        raise InputError("views.not-installed", f"{python} cannot be started: {error.strerror}") from error
    if done.returncode == NOT_INSTALLED:
        raise InputError("views.not-installed", f"{package} is missing; install it with: uv pip install {package}")
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip()[-400:]
        raise InputError("views.failed", f"{program} ended with status {done.returncode}: {last}")


def _picture(path: Path, size: int, program: Program) -> U8:
    """The picture of one view; raises InputError `views.failed` where there is none of this size."""
    try:
        pixels = decode_image(path.read_bytes())
    except (OSError, InputError) as error:
        raise InputError("views.failed", f"{program} drew no picture: {error}") from error
    if pixels.shape != (size, size, 4):
        raise InputError("views.failed", f"{program} drew {pixels.shape}, not {size} pixels a side with alpha")
    return pixels
