"""The drills on a cluster of separate machines (`make drills`): what each disturbance did, as a table.

Run by pytest, all or some (-k network); needs root, iproute2, Debian's postgresql, radosgw, ceph-mon and ceph-osd.
Machines are namespaces, and what runs on them is what infra/compose/compose.yaml says. Keeps what each kind did in
bench/results, and writes bench/DRILLS_CLUSTER.md from it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import boto3
import pytest
from box import Box, box
from disturb import DISTURBANCES
from nodes import able
from restart import PLUGINS
from rows import BUCKET, Found, Rows, compared, summary

ROWS = int(os.environ.get("ROWS", "120"))
PATIENCE = 600.0  # seconds after which a run that goes on counts as hung
COMMANDS = 4  # so often the same command is given at most
BENCH = Path(__file__).parents[2] / "bench"
KEPT, PAGE = BENCH / "results" / "cluster_drills.json", BENCH / "DRILLS_CLUSTER.md"
pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not able() or not shutil.which("radosgw"), reason="needs namespaces and Debian's radosgw"),
]


@dataclass(frozen=True)
class Drilled:
    """What one disturbance did."""

    commands: int  # the first one included
    found: Found
    again: tuple[
        int, int
    ]  # raw meshes and chains that were begun twice, as far as the nodes that began them still live
    seconds: float

    def cells(self) -> list[str]:
        """The table's columns behind the kind."""
        said = {True: "yes", False: "NO"}
        how = "went on" if self.commands == 1 else f"{self.commands} commands"
        counts = [self.found.rows, self.found.lost, self.found.twice]
        equal = [said[self.found.ledger_equal], said[self.found.store_equal]]
        return [how, *map(str, counts), f"{self.again[0]} + {self.again[1]}", *equal, f"{self.seconds:.0f} s"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rows, Path]]:
    """The services, a manifest in the store, and what one process makes of it undisturbed."""
    folder = tmp_path_factory.mktemp("box")
    with box(folder, PLUGINS) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.host_environment().items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET.removeprefix("s3://"))
        rows = Rows(found, ROWS)
        yield rows, rows.reference(folder)


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_nothing_is_lost_and_nothing_twice(
    kind: str, cluster: tuple[Rows, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rows, reference = cluster
    drilled = drill(rows, reference, kind)
    line = [*drilled.cells(), date.today().isoformat()]
    with capsys.disabled():
        print(f"\n{kind}: {' | '.join(line)}")
    assert drilled.found.well, drilled
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    KEPT.write_text(json.dumps({**kept, kind: line}, indent=1) + "\n")
    PAGE.write_text(page(written({**kept, kind: line})))


def drill(rows: Rows, reference: Path, kind: str) -> Drilled:
    """One run that is disturbed in the middle, and the same command again until it ends well."""
    out = f"{BUCKET}/{kind.split(',')[0].replace(' ', '-').lower()}"
    started = time.monotonic()
    rows.clear()
    process = rows.start(out)
    assert rows.wait_for(ROWS // 3, process, "generate" if kind.startswith("Ray") else "process"), said(rows.box)
    driver = DISTURBANCES[kind](rows, process)
    commands, code = 1, ended(rows.box, process)
    while code and commands < COMMANDS:
        commands += 1
        code = ended(rows.box, rows.start(out, driver))
    assert code == 0, said(rows.box)
    assert summary(rows.box, driver)["rows"] == ROWS
    begun = Counter((each.what, each.id) for each in rows.made())
    again = [sum(n - 1 for (each, _), n in begun.items() if each == what) for what in ("generate", "process")]
    return Drilled(commands, compared(out, reference, ROWS), (again[0], again[1]), time.monotonic() - started)


def ended(box: Box, process: subprocess.Popen[bytes]) -> int:
    """The exit code of a run, while services that ended are started again as compose would."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None:
        assert time.monotonic() < deadline, f"it hangs: {said(box)}"
        box.revive()
        time.sleep(0.5)
    return process.returncode


def said(box: Box) -> str:
    """The last words of drivers."""
    return "\n".join(path.read_text()[-1500:] for path in box.folder.glob("driver*-run.log"))


HEAD = ("disturbed", "then", "rows", "lost", "twice", "begun again", "ledger equal", "store equal", "took", "on")


def written(kept: dict[str, list[str]]) -> str:
    """Markdown, one line a kind."""
    lines = [list(HEAD), ["---", "---", *["---:"] * (len(HEAD) - 2)]]
    lines += [[kind, *kept.get(kind, ["not run yet", *["–"] * (len(HEAD) - 2)])] for kind in DISTURBANCES]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(text: str) -> str:
    """The table with what it means."""
    return f"""# Drills on a cluster

Each service of [compose.yaml](../infra/compose/compose.yaml) runs by its own command and settings on its own machine: a
network, process and mount namespace with one address, a disk of its own and everything else read-only. Machines share
nothing but the store, a one-node Ceph. Prefect keeps its rows in Postgres. Ray asks for a token, Dask for certificates.
A run is disturbed when a third of its chains have begun (Ray's when a third of the raw meshes have); then the same
command is given again until it ends well. Ledger (without timings and attempts) and every byte under `assets/` and
`store/` are compared with what one process alone makes of the same rows. `python -m pytest tests/cluster/drills.py`
writes this page; all services and drivers share {len(os.sched_getaffinity(0))} CPUs, which others were using as well.

{text}

- went on: the one command that was running ended well by itself.
- begun again: raw meshes + chains that nodes which live at the end had begun twice; what a lost node had begun is gone
  with its disk.
- services that end are started again, as compose's `restart: unless-stopped` does.
"""
