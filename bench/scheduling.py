"""Eight simulated GPUs, three models in one run, one row in a hundred kills its actor: how busy the GPUs are kept.

The GPUs are Ray resources and the models sleep (bench/scheduling_plugin.py); all else is the line as it is: chunks, the
engine, actors in processes of their own, the store and the ledger. The ideal is the rows' own time over the GPUs, with
nothing loaded, started or lost. Wall time is what is measured here: the figures hold for a machine that is quiet.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from accounting import run_accounted
from figures import Figure, main

from manifests.ledger import Ledger
from manifests.store import Store

HERE = Path(__file__).parent
MESHMILL = str(Path(sys.executable).parent / "meshmill")
GPUS = int(os.environ.get("GPUS", "8"))
ROWS = int(os.environ.get("ROWS", "2000"))
CRASHES = 0.01
# Share of the rows, seconds a row, share of a GPU, rows a call: as fast as the fastest real ones, where a lost second
# weighs most. TripoSR takes 0.5 s and more with its marching cubes, TRELLIS.2 17 s at 1024.
MODELS = {"sim-turbo": (0.4, 2.0, 0.5, 1), "sim-shape": (0.3, 4.0, 1.0, 1), "sim-batch": (0.3, 1.5, 1.0, 4)}


def write_run(folder: Path) -> float:
    """Manifest and recipe; returns GPU-seconds of all rows."""
    chance = random.Random(7)
    names = chance.choices(list(MODELS), [share for share, *_ in MODELS.values()], k=ROWS)
    crashing = set(chance.sample(range(ROWS), round(CRASHES * ROWS)))
    lines = [f"row-{at},a chair,{name},{'crash' if at in crashing else ''}" for at, name in enumerate(names)]
    (folder / "rows.csv").write_text("\n".join(["id,prompt,generator,category", *lines]) + "\n")
    tables = [
        f'[generator.{name}]\nlog = "{folder}/log"\nseconds = {seconds}\ngpus = {gpus}\nbatch = {batch}\n'
        for name, (_, seconds, gpus, batch) in MODELS.items()
    ]
    (folder / "mixed.toml").write_text("\n".join(['[generator]\nuse = "sim-turbo"\n', *tables]))
    (folder / "log").mkdir()
    return sum(MODELS[name][1] * MODELS[name][2] for name in names)


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """What the models noted."""
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


def measure() -> Iterator[Figure]:
    """One run."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        work = write_run(folder)
        attached = ("RAY_ADDRESS", "DASK_SCHEDULER_ADDRESS", "PREFECT_API_URL")
        os.environ.update(MESHMILL_GPUS=str(GPUS), MESHMILL_PLUGINS="scheduling_plugin")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        for name in attached:
            os.environ.pop(name, None)
        command = [MESHMILL, "run", str(folder / "rows.csv"), "--recipe", str(folder / "mixed.toml")]
        done = run_accounted([*command, "--out", str(folder / "out"), "--json"])
        assert done.code == 0, done.output
        noted = lines_of(folder / "log")
        made = Counter(row for line in noted for row in line["rows"])
        outcomes = Counter(row["outcome"] for row in Ledger(Store(str(folder / "out"))).rows())
        span = max(line["ended"] for line in noted) - min(line["began"] for line in noted)
        yield Figure(f"ideal with {GPUS} GPUs: the rows' own time", work / GPUS, "s wall")
        yield Figure(
            "GPUs busy with what counts, first row to last", 100 * work / GPUS / span, "%", bar=95, better="higher"
        )
        yield Figure("the same with the engines' start and stop", 100 * work / GPUS / done.wall, "%", better="higher")
        yield Figure("rows without an outcome", ROWS - sum(outcomes.values()), "")
        yield Figure("rows that passed", outcomes["passed"], "", better="higher")
        yield Figure("rows made more than once, crashes aside", sum(count - 1 for count in made.values()), "")
        yield Figure("CPU a row, all processes", done.cpu / ROWS * 1e3, "ms")
        yield Figure(
            "load of the machine in the last 15 minutes", os.getloadavg()[2] / len(os.sched_getaffinity(0)), ""
        )


if __name__ == "__main__":
    main(measure, __doc__ or "")
