"""The drills on a cluster of separate machines (`make cluster-drills`): what each disturbance did, as a table.

Run by pytest, all or one (`drills.py::test_drill[network]`); needs root, iproute2, Debian's postgresql, radosgw,
ceph-mon and ceph-osd. Machines are namespaces, and what runs on them is what infra/compose/compose.yaml says. Keeps
what each kind did in bench/results, and writes bench/DRILLS_CLUSTER.md from it.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import boto3
import botocore.exceptions
import distributed
import pytest
from disturb import DISTURBANCES, both_at_once, machine, two_drivers
from drills_page import SAID, UNFINISHED, keep, results, table
from nodes import BIN
from rows import BUCKET, LONG, Found, Rows, cluster_of, compared, ended, said, summary

ROWS = int(os.environ.get("ROWS", "120"))
PATIENCE = 600.0  # seconds after which a run that goes on counts as hung
COMMANDS = 4  # so often the same command is given at most
pytestmark = LONG


@dataclass(frozen=True)
class Drilled:
    """What one disturbance did."""

    commands: int  # the first one included
    found: Found
    again: tuple[int, int]  # raw meshes and chains that were begun twice
    seconds: float

    def cells(self) -> list[str]:
        """The table's columns behind the kind."""
        how = "went on" if self.commands == 1 else f"{self.commands} commands"
        counts = [self.found.rows, self.found.lost, self.found.twice]
        equal = [SAID[self.found.ledger_equal], SAID[self.found.store_equal]]
        return [how, *map(str, counts), f"{self.again[0]} + {self.again[1]}", *equal, f"{self.seconds:.0f} s"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[tuple[Rows, Path]]:
    """The services, a manifest in the store, and what one process makes of it undisturbed; the table at the end."""
    folder = tmp_path_factory.mktemp("box")
    with cluster_of(folder, ROWS, {"RAY_WORKER_CPUS": "4"}) as rows:  # room for four rows that sleep
        yield rows, rows.reference(folder)
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{table(results())}")


@pytest.mark.parametrize("kind", DISTURBANCES, ids=[each.__name__ for each in DISTURBANCES.values()])
def test_drill(kind: str, cluster: tuple[Rows, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows, reference = cluster
    today = date.today().isoformat()
    keep(kind, [*UNFINISHED, today])  # stands there unless the drill comes to its end
    drilled = drill(rows, reference, kind)
    line = [*drilled.cells(), today]
    with capsys.disabled():
        print(f"\n{kind}: {' | '.join(line)}")
    keep(kind, line)
    assert drilled.found.well, drilled


def drill(rows: Rows, reference: Path, kind: str) -> Drilled:
    """One run that is disturbed in the middle, and the same command again until it ends well."""
    out = f"{BUCKET}/{kind.split(',')[0].replace(' ', '-').lower()}"
    started = time.monotonic()
    rows.clear()
    machine(rows.box, "driver")  # one drill loses it for good
    process = both_at_once(rows, out) if DISTURBANCES[kind] is two_drivers else rows.start(out)
    assert rows.wait_for(ROWS // 3, process, "generate" if kind.startswith("Ray") else "process"), said(rows.box)
    driver = DISTURBANCES[kind](rows, process)
    commands, code = 1, ended(rows.box, process, PATIENCE)
    while code and commands < COMMANDS:
        commands += 1
        code = ended(rows.box, rows.start(out, driver), PATIENCE)
    assert code == 0, said(rows.box)
    assert summary(rows.box, driver)["rows"] == ROWS
    again = rows.begun_again()
    return Drilled(commands, compared(out, str(reference), ROWS), again, time.monotonic() - started)


def test_strangers_are_refused(cluster: tuple[Rows, Path]) -> None:
    """No service answers whoever lacks its password, token, certificate or key."""
    box = cluster[0].box
    address = {name: node.address for name, node in box.nodes.items()}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://{address['prefect']}:4200/api/admin/version", timeout=30)
    with pytest.raises(OSError, match=r"tcp://|tls://"):
        distributed.Client(f"tcp://{address['dask-scheduler']}:8786", timeout=15, set_as_default=False)
    with pytest.raises(subprocess.CalledProcessError):
        box.sql("select 1", password="guessed")
    stranger = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64, "TMPDIR": "/tmp"}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        machine(box, "driver").run(f"{BIN}/ray", "status", f"--address={address['ray-head']}:6379", env=stranger)
    assert "InvalidAuthToken" in refused.value.stderr
    with pytest.raises(botocore.exceptions.ClientError, match=r"403|InvalidAccessKeyId"):
        boto3.client("s3", aws_access_key_id="guessed", aws_secret_access_key="guessed").list_buckets()
