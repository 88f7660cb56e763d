"""Imports scenes with Debian's headless Godot 3 and says what stands in them: levels of detail, maps, bodies."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COMMANDS = ("godot3-server", "godot-server")
PROJECT = 'config_version=4\n[application]\nconfig/name="proof"\n'
LIMIT = 240.0  # seconds of wall time


def command() -> str | None:
    """The headless editor, or None where it is not installed."""
    return next((found for name in COMMANDS if (found := shutil.which(name))), None)


def import_scenes(folder: Path, scenes: Mapping[str, list[tuple[str, bytes]]]) -> dict[str, dict[str, Any]]:
    """Facts of each scene, by its main file's name; `scenes` holds the (name, data) of that file's whole set.

    The editor imports what lies in a project and, in this version, does not end by itself: it is stopped when every
    scene is there. Its dummy renderer keeps no embedded image, so maps are seen in scenes with files beside them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.godot").write_text(PROJECT)
    shutil.copy(HERE / "godot.gd", folder / "check.gd")
    for files in scenes.values():
        for name, data in files:
            (folder / name).write_bytes(data)
    program = command()
    assert program is not None
    editor = subprocess.Popen(
        [program, "--path", str(folder), "--editor"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(folder, len(scenes))
    finally:
        editor.kill()
        editor.wait()
    ask = [program, "--path", str(folder), "-s", "check.gd", *(f"res://{name}" for name in scenes)]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=LIMIT, check=False)
    lines = [json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    return {line["file"].removeprefix("res://"): line for line in lines}


def wait_for(folder: Path, count: int) -> None:
    """Until so many scenes are imported, each with the sum that is written last; raises TimeoutError."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        ready = [path for path in folder.glob(".import/*.scn") if path.with_suffix(".md5").exists()]
        if len(ready) >= count:
            time.sleep(1.0)
            return
        time.sleep(0.5)
    raise TimeoutError(f"Godot imported {len(list(folder.glob('.import/*.scn')))} of {count} scenes")


def complaints(found: Mapping[str, Any], levels: list[dict[str, int]], bodies: int, mapped: bool) -> list[str]:
    """What is missing of a scene: faces by node of each level, bodies, the colour map of a mapped part.

    Godot 3's FBX importer numbers nodes anew, so only faces are compared where no name fits.
    """
    wrong = []
    meshes = found["meshes"]
    wanted = {f"{name}_LOD{number}": faces for number, parts in enumerate(levels) for name, faces in parts.items()}
    if sorted(wanted.values()) != sorted(int(mesh["faces"]) for mesh in meshes.values()):
        wrong.append(f"faces {[mesh['faces'] for mesh in meshes.values()]}, not {list(wanted.values())}")
    if not found["file"].endswith(".fbx") and set(meshes) != set(wanted):
        wrong.append(f"nodes {sorted(meshes)}, not {sorted(wanted)}")
    if len(found["bodies"]) != bodies:
        wrong.append(f"{len(found['bodies'])} bodies, not {bodies}")
    if not all(mesh["materials"] for mesh in meshes.values()):
        wrong.append("a mesh without a material")
    if mapped and not any("base_color" in mesh["maps"] for mesh in meshes.values()):
        wrong.append("no colour map")
    return wrong
