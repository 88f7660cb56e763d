"""Six rows of every kind run by the command, and the marks by which the processes of one test are found."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from commands import MESHMILL, heard
from processes import command_line, marked, process_ids

EXAMPLES = Path(__file__).parents[2] / "manifests" / "examples"
RECIPE = """
name = "mixed"
[[steps]]
use = "clean"
[[steps]]
use = "scale"
[[steps]]
use = "simplify"
target_faces = 2000
[[exports]]
use = "glb"
"""
ROWS = f"""id,prompt,sketch,mesh
chair,a red chair,,
giraffe,a giraffe,,
nothing,,,
mug,"a blue mug, 12 cm tall",,
rocket,,{EXAMPLES}/inputs/rocket-sketch.png,
stool,,,{EXAMPLES}/inputs/meshes/stool.obj
"""
OUTCOMES = {
    "chair": "passed",
    "giraffe": "rejected",
    "nothing": "invalid",
    "mug": "passed",
    "rocket": "passed",
    "stool": "passed",
}


class Mill:
    """Six rows of every kind, a recipe, and what the inline engine makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.reference = folder, folder / "inline"
        (folder / "rows.csv").write_text(ROWS)
        (folder / "mixed.toml").write_text(RECIPE)
        assert self.run(str(self.reference), "inline", dict(os.environ))["outcomes"]["passed"] == 4

    def run(self, out: str, engine: str, env: dict[str, str], *options: str) -> dict[str, Any]:
        """The summary; neither stdout nor stderr may hold anything else."""
        command = [MESHMILL, "run", str(self.folder / "rows.csv"), "--recipe", str(self.folder / "mixed.toml")]
        command += ["--out", out, "--engine", engine, "--json", "--input-root", str(EXAMPLES), *options]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
        assert (done.returncode, heard(done.stderr)) == (0, "")
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary


def marked_env(mark: str, **more: str) -> dict[str, str]:
    """An environment without clusters to attach to; the mark is Ray's token, which reaches all that Ray starts."""
    attached = ("RAY_ADDRESS", "DASK_SCHEDULER_ADDRESS", "PREFECT_API_URL")
    kept = {name: value for name, value in os.environ.items() if name not in attached}
    return {**kept, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": mark, **more}


def left_behind(mark: str, patience: float = 15) -> list[str]:
    """Processes of a test that are still there, after a while for those that are just ending."""
    deadline = time.monotonic() + patience
    while (pids := [pid for pid in process_ids() if marked(pid, mark)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    return [command_line(pid) for pid in pids]
