"""Shaded views by f3d and Cycles: from our own cameras, so that outlines agree, and coded refusals without them."""

from __future__ import annotations

import importlib.util
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.asset import Asset, InputError, decode_image
from tasks import outside_shader
from tasks.camera import Camera
from tasks.export_views import ViewsOptions, export_views
from tasks.outside_shader import shaded_outside
from tests.tasks.export_assets import ball, painted

pytestmark = pytest.mark.slow
PROOF = Path(__file__).parents[2] / "build" / "proof" / "bin" / "python"  # where bench/formats.py puts Blender
BLENDER = os.environ.get("MESHMILL_BLENDER_PYTHON") or (str(PROOF) if PROOF.exists() else "")
needs_f3d = pytest.mark.skipif(importlib.util.find_spec("f3d") is None, reason="f3d is not installed")
needs_blender = pytest.mark.skipif(
    not BLENDER and importlib.util.find_spec("bpy") is None, reason="bpy is not installed: MESHMILL_BLENDER_PYTHON"
)


def thing() -> Asset:
    """A painted ball and a smaller one beside it, so that no view is like its mirror image."""
    small = ball(painted(), level=2)
    moved = small.vertices * np.float32(0.4) + np.array([0.9, 0.5, 0.2], np.float32)
    return Asset((ball(painted(), level=3), replace(small, vertices=moved.astype(np.float32))))


def agreement(options: ViewsOptions) -> list[float]:
    """Intersection over union of each shaded picture's alpha with the mask of the same view."""
    (file,) = export_views(thing(), "x", options)
    found = []
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        for number in range(options.count if options.cameras != "orthographic" else 6):
            shaded = decode_image(archive.read(f"shaded_{number:03}.png"))
            mask = decode_image(archive.read(f"mask_{number:03}.png"))[..., 0] > 127
            drawn = shaded[..., 3] > 127
            assert shaded[drawn][:, :3].std() > 5.0  # it has a shade
            found.append(float((drawn & mask).sum() / (drawn | mask).sum()))
    return found


@needs_f3d
@pytest.mark.parametrize("cameras", ["sphere", "condition", "orthographic"])
def test_f3d_sees_what_our_cameras_see(cameras: str) -> None:
    options = ViewsOptions(
        cameras=cameras, count=3, size=192, maps=("shaded", "mask"), shader="f3d", pack="zip", seed=4
    )  # type: ignore[arg-type]
    assert min(agreement(options)) > 0.97


@needs_blender
@pytest.mark.parametrize("cameras", ["sphere", "orthographic"])
def test_cycles_sees_what_our_cameras_see(cameras: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_shader, "SAMPLES", 1)
    options = ViewsOptions(
        cameras=cameras, count=2, size=96, maps=("shaded", "mask"), shader="cycles", shader_python=BLENDER, pack="zip",  # type: ignore[arg-type]
    )  # fmt: skip
    assert min(agreement(options)) > 0.97


def refused(python: str = "") -> str:
    with pytest.raises(InputError) as caught:
        shaded_outside(thing(), [Camera()], [np.eye(4)], 32, "f3d", python)
    return caught.value.code


def test_what_is_not_there_or_breaks_has_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("/nowhere/python") == "views.not-installed"
    scripts = {
        "import sys; sys.exit(3)": "views.not-installed",
        "import os; os.abort()": "views.failed",
        "pass": "views.failed",
        "open('0.png', 'w').write('no picture')": "views.failed",
    }
    for script, code in scripts.items():
        monkeypatch.setitem(outside_shader.SCRIPTS, "f3d", script)
        assert refused() == code
    monkeypatch.setitem(outside_shader.SCRIPTS, "f3d", "while True: pass")
    monkeypatch.setitem(outside_shader.SECONDS_A_VIEW, "f3d", 0.5)
    assert refused() == "views.timeout"
