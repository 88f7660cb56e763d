"""The cluster engine with Ray and Dask started here: the same bytes as inline, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mill import OUTCOMES, Mill, left_behind, marked_env
from processes import descendants, kill_hard, left_of, ray_actors
from restart import Drill, differences, ended

from manifests.ledger import Ledger
from manifests.store import Store

# Ray's two agents of a node try for 60 s to tell the dead driver that it is gone (ray 2.60); all else ends in 3 s.
AGENTS_LINGER = 75.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


def test_ray_and_dask_make_what_inline_makes(mill: Mill, mark: str) -> None:
    out = mill.folder / "auto"
    summary = mill.run(str(out), "auto", marked_env(mark))
    assert (summary["rows"], summary["skipped"]) == (6, 0)
    assert {row["id"]: row["outcome"] for row in Ledger(Store(str(out))).rows()} == OUTCOMES
    assert differences(out, mill.reference, 6) == []
    assert left_behind(mark) == []
    again = mill.run(str(out), "auto", marked_env(mark))
    assert (again["skipped"], again["outcomes"]) == (6, {})
    assert again["seconds"] < 5  # no cluster was started


def test_an_actor_that_is_killed_comes_back(tmp_path: Path, mark: str) -> None:
    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": mark}
    drill = Drill(tmp_path, rows=16, pace=0.3, engine="auto", env=env)
    process = drill.start(tmp_path / "out")
    try:
        assert drill.wait_for(2, process)
        killed = [pid for pid in ray_actors(mark) if kill_hard(pid)]
        assert killed
        summary = ended(process)
    finally:
        process.kill()
    assert summary["outcomes"] == {"passed": 16}
    assert drill.again("generate") <= 16
    inline = Drill(tmp_path / "inline", rows=16, pace=0)
    inline.recipe = drill.recipe
    inline.finish(tmp_path / "inline" / "out")
    assert differences(tmp_path / "out", tmp_path / "inline" / "out", 16) == []
    assert left_behind(mark) == []


def test_ctrl_c_and_kill_leave_nothing_behind(tmp_path: Path, mark: str) -> None:
    """A terminal sends Ctrl-C to the whole process group, servers and workers included."""
    drill = Drill(tmp_path, rows=40, pace=0.3, engine="auto", env={"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": mark})
    process = drill.start(tmp_path / "out")
    assert drill.wait_for(4, process)
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=100)
    assert time.monotonic() - started < 30
    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "meshmill: interrupted; the same command goes on from here"
    assert left_behind(mark) == []
    drill.clear_log()
    process = drill.start(tmp_path / "out")
    assert drill.wait_for(4, process)
    below = descendants(process.pid)
    process.kill()
    process.communicate(timeout=100)
    assert len(below) > 10
    assert left_of(below, AGENTS_LINGER) == []
    drill.engine = "inline"
    summary = drill.finish(tmp_path / "out")
    assert summary["outcomes"]["passed"] + summary["skipped"] == 40
    undisturbed = Drill(tmp_path / "inline", rows=40, pace=0)
    undisturbed.recipe = drill.recipe
    undisturbed.finish(tmp_path / "inline" / "out")
    assert differences(tmp_path / "out", tmp_path / "inline" / "out", 40) == []


WITHOUT_CLUSTER = """
import sys
from flows import cli, execute
execute.make_engine = lambda name: execute.InlineEngine(execute.Policy())
sys.exit(cli.main(sys.argv[1:]))
"""


def test_what_stops_a_flow_run_is_one_line_here_too(tmp_path: Path, mark: str) -> None:
    rows = [f"good-{i},a chair" for i in range(600)] + [f"bad-{i}," for i in range(600)]
    (tmp_path / "rows.csv").write_text("\n".join(["id,prompt", *rows]) + "\n")
    command = [sys.executable, "-c", WITHOUT_CLUSTER, "run", str(tmp_path / "rows.csv"), "--recipe", "noop"]
    command += ["--out", str(tmp_path / "out"), "--max-invalid", "0.2"]
    done = subprocess.run(command, env=marked_env(mark), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("meshmill: stopped: ")
    assert done.stderr.count("\n") == 1
    assert Ledger(Store(str(tmp_path / "out"))).summary().outcomes["passed"] == 600
    assert left_behind(mark) == []
