"""A thousand rows through the cluster while a random process is killed every minute, and what the cluster costs.

Run by pytest, like the drills; CHAOS_ROWS and SEED change the size and the draws. First one process and the cluster
make the rows beside each other, undisturbed, which gives the cluster's overhead; then the cluster does under chaos.
Keeps what was seen in bench/results and writes it to bench/DRILLS_CLUSTER.md.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from box import Box
from drills_page import keep
from nodes import Node
from restart import MAKING
from rows import BUCKET, LONG, Found, Rows, cluster_of, compared, ended, said, summary

ROWS = int(os.environ.get("CHAOS_ROWS", "1000"))
SEED = int(os.environ.get("SEED", "9"))
SPECTATOR = "driver-2"  # the machine of the one process: nothing is killed there
MINUTE = 60.0
IDLE = 60.0  # seconds over which the services' own cost is measured
PATIENCE = 3600.0
BAR = 10.0  # % of CPU that the cluster may cost beyond one process
SIZE = {"RAY_WORKER_CPUS": "2", "DASK_WORKER_THREADS": "1"}  # two chains at once, as one process on two CPUs
STORE = ("ceph-osd", "one-node.sh")  # keeps objects in memory, in one copy: without it the disk itself is gone
SHIPPED = Path(__file__).parents[2] / "manifests" / "recipes" / "web-ar.toml"
BEHIND = SHIPPED.read_text().partition('use = "clean"\n')[2]  # what MAKING does and logs comes before it
RECIPE = f'name = "chaos"\n{MAKING}{BEHIND}'
ALONE, CLUSTER, CHAOS = f"{BUCKET}/alone", f"{BUCKET}/cluster", f"{BUCKET}/chaos"
pytestmark = LONG


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """The services and the manifest, no row with a pace: what takes time is work."""
    folder = tmp_path_factory.mktemp("box")
    with cluster_of(folder, ROWS, SIZE, pace=0.0, dwell=0.0, text=RECIPE) as found:
        found.box.node(SPECTATOR)
        yield found


@dataclass(frozen=True)
class Cost:
    """CPU-seconds of a run by machine, without what the machine takes when idle, and its wall time."""

    cpu: dict[str, float]
    wall: float

    @property
    def total(self) -> float:
        """Of all its machines."""
        return sum(self.cpu.values())


@pytest.fixture(scope="module")
def costs(rows: Rows) -> dict[str, Any]:
    """The rows made by one process on one machine and by the cluster on all others, both at once.

    So they meet the same load of the computer that all machines share, and of the store, whose work is told apart.
    """
    idle = idling(rows.box)
    before, started = used(rows.box), time.monotonic()
    going = {"alone": rows.start_alone(ALONE, SPECTATOR), "cluster": rows.start(CLUSTER)}
    found: dict[str, Cost] = {}
    while len(found) < len(going):
        wall = time.monotonic() - started
        assert wall < PATIENCE, said(rows.box)
        rows.box.revive()
        for name in [name for name, process in going.items() if name not in found and process.poll() is not None]:
            spent = {each: cpu - before[each] - idle[each] * wall for each, cpu in used(rows.box).items()}
            mine = [each for each in spent if each != "s3" and (each == SPECTATOR) == (name == "alone")]
            found[name] = Cost({each: spent[each] for each in mine}, wall)
        time.sleep(0.2)
    assert [process.returncode for process in going.values()] == [0, 0], said(rows.box)
    for driver in ("driver", SPECTATOR):
        assert summary(rows.box, driver)["outcomes"] == {"passed": ROWS}
    return {**found, "idle": idle, "store": rows.box.nodes["s3"].cpu() - before["s3"]}


def used(box: Box) -> dict[str, float]:
    """CPU-seconds of each machine so far."""
    return {name: node.cpu() for name, node in box.nodes.items()}


def idling(box: Box) -> dict[str, float]:
    """CPU-seconds a second that each machine takes when nothing is asked of it."""
    time.sleep(IDLE / 2)  # what has just started is still busy with that
    before = used(box)
    time.sleep(IDLE)
    return {name: (cpu - before[name]) / IDLE for name, cpu in used(box).items()}


def test_a_cluster_costs_little_more_than_one_process(
    rows: Rows, costs: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(CLUSTER, ALONE, ROWS).well
    overhead = 100 * (costs["cluster"].total / costs["alone"].total - 1)
    kept = {**costs, "alone": asdict(costs["alone"]), "cluster": asdict(costs["cluster"])}
    kept |= {"rows": ROWS, "overhead": overhead}
    with capsys.disabled():
        print(f"\noverhead {overhead:.1f} % {kept}")
    keep("overhead", kept)
    assert overhead <= BAR


def test_chaos(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    rows.clear()
    reference = rows.start_alone(ALONE, SPECTATOR)  # has nothing to do where the overhead was measured before
    started = time.monotonic()
    commands, kills = under_chaos(rows, random.Random(SEED))
    seconds = time.monotonic() - started
    assert ended(rows.box, reference, PATIENCE) == 0, said(rows.box)
    found = compared(CHAOS, ALONE, ROWS)
    kept = seen(rows, found, commands, kills, seconds)
    with capsys.disabled():
        print(f"\nchaos {kept}")
    keep("chaos", kept)
    assert len(kills) >= seconds // MINUTE - 1 > 1
    assert summary(rows.box)["rows"] == ROWS
    assert found.well, found


def under_chaos(rows: Rows, chance: random.Random) -> tuple[int, list[str]]:
    """Run to the end with a kill every minute; how often the command was given, and what was killed.

    Services that end are started again, the command when it did not end well.
    """
    box, commands = rows.box, 1
    kills: list[str] = []
    process = rows.start(CHAOS)
    deadline, due = time.monotonic() + PATIENCE, time.monotonic() + MINUTE
    while (code := process.poll()) != 0:
        assert time.monotonic() < deadline, f"it hangs after {kills}: {said(box)}"
        if code is not None:
            box.nodes["driver"].end()
            time.sleep(1.0)
            commands, process = commands + 1, rows.start(CHAOS)
        box.revive()
        if time.monotonic() >= due:
            kills.append(strike(box, chance))
            due += MINUTE
        time.sleep(0.5)
    return commands, kills


def strike(box: Box, chance: random.Random) -> str:
    """Kill one process: a machine is drawn, then one of its processes."""
    while True:
        node = box.nodes[chance.choice(sorted(box.nodes.keys() - {SPECTATOR}))]
        if living := victims(node):
            pid, name = chance.choice(living)
            os.kill(pid, 9)
            return f"{node.name}: {name}"


def victims(node: Node) -> list[tuple[int, str]]:
    """Processes of a machine with their names, but for its first one and for the store's memory."""
    found = []
    for pid in node.pids(""):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        name = named([word for word in words if word])
        found += [(pid, name)] if pid != node.pid and name and name not in STORE else []
    return found


def named(words: list[str]) -> str:
    """A process's name for the page: its program, or what a Python or a shell runs."""
    if not words:
        return ""  # it has ended, and nobody has asked how
    first = Path(words[0].split()[0]).name
    if first.startswith("python"):
        if "-c" in words:  # of Python's multiprocessing: Dask's workers, and what cleans up behind them
            return "worker process" if "spawn_main" in words[-2] + words[-1] else "resource tracker"
        module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
        script = next((Path(word).name for word in words[1:] if not word.startswith("-")), first)
        return module or script
    if first in ("sh", "bash", "nsenter"):
        return next((Path(word).name for word in words[1:] if not word.startswith("-")), first)
    return first


def seen(rows: Rows, found: Found, commands: int, kills: list[str], seconds: float) -> dict[str, object]:
    """What the page says."""
    return {
        "rows": found.rows,
        "seed": SEED,
        "commands": commands,
        "kills": kills,
        "lost": found.lost,
        "twice": found.twice,
        "ledger": found.ledger_equal,
        "store": found.store_equal,
        "again": rows.begun_again(),
        "seconds": seconds,
    }
