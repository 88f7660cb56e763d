"""Draws a file with f3d from a camera given in metres with Y up, whatever the file's own unit and axes are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import f3d
import numpy as np
from facts import Z_UP

SIZE = 256
VIEW_ANGLE = 30.0
DIRECTION = np.array([0.55, 0.45, 0.7])  # from the model to the camera: front, a little right and above
GREY = {"model.color.rgb": [0.7, 0.7, 0.7], "model.material.roughness": 0.5, "model.material.metallic": 0.0}
_engine: Any = None


def engine() -> Any:
    """One off-screen engine for all files of the process."""
    global _engine
    if _engine is None:
        f3d.Log.set_verbose_level(f3d.Log.QUIET)
        f3d.Engine.autoload_plugins()
        _engine = f3d.Engine.create_egl()
        _engine.window.size = SIZE, SIZE
        _engine.options.update({"render.background.color": [1.0, 1.0, 1.0], "ui.loader_progress": False, **GREY})
    return _engine


def read(path: Path, folder: Path, name: str, centre: list[float], radius: float, unit: float, z_up: bool) -> str:
    """Write `folder`/`name`.png, the view of a sphere of `radius` metres; `unit` is the file's unit in metres."""
    draws = engine()
    draws.scene.clear()
    draws.scene.add(str(path))
    turn = Z_UP.T if z_up else np.eye(3)  # from Y up into the file's frame
    place = DIRECTION / np.linalg.norm(DIRECTION) * radius / np.sin(np.radians(VIEW_ANGLE / 2))
    camera = draws.window.camera
    camera.view_angle = VIEW_ANGLE
    camera.focal_point = tuple(turn @ np.array(centre) / unit)
    camera.position = tuple(turn @ (np.array(centre) + place) / unit)
    camera.view_up = tuple(turn @ np.array([0.0, 1.0, 0.0]))
    out = folder / f"{name}.png"
    draws.window.render_to_image().save(str(out))
    return str(out)
