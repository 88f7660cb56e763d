"""Nothing is lost and nothing is done twice: drivers and guarded children killed, two runs compared, two at once."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import descendants, guarded_children, kill_hard, left_of
from restart import PLUGINS, Drill, assert_same, ended, kill, killed, made_though_recorded

from manifests.lease import LOCK

ROWS = 60
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return Drill(tmp_path_factory.mktemp("restart"), ROWS, pace=0.02, dwell=0.005)


@pytest.fixture(scope="module")
def reference(drill: Drill) -> Path:
    """The output of an undisturbed run."""
    drill.clear_log()
    out = drill.folder / "reference"
    assert drill.finish(out)["outcomes"] == {"passed": ROWS}
    assert (drill.again("generate"), drill.again("process")) == (0, 0)
    return out


@pytest.fixture
def out(drill: Drill, request: pytest.FixtureRequest) -> Path:
    drill.clear_log()
    return drill.folder / request.node.name


def test_a_driver_killed_at_random_instants(drill: Drill, reference: Path, out: Path) -> None:
    rng, kills = random.Random(7), []
    for share in (0.2, 0.5, 0.8):
        process = drill.start(out)
        if drill.wait_for(int(2 * ROWS * share), process):
            time.sleep(rng.uniform(0, 0.3))
        kill(process)
        kills.append(killed(drill, out))
    drill.finish(out)
    assert_same(out, reference, ROWS)
    assert not made_though_recorded(drill, kills)


def test_a_driver_killed_while_it_writes_the_ledger(drill: Drill, reference: Path, out: Path) -> None:
    process = drill.start(out)
    drill.wait_for(2 * ROWS, process)
    while process.poll() is None and not list(out.glob("ledger/*.parquet")):
        time.sleep(0.0002)
    kill(process)
    before = killed(drill, out)
    drill.finish(out)
    assert_same(out, reference, ROWS)
    assert not made_though_recorded(drill, [before])


def test_a_driver_killed_at_each_of_its_changes(tmp_path: Path) -> None:
    """Every seventeenth of about 260, of runs and refinements; the drills try them all."""
    script = Path(__file__).parent / "crash_points.py"
    command = [sys.executable, str(script), str(tmp_path), "17"]
    done = subprocess.run(command, env={**os.environ, **PLUGINS}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["kills"] > 10


def test_guarded_children_killed_from_outside_cost_no_row(drill: Drill, reference: Path, out: Path) -> None:
    process = drill.start(out)
    kills = 0
    for lines in (20, 50, 80):
        drill.wait_for(lines, process)
        kills += sum(map(kill_hard, guarded_children(process.pid)))
    assert kills >= 3
    assert ended(process)["outcomes"] == {"passed": ROWS}
    assert_same(out, reference, ROWS)
    assert drill.again("generate") + drill.again("process") <= kills


def test_nothing_is_left_running(drill: Drill, out: Path) -> None:
    process = drill.start(out)
    drill.wait_for(5, process)
    below = descendants(process.pid)
    assert below
    kill(process)
    assert left_of(below, patience=5) == []


def test_a_second_driver_is_refused_and_harms_nothing(drill: Drill, reference: Path, out: Path) -> None:
    first = drill.start(out)
    drill.wait_for(10, first)
    second = drill.start(out)
    _, stderr = second.communicate(timeout=60)
    assert second.returncode == 2
    assert stderr.startswith("meshmill: another run is writing to ")
    assert f"process {first.pid} on " in stderr
    assert stderr.count("\n") == 1
    assert (out / LOCK).is_file()
    ended(first)
    assert_same(out, reference, ROWS)
    assert (drill.again("generate"), drill.again("process")) == (0, 0)


@pytest.mark.parametrize("engine", ["inline", "auto"])
def test_two_runs_are_equal_to_the_byte(drill: Drill, reference: Path, out: Path, engine: str) -> None:
    other = Drill(drill.folder, ROWS, drill.pace, drill.dwell, engine)
    assert other.finish(out)["outcomes"] == {"passed": ROWS}
    assert_same(out, reference, ROWS)
