"""One manifest in the store, the command on a driver's node, and how its output compares with an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from box import PLACES, Box
from nodes import BIN
from restart import PLUGINS, RECIPE, Made, rows_csv

from manifests.lease import LOCK
from manifests.ledger import Ledger, comparable
from manifests.store import Store

BUCKET = "s3://drills"
LOG = "/tmp/made.log"  # on each node's own disk


@dataclass
class Rows:
    """A manifest and a recipe, as many outputs as there are drills."""

    box: Box
    count: int
    pace: float = 1.0
    dwell: float = 0.1
    last_out: str = ""

    def __post_init__(self) -> None:
        self.manifest = f"{BUCKET}/rows-{self.count}.csv"
        with fsspec.open(self.manifest, "w") as stream:
            stream.write(rows_csv(self.count))
        self.recipe = RECIPE.format(log=LOG, pace=self.pace, dwell=self.dwell)

    def start(self, out: str, driver: str = "driver", **env: str) -> subprocess.Popen[bytes]:
        """The shipped start of a driver with the command behind it; what it prints lies in the box's folder."""
        node, self.last_out = self.box.nodes[driver], out
        (node.disk / "drill.toml").write_text(self.recipe)
        words = [PLACES["driver"], f"{BIN}/meshmill", "run", self.manifest, "--recipe", "/tmp/drill.toml"]
        told = {**self.box.environment("driver"), **env}
        return node.start("run", [*words, "--out", out, "--json"], told)

    def reference(self, folder: Path) -> Path:
        """What one process alone makes of the same rows, without a pace."""
        local = folder / "reference"
        recipe = folder / "drill.toml"
        recipe.write_text(self.recipe)
        command = [f"{BIN}/meshmill", "run", self.manifest, "--recipe", str(recipe), "--out", str(local)]
        env = {**os.environ, **PLUGINS}
        subprocess.run([*command, "--engine", "inline"], env=env, check=True, capture_output=True)
        return local

    def made(self) -> list[Made]:
        """Everything that nodes which still live have begun, oldest first."""
        found = []
        for node in self.box.nodes.values():
            log = node.disk / LOG.removeprefix("/tmp/")
            if log.exists():
                found += [line.split() for line in log.read_text().splitlines()]
        return sorted((Made(what, id, float(at)) for what, id, at in found), key=lambda each: each.time)

    def clear(self) -> None:
        """Count from zero."""
        for node in self.box.nodes.values():
            (node.disk / LOG.removeprefix("/tmp/")).unlink(missing_ok=True)

    def wait_for(self, count: int, process: subprocess.Popen[bytes], what: str = "process") -> bool:
        """Wait until that many are begun; False when the run ended first."""
        deadline = time.monotonic() + 240
        while process.poll() is None:
            if sum(each.what == what for each in self.made()) >= count:
                return True
            assert time.monotonic() < deadline, f"{self.made()[-3:]} of {count} × {what}"
            time.sleep(0.1)
        return False


def summary(box: Box, driver: str = "driver") -> dict[str, Any]:
    """What a run printed at its end."""
    found: dict[str, Any] = json.loads((box.folder / f"{driver}-run.out").read_text().splitlines()[-1])
    return found


@dataclass
class Found:
    """How an output compares."""

    rows: int
    lost: int
    twice: int
    ledger_equal: bool
    store_equal: bool
    left: list[str]

    @property
    def well(self) -> bool:
        return not (self.lost or self.twice or self.left) and self.ledger_equal and self.store_equal


def compared(out: str, reference: Path, rows: int) -> Found:
    """An output in the store against one on disk: rows, ledgers and every byte of every finished or raw file."""
    store, local = Store(out), Store(str(reference))
    ledgers = [sorted(map(comparable, Ledger(each).rows()), key=lambda row: str(row["id"])) for each in (store, local)]
    ids = Counter(str(row["id"]) for row in ledgers[0])
    paths = [{path for place in ("assets", "store") for path in each.list(place)} for each in (store, local)]
    equal = paths[0] == paths[1]
    there = sorted(paths[0] & paths[1])
    for start in range(0, len(there), 64):
        some = there[start : start + 64]
        equal &= store.read_many(some) == local.read_many(some)
    left = [path for place in ("journal", LOCK) for path in store.list(place)]
    lost = rows - len(ids)
    return Found(rows, lost, sum(n - 1 for n in ids.values()), ledgers[0] == ledgers[1], equal, left)
