"""Models on a real Ray with simulated GPUs: a host that is killed, as a spot node's would be, costs no row."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mill import left_behind, marked_env
from processes import kill_hard, ray_actors

from manifests.ledger import Ledger
from manifests.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(560)]
HERE, HOUSE = Path(__file__).parent, Path(__file__).parents[2]


def test_hosts_that_are_killed_are_replaced(tmp_path: Path, mark: str) -> None:
    log = tmp_path / "calls"
    (tmp_path / "rows.csv").write_text("id,prompt\n" + "".join(f"row-{at},x\n" for at in range(48)))
    text = f'[generator]\nuse = "trial"\n[generator.trial]\nseconds = 1.0\nlog = "{log}"\n'
    (tmp_path / "trial.toml").write_text(text)
    env = {"MESHMILL_PLUGINS": "worker_plugin", "MESHMILL_GPUS": "2", "PYTHONPATH": f"{HERE}:{HOUSE}"}
    command = [str(Path(sys.executable).parent / "meshmill"), "run", str(tmp_path / "rows.csv")]
    command += ["--recipe", str(tmp_path / "trial.toml"), "--out", str(tmp_path / "out"), "--json"]
    process = subprocess.Popen(command, env={**os.environ, **marked_env(mark), **env}, stdout=subprocess.DEVNULL)
    try:
        while not (log.exists() and log.read_text().count("\n") >= 3):
            assert process.poll() is None
            time.sleep(0.1)
        killed = [pid for pid in ray_actors(mark, "ModelHost") if kill_hard(pid)]
        assert len(killed) == 2
        assert process.wait(timeout=400) == 0
    finally:
        process.kill()
    rows = list(Ledger(Store(str(tmp_path / "out"))).rows())
    assert [row["outcome"] for row in rows] == ["passed"] * 48
    assert all(row["gpu_seconds"] >= 0.1 for row in rows)
    assert left_behind(mark) == []
