"""The long restart drills (`make restart-drills`): 20 kills of each kind of process, each against an undisturbed run.

Prints a table and, when every kind ran, writes it to bench/DRILLS.md.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from processes import dask_workers, guarded_children, kill_hard, ray_actors
from restart import PLUGINS, Drill, Kill, differences, ended, kill, killed, made_though_recorded, oldest_repeated
from services import Services, services

from flows.run import CHUNK_ROWS

KILLS = 20
ROWS = 600  # two or three chunks of the default size: a user cannot set another
PAGE = Path(__file__).parents[2] / "bench" / "DRILLS.md"
KINDS = (
    "driver, inline engine, at each of its changes",
    "driver, inline engine, at random instants",
    "driver, attached to Ray, Dask and Prefect",
    "Ray actor",
    "Dask worker",
    "guarded child",
)
pytestmark = pytest.mark.timeout(3600)


@dataclass
class Tally:
    """What one kind of kill did."""

    kills: int = 0
    runs: int = 0
    rows: int = 0
    lost: int = 0
    twice: int = 0
    recorded_again: int = 0
    generated_again: int = 0
    processed_again: int = 0
    oldest: float = 0.0  # seconds of work a kill undid, at most
    ledger_equal: bool = True
    store_equal: bool = True
    wrong: tuple[str, ...] = ()

    def add(self, drill: Drill, out: Path, reference: Path, kills: list[Kill]) -> None:
        """Count one output folder whose run has ended."""
        found = differences(out, reference, drill.rows)
        self.runs, self.rows = self.runs + 1, self.rows + drill.rows
        self.lost += sum("is missing" in each for each in found)
        self.twice += sum("times" in each for each in found)
        self.recorded_again += len(made_though_recorded(drill, kills))
        self.generated_again += drill.again("generate")
        self.processed_again += drill.again("process")
        self.oldest = max(self.oldest, oldest_repeated(drill, kills))
        self.ledger_equal &= not any(each.startswith("ledger") for each in found)
        self.store_equal &= not any(each.startswith("store") for each in found)
        self.wrong += tuple(found)

    def cells(self) -> list[str]:
        """The table's columns behind the kind."""
        said = {True: "yes", False: "NO"}
        again = f"{self.generated_again} + {self.processed_again}" if self.runs else "–"
        oldest = f"{self.oldest:.1f} s" if self.oldest else "–"
        counts = [self.kills, self.rows, self.lost, self.twice, self.recorded_again]
        return [*map(str, counts), again, oldest, said[self.ledger_equal], said[self.store_equal]]


@pytest.fixture(scope="module")
def tallies(request: pytest.FixtureRequest) -> Iterator[dict[str, Tally]]:
    """Results by kind; shown, and kept when they are complete."""
    found: dict[str, Tally] = {}
    started = time.monotonic()
    yield found
    text = table(found)
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{text}")
    if set(found) == set(KINDS):
        PAGE.write_text(page(text, time.monotonic() - started))


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return Drill(tmp_path_factory.mktemp("drills"), ROWS, pace=0.01, dwell=0.01)


@pytest.fixture(scope="module")
def undisturbed(drill: Drill) -> tuple[Path, float]:
    """The reference output and the seconds it took."""
    started = time.monotonic()
    assert drill.finish(drill.folder / "reference")["outcomes"] == {"passed": ROWS}
    assert (drill.again("generate"), drill.again("process")) == (0, 0)
    return drill.folder / "reference", time.monotonic() - started


@pytest.fixture(scope="module")
def attached(drill: Drill, undisturbed: tuple[Path, float]) -> Iterator[tuple[Drill, Services]]:
    """The same rows, with real servers to attach to."""
    folder = drill.folder / "services"
    folder.mkdir()
    with services(folder, PLUGINS) as found:
        yield replace(drill, engine="auto", env=found.env), found


