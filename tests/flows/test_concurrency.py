"""[concurrency] on a real Ray: never more of a model's actors, a generator's calls or a step's chains than it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mill import marked_env
from services import ray_head
from worker_plugin import most_at_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(560)]
HERE, HOUSE = Path(__file__).parent, Path(__file__).parents[2]
HELD, FREE = ("trial", "patient"), ("trial-free", "patient-free")  # with a model and without, twice
ROWS = 26  # of each: four batches of a model
THREE = 3  # batches wait for one another until there are three; those that may not be so many give up after a while
DREAM = '[[steps]]\nuse = "dream"\nseconds = 0.05\ngpus = 0.25\nlog = "{}"\n'
LIMITS = "[concurrency]\ntrial = 2\npatient = 1\ndream = 1\n"
PATIENCE = {**dict.fromkeys(HELD, 0.8), **dict.fromkeys(FREE, 120.0)}  # seconds


def test_no_more_at_once_than_the_recipe_says(tmp_path: Path, mark: str) -> None:
    log = tmp_path / "spans"
    rows = [f"{kind}-{at},x,{kind}\n" for at in range(ROWS) for kind in PATIENCE]
    (tmp_path / "rows.csv").write_text("id,prompt,generator\n" + "".join(rows))
    options = (f'[generator.{k}]\nseconds = {s}\ngather = {THREE}\nspans = "{log}"\n' for k, s in PATIENCE.items())
    (tmp_path / "held.toml").write_text("".join(options) + DREAM.format(log) + LIMITS)
    plugin = {"MESHMILL_PLUGINS": "worker_plugin", "PYTHONPATH": f"{HERE}:{HOUSE}", "RAY_USAGE_STATS_ENABLED": "0"}
    env = {**os.environ, **marked_env(mark), **plugin}
    command = [str(Path(sys.executable).parent / "meshmill"), "run", str(tmp_path / "rows.csv"), "--json"]
    command += ["--recipe", str(tmp_path / "held.toml"), "--out", str(tmp_path / "out")]
    with ray_head(tmp_path, env, cpus=10, gpus=6) as address:
        env["RAY_ADDRESS"] = address
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, timeout=480)
    assert json.loads(done.stdout)["outcomes"] == {"passed": ROWS * len(PATIENCE)}
    assert [most_at_once(log, kind) >= THREE for kind in FREE] == [True, True]
    assert most_at_once(log, "trial") <= 2
    assert [most_at_once(log, name) for name in ("patient", "dream")] == [1, 1]
