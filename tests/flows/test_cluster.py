"""The cluster engine for real: Ray and Dask started here or attached by address, and a run whose store is S3."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from commands import MESHMILL, heard
from processes import command_line, descendants, kill_hard, left_of, marked, process_ids, ray_actors
from restart import Drill, differences, ended
from services import dask_cluster, ray_head

from manifests.ledger import Ledger
from manifests.store import Store

EXAMPLES = Path(__file__).parents[2] / "manifests" / "examples"
# Ray's two agents of a node try for 60 s to tell the dead driver that it is gone (ray 2.60); all else ends in 3 s.
AGENTS_LINGER = 75.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

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


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Mill:
    return Mill(tmp_path_factory.mktemp("cluster"))


@pytest.fixture
def mark() -> str:
    """A text that the environment of every process of one test holds."""
    return secrets.token_hex(32)


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
    assert (process.returncode, out) == (130, "")
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
    assert differences(tmp_path / "out", tmp_path / "out", 40) == []


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


@pytest.fixture
def clusters(tmp_path: Path, mark: str) -> Iterator[dict[str, str]]:
    """The environment of drivers that attach to a Ray head and a Dask scheduler that run already."""
    env = marked_env(mark, RAY_USAGE_STATS_ENABLED="0")
    with ExitStack() as stack:
        ray = stack.enter_context(ray_head(tmp_path, env))
        dask, _ = stack.enter_context(dask_cluster(tmp_path, env))
        yield {**env, "RAY_ADDRESS": ray, "DASK_SCHEDULER_ADDRESS": dask}


def test_a_driver_attaches_to_clusters_and_leaves_them_running(
    mill: Mill, clusters: dict[str, str], mark: str, tmp_path: Path
) -> None:
    before = {pid for pid in process_ids() if marked(pid, mark)}
    mill.run(str(tmp_path / "out"), "auto", clusters)
    assert differences(tmp_path / "out", mill.reference, 6) == []
    assert before <= set(process_ids())
    deadline = time.monotonic() + 20
    while (actors := ray_actors(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert actors == []


def test_a_run_whose_store_is_s3(mill: Mill, bucket: str) -> None:
    env, out = dict(os.environ), f"{bucket}/runs/one"
    first = mill.run(out, "inline", env, "--limit", "4")
    assert (first["rows"], first["report"]) == (4, f"{out}/report/index.html")
    second = mill.run(out, "inline", env)
    assert (second["rows"], second["skipped"]) == (6, 4)
    third = mill.run(out, "inline", env)
    assert (third["skipped"], third["outcomes"]) == (6, {})
    assert differences_of_stores(Store(out), Store(str(mill.reference))) == []
    listed = subprocess.run([MESHMILL, "status", out, "--json"], env=env, capture_output=True, text=True, timeout=120)
    assert json.loads(listed.stdout)["outcomes"] == {"invalid": 1, "passed": 4, "rejected": 1}
    (mill.folder / "rows.csv").write_text(ROWS.replace("a red chair", "a green chair"))
    try:
        fourth = mill.run(out, "inline", env)
    finally:
        (mill.folder / "rows.csv").write_text(ROWS)
    assert (fourth["skipped"], fourth["outcomes"]) == (5, {"passed": 1})
    assert len(list(Ledger(Store(out)).rows())) == 6


def differences_of_stores(store: Store, reference: Store) -> list[str]:
    """Paths of finished files that two stores do not both hold with the same bytes."""
    paths = [set(each.list("assets")) | set(each.list("store")) for each in (store, reference)]
    wrong = paths[0] ^ paths[1]
    return sorted(wrong | {path for path in paths[0] & paths[1] if store.read(path) != reference.read(path)})