def test_driver_at_each_of_its_changes(tmp_path: Path, tallies: dict[str, Tally]) -> None:
    command = [sys.executable, str(Path(__file__).parent / "crash_points.py"), str(tmp_path), "1"]
    done = subprocess.run(command, env={**os.environ, **PLUGINS}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    wrong = result["wrong"]
    equal = [not any(f": {word}" in each for each in wrong) for word in ("ledger", "store")]
    tallies[KINDS[0]] = Tally(
        kills=result["kills"], rows=result["rows"], ledger_equal=equal[0], store_equal=equal[1], wrong=tuple(wrong)
    )
    assert not wrong
    assert result["kills"] == sum(result["changes"]) > 100


def test_driver_inline(drill: Drill, undisturbed: tuple[Path, float], tallies: dict[str, Tally]) -> None:
    tally = tallies[KINDS[1]] = kill_drivers(drill, *undisturbed, random.Random(1))
    judge(tally)


def test_driver_attached(
    attached: tuple[Drill, Services], undisturbed: tuple[Path, float], tallies: dict[str, Tally]
) -> None:
    drill, reference = attached[0], undisturbed[0]
    started = time.monotonic()
    drill.finish(drill.folder / "attached")
    tally = tallies[KINDS[2]] = kill_drivers(drill, reference, time.monotonic() - started, random.Random(2))
    judge(tally)


def test_ray_actors(
    attached: tuple[Drill, Services], undisturbed: tuple[Path, float], tallies: dict[str, Tally]
) -> None:
    drill, found = attached
    tally = tallies[KINDS[3]] = kill_others(
        drill, undisturbed[0], "generate", lambda _: ray_actors(found.token), 2.0, random.Random(3)
    )
    judge(tally)
    assert tally.generated_again <= 8 * tally.kills  # a batch each


def test_dask_workers(
    attached: tuple[Drill, Services], undisturbed: tuple[Path, float], tallies: dict[str, Tally]
) -> None:
    drill, found = attached
    tally = tallies[KINDS[4]] = kill_others(
        drill, undisturbed[0], "process", lambda _: dask_workers(found.nannies), 2.0, random.Random(4)
    )
    judge(tally)
    assert tally.generated_again == 0


def test_guarded_children(drill: Drill, undisturbed: tuple[Path, float], tallies: dict[str, Tally]) -> None:
    tally = tallies[KINDS[5]] = kill_others(drill, undisturbed[0], "process", guarded_children, 0.8, random.Random(5))
    judge(tally)
    assert tally.generated_again + tally.processed_again <= tally.kills  # a row each, none where it was idle


def kill_drivers(drill: Drill, reference: Path, longest: float, rng: random.Random) -> Tally:
    """The command is killed at random instants of its life and started again until it ends by itself."""
    tally = Tally()
    while tally.kills < KILLS:
        out, kills = drill.folder / f"{drill.engine}-{tally.runs}", []
        drill.clear_log()
        process = drill.start(out)
        while tally.kills < KILLS and lives_on(process, rng.uniform(0, longest)):
            kill(process)
            tally.kills += 1
            kills.append(killed(drill, out))
            process = drill.start(out)
        ended(process, 1200)
        tally.add(drill, out, reference, kills)
    return tally


def lives_on(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Whether the process still runs after that long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def kill_others(
    drill: Drill, reference: Path, what: str, victims: Callable[[int], list[int]], pause: float, rng: random.Random
) -> Tally:
    """One driver lives while processes that work for it are killed, each time a while after work went on."""
    tally = Tally()
    while tally.kills < KILLS:
        out = drill.folder / f"{what}-{drill.engine}-{rng.random()}"
        drill.clear_log()
        process = drill.start(out)
        while tally.kills < KILLS and goes_on(drill, what, process):
            time.sleep(rng.uniform(0, pause))
            alive = victims(process.pid)
            tally.kills += process.poll() is None and bool(alive) and kill_hard(rng.choice(alive))
        ended(process, 1200)
        drill.finish(out)  # the same command again has nothing to do
        tally.add(drill, out, reference, [])
    return tally


def goes_on(drill: Drill, what: str, process: "subprocess.Popen[str]") -> bool:
    """Wait until one more mesh or chain is begun; False when the run ends first."""

    def begun() -> int:
        return sum(made.what == what for made in drill.made())

    before, deadline = begun(), time.monotonic() + 300
    while begun() == before and process.poll() is None:
        assert time.monotonic() < deadline, f"nothing went on after {before} × {what}"
        time.sleep(0.02)
    return process.poll() is None


def judge(tally: Tally) -> None:
    """Nothing lost, nothing twice, all equal."""
    assert tally.kills >= KILLS
    assert not tally.wrong
    assert tally.recorded_again == 0


HEAD = (
    "killed",
    "kills",
    "rows",
    "lost",
    "twice",
    "recorded, yet made again",
    "begun again: meshes + chains",
    "undone at most",
    "ledger equal",
    "store equal",
)


def table(tallies: dict[str, Tally]) -> str:
    """Markdown, one line a kind."""
    lines = [HEAD, ["---", *["---:"] * (len(HEAD) - 1)]]
    lines += [[kind, *tally.cells()] for kind, tally in tallies.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(text: str, seconds: float) -> str:
    """The table with what it means."""
    return f"""# Restart drills

`kill -9` of each kind of process, then the same command again; the ledger (without timings and attempts) and every
byte under `assets/` and `store/` are compared with those of a run that nobody disturbed. `make restart-drills` writes
this page. Last run {date.today().isoformat()}: {seconds / 60:.0f} minutes on {len(os.sched_getaffinity(0))} CPUs.

{text}

- {KINDS[0]}: a small run makes about 150 changes to its folder (renames, links, deletions); it is killed just before
  each of them in turn, in a first run and in one that replaces and appends rows of an older ledger.
- The others run {ROWS} rows in chunks of about {CHUNK_ROWS}, the size every user gets; drivers are killed at instants
  drawn from the length of a whole run, so at start-up, in the middle of chunks, and in ledger and report as well.
- recorded, yet made again: rows whose result was in the ledger or the journal at a kill and that were begun after it.
- begun again: work in flight at the kills, for which there was no result yet, or none older than the two seconds after
  which the journal is written. It never reaches back into a finished chunk.
- undone at most: the time between the begin of such a raw mesh and the kill.
- Ray actors, Dask workers and guarded children are killed while one driver lives on; a guarded child that is killed
  from outside costs its row one of four tries, not one of its own two.
"""
