"""The doctor tells what is reachable from what is not, and keeps secrets to itself."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from certificates import pair
from services import free_ports
from shop_server import Answer, Shop, serving

from flows.cli import main
from flows.doctor import Line, describe, examine
from flows.metrics import exposition
from flows.publish_targets.credentials import CREDENTIALS
from flows.tracing import ENDPOINTS
from manifests.backends import LocalFolder
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.store import Store


class Prefect(Shop):
    """A server of one version behind a password."""

    token = "Basic YWRtaW46c2VjcmV0"  # admin:secret
    there = version("prefect")

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Answer:
        return 200, {}, self.there


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ("RAY_ADDRESS", "DASK_SCHEDULER_ADDRESS", "PREFECT_API_URL")
    for name in (*addresses, *ENDPOINTS, "MESHMILL_SIGN_KEY", "MESHMILL_SIGN_CERT", *CREDENTIALS.values()):
        monkeypatch.delenv(name, raising=False)


def seen(out: Path) -> dict[str, Line]:
    return {line.what: line for line in examine(str(out))}


def test_what_is_not_set_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(tmp_path), "--json"]) == 0
    told: Any = json.loads(capsys.readouterr().out)
    states = {line["what"]: line["state"] for line in told["lines"]}
    assert told["ok"]
    assert [states[name] for name in ("python", "packages", "store", "ray", "dask")] == ["ok"] * 3 + ["absent"] * 2
    assert not list(tmp_path.rglob("doctor-*"))


def test_addresses_that_nobody_answers_at_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", f"tcp://127.0.0.1:{port}")
    monkeypatch.setenv("PREFECT_API_URL", f"http://admin:hidden@127.0.0.1:{port}/api")
    lines = seen(tmp_path)
    assert [lines[name].state for name in ("ray", "dask", "prefect")] == ["wrong"] * 3
    assert "unset RAY_ADDRESS" in lines["ray"].do
    assert "hidden" not in "".join(describe(list(lines.values())))


def test_traces_want_a_collector_and_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(tmp_path)["traces"].state == "absent"
    with serving(Prefect()) as server:
        monkeypatch.setenv(ENDPOINTS[1], server.url)
        assert seen(tmp_path)["traces"].state == "ok"
        monkeypatch.setattr("flows.doctor.is_installed", lambda: False)
        assert (seen(tmp_path)["traces"].state, "otel" in seen(tmp_path)["traces"].do) == ("wrong", True)
        monkeypatch.undo()
    monkeypatch.setenv(ENDPOINTS[0], "http://user:hidden@127.0.0.1:1")
    line = seen(tmp_path)["traces"]
    assert line.state == "wrong"
    assert "hidden" not in line.found


def test_a_server_of_another_version_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Prefect()) as server:
        monkeypatch.setenv("PREFECT_API_URL", f"{server.url}/api")
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", server.url.replace("http", "tcp"))
        assert "401" in seen(tmp_path)["prefect"].found
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:secret")
        lines = seen(tmp_path)
        assert (lines["prefect"].state, lines["dask"].state) == ("ok", "ok")
        server.there = "3.0.0"
        assert seen(tmp_path)["prefect"].state == "wrong"


def test_too_little_room_is_wrong_and_where_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=(5 << 30) - 1))
    monkeypatch.setattr("flows.doctor.LEAST_MEMORY", 1 << 60)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    lines = seen(tmp_path / "not" / "there")
    assert [lines[name].state for name in ("memory", "disk of the run", "temporary disk")] == ["wrong"] * 3
    assert lines["disk of the run"].found == f"5.0 GiB free at {tmp_path}"
    assert "--out" in lines["disk of the run"].do


def test_a_run_under_way_and_one_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(tmp_path)["run under way"].found == "none"
    with Lease(Store(str(tmp_path))):
        assert f"process {os.getpid()} on" in seen(tmp_path)["run under way"].found
        assert "gone" not in seen(tmp_path)["run under way"].found
        monkeypatch.setattr("manifests.lease.Holder.alive", lambda _: False)
        assert "gone: the next run takes over" in seen(tmp_path)["run under way"].found


def test_what_gpus_took_is_told_by_model_and_step(tmp_path: Path) -> None:
    assert seen(tmp_path)["spent on gpus"].found == "nothing"
    store = Store(str(tmp_path))
    drawn = {"step_gpu_seconds": {"distill_edit": 720.0}, "step_cost": {"distill_edit": 0.9}}
    rows: list[tuple[str, float, float, Any]] = [("triposg", 1800.0, 1.45, {})] * 3 + [("trellis2", 360.0, 0.2, {})]
    rows += [("procedural", 0.0, 0.0, {}), ("procedural", 720.0, 0.9, drawn), ("triposg", 1080.0, 1.0, drawn)]
    Ledger(store).write_chunk(
        "all",
        [
            LedgerRow(str(n), f"{n:032x}", n, "passed", generator=name, gpu_seconds=seconds, cost=cost, **steps)
            for n, (name, seconds, cost, steps) in enumerate(rows)
        ],
    )
    store.put("run.json", b'{"currency": "USD"}')
    found = seen(tmp_path)["spent on gpus"].found
    assert found == "2.1 GPU-hours, 6.45 USD (triposg 1.6, distill_edit 0.4, trellis2 0.1)"
    lines = exposition(str(tmp_path)).splitlines()
    assert 'meshmill_gpu_seconds{model="distill_edit"} 1440' in lines
    assert 'meshmill_cost{model="triposg"} 4.45' in lines
    assert not [line for line in lines if 'model="procedural"' in line]


def test_which_credentials_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(tmp_path)["publishing"].state == "absent"
    monkeypatch.setenv("SHOPIFY_TOKEN", "a-secret-token")
    line = seen(tmp_path)["publishing"]
    assert (line.state, line.found) == ("ok", "credentials for shopify")
    assert "HF_TOKEN for huggingface" in line.do
    assert "SHOPIFY" not in line.do


def test_a_store_that_writes_twice_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalFolder, "put_if_absent", lambda *_: True)
    assert "conditional" in seen(tmp_path)["store"].do


def test_the_certificates_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, cert = pair(tmp_path)
    monkeypatch.setenv("MESHMILL_SIGN_KEY", str(key))
    assert seen(tmp_path)["signing"].state == "wrong"
    monkeypatch.setenv("MESHMILL_SIGN_CERT", str(cert))
    line = seen(tmp_path)["signing"]
    assert (line.state, line.do) == ("ok", "renew the certificate")  # it has 30 days, less a moment
    monkeypatch.setattr(os, "environ", {**os.environ, "SKETCHFAB_TOKEN": "a-secret-token"})
    assert "a-secret-token" not in "".join(describe(examine(str(tmp_path))))
