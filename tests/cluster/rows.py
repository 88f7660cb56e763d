"""One manifest in the store, the command on a driver's node, and how its output compares with an undisturbed one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from box import PLACES, Box, box
from nodes import BIN, able
from restart import PLUGINS, RECIPE, Made, rows_csv

from manifests.lease import LOCK
from manifests.ledger import Ledger, comparable
from manifests.store import Store

BUCKET = "s3://drills"
LOG = "/tmp/made.log"  # on each node's own disk
LONG = pytest.mark.timeout(7200)


@dataclass
class Rows:
    """A manifest and a recipe, as many outputs as there are drills."""

    box: Box
    count: int
    pace: float = 1.0
    dwell: float = 0.1
    text: str = RECIPE
    last_out: str = ""
    driver: str = "driver"  # the machine whose command was begun last, or of two at once the one that went on

    def __post_init__(self) -> None:
        self.manifest = f"{BUCKET}/rows-{self.count}.csv"
        with fsspec.open(self.manifest, "w") as stream:
            stream.write(rows_csv(self.count))
        self.recipe = self.text.format(log=LOG, pace=self.pace, dwell=self.dwell)

    def start(self, out: str, driver: str = "driver") -> subprocess.Popen[bytes]:
        """The shipped start of a driver with the command behind it; what it prints lies in the box's folder."""
        self.last_out, self.driver = out, driver
        return self._start(driver, [PLACES["driver"], *self.command(out)])

    def start_alone(self, out: str, driver: str = "driver") -> subprocess.Popen[bytes]:
        """The same command for one process and its children, which use the store and no other service."""
        return self._start(driver, [*self.command(out), "--engine", "inline"])

    def command(self, out: str) -> list[str]:
        """What a user would type."""
        run = [f"{BIN}/meshmill", "run", self.manifest, "--recipe", "/tmp/drill.toml"]
        return [*run, "--out", out, "--json"]

    def _start(self, driver: str, command: list[str]) -> subprocess.Popen[bytes]:
        node = self.box.nodes[driver]
        (node.disk / "drill.toml").write_text(self.recipe)
        return node.start("run", command, self.box.environment("driver"))

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

    def begun_again(self) -> tuple[int, int]:
        """Raw meshes and chains that were begun twice, as far as the nodes that began them still live."""
        begun = Counter((each.what, each.id) for each in self.made())
        generated, processed = (
            sum(n - 1 for (what, _), n in begun.items() if what == which) for which in ("generate", "process")
        )
        return generated, processed

    def clear(self) -> None:
        """Count from zero."""
        for node in self.box.nodes.values():
            (node.disk / LOG.removeprefix("/tmp/")).unlink(missing_ok=True)

    def wait_for(self, count: int, process: subprocess.Popen[bytes], what: str = "process") -> bool:
        """Wait until that many are begun; False when the run ended first."""
        deadline = time.monotonic() + 600
        while process.poll() is None:
            if sum(each.what == what for each in self.made()) >= count:
                return True
            assert time.monotonic() < deadline, f"{self.made()[-3:]} of {count} × {what}"
            time.sleep(0.1)
        return False


@contextmanager
def cluster_of(folder: Path, count: int, settings: Mapping[str, str], **options: Any) -> Iterator[Rows]:
    """The services, a bucket and a manifest in it; this process may look into the store.

    `settings` are variables of the compose file, `options` fields of Rows.
    """
    # No skip: who asks for these drills must not be told that all is well.
    assert able(), "needs root: network namespaces and control groups"
    assert shutil.which("radosgw"), "needs Debian's packages: infra/setup/debian.sh cluster"
    with box(folder, PLUGINS, settings) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.host_environment().items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET.removeprefix("s3://"))
        yield Rows(found, count, **options)


def ended(box: Box, process: subprocess.Popen[bytes], patience: float) -> int:
    """The exit code of a run, while services that ended are started again as compose would."""
    deadline = time.monotonic() + patience
    while process.poll() is None:
        assert time.monotonic() < deadline, f"it hangs: {said(box)}"
        box.revive()
        time.sleep(0.5)
    return process.returncode


def said(box: Box) -> str:
    """The last words of drivers."""
    return "\n".join(path.read_text()[-1500:] for path in box.folder.glob("driver*-run.log"))


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


def compared(out: str, reference: str, rows: int) -> Found:
    """An output in the store against another: rows, ledgers and every byte of every finished or raw file."""
    store, other = Store(out), Store(reference)
    ledgers = [sorted(map(comparable, Ledger(each).rows()), key=lambda row: str(row["id"])) for each in (store, other)]
    ids = Counter(str(row["id"]) for row in ledgers[0])
    paths = [{path for place in ("assets", "store") for path in each.list(place)} for each in (store, other)]
    equal = paths[0] == paths[1]
    there = sorted(paths[0] & paths[1])
    for start in range(0, len(there), 64):
        some = there[start : start + 64]
        equal &= store.read_many(some) == other.read_many(some)
    left = [path for place in ("journal", LOCK) for path in store.list(place)]
    lost = rows - len(ids)
    return Found(rows, lost, sum(n - 1 for n in ids.values()), ledgers[0] == ledgers[1], equal, left)
