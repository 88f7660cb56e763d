"""A model in an environment of its own through Ray's runtime_env: an actor without torch under a driver that has it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from flows.placement import environment_of
from ml.generators.command import CommandOptions
from ml.generators.pretrained.listed import PRETRAINED

HERE, HOUSE = Path(__file__).parent, Path(__file__).parents[2]
PRINCIPAL = [Path(path) for path in sys.path if path.endswith("site-packages")]
OF_TORCH = ("torch", "nvidia", "triton", "functorch")


@pytest.fixture
def without_torch(tmp_path: Path) -> str:
    """An environment that has this one's packages but torch: links in place of an installation."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for place in PRINCIPAL:
        for entry in place.iterdir():
            if not entry.name.startswith(OF_TORCH) and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    return str(folder / "bin" / "python")


def run(folder: Path, **options: object) -> dict[str, Any]:
    """One row of the generator `where` on a Ray of its own with a simulated GPU; its line of the ledger."""
    folder.mkdir()
    (folder / "rows.csv").write_text("id,prompt\nhere,x\n")
    said = "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
    (folder / "where.toml").write_text(f'[generator]\nuse = "where"\n[generator.where]\n{said}')
    env = {"MESHMILL_PLUGINS": "env_plugin", "MESHMILL_GPUS": "1", "PYTHONPATH": f"{HERE}:{HOUSE}"}
    command = [str(Path(sys.executable).parent / "meshmill"), "run", str(folder / "rows.csv")]
    command += ["--recipe", str(folder / "where.toml"), "--out", str(folder / "out"), "--json"]
    subprocess.run(command, env={**os.environ, **env}, check=True, timeout=280, capture_output=True)
    show = [command[0], "ledger", str(folder / "out"), "--json"]
    done = subprocess.run(show, check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return row


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_actor_is_started_with_the_models_own_interpreter(tmp_path: Path, without_torch: str) -> None:
    apart = run(tmp_path / "apart", python=without_torch, in_actor=True)
    assert apart["message"] == f"{without_torch} torch=False"
    assert apart["gpu_seconds"] > 0
    assert importlib.util.find_spec("torch") is not None  # which is here, in the driver's own


def test_what_environments_options_ask_for() -> None:
    made = PRETRAINED["triposg"][1]
    assert environment_of(made()) == environment_of(made(python="/e/bin/python")) == ""
    asked = json.loads(environment_of(made(python="/e/bin/python", in_actor=True)))
    assert asked == {"py_executable": "/e/bin/python"}
    assert json.loads(environment_of(CommandOptions(image="models/own:1"))) == {"image_uri": "models/own:1"}
