"""What Prometheus is told of a run under way, over real HTTP: its rows, its queues, this machine's CPUs and GPUs."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from direct_engine import DirectEngine
from prometheus_client.parser import text_string_to_metric_families

from flows.execute import drive
from flows.live_metrics import SETTING, Machine, cpu_times, gpu_shares, live_exposition, served
from flows.progress import Progress
from flows.run import RunConfig
from manifests.errors import UsageError

DASHBOARD = Path(__file__).parents[2] / "infra/compose/grafana/dashboards/run.json"


def figures(text: str) -> dict[str, dict[str, float]]:
    """Values by name and by the value of the one label."""
    return {
        family.name: {"".join(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


def ask(address: str, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
        found: bytes = answer.read()
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return found.decode()


def test_a_run_is_told_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "127.0.0.1:0")
    progress = Progress(total=10)
    progress.skip(2)
    progress.done("passed", {"bake": 0.5})
    progress.done("failed", {"bake": 0.25})
    progress.queue("a", 3, 4)
    progress.queue("b", 1, 0)
    with served(progress) as address:
        found = figures(ask(address))
        progress.queue("a", 0, 0)
        later = figures(ask(address))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(address, "/ledger")
    assert found["meshmill_live_rows"] == {"passed": 1, "failed": 1}
    assert found["meshmill_live_queue_rows"] == {"generate": 4, "chain": 4}
    assert later["meshmill_live_queue_rows"] == {"generate": 1, "chain": 0}
    assert (found["meshmill_live_chunks"], later["meshmill_live_chunks"]) == ({"": 2}, {"": 1})
    assert found["meshmill_live_skipped_rows"] == {"": 2}
    assert found["meshmill_live_expected_rows"] == {"": 10}
    assert found["meshmill_live_stage_seconds"] == {"bake": 0.75}
    assert 0 <= found["meshmill_live_cpu_share"][""] <= 1
    with pytest.raises(urllib.error.URLError):
        ask(address)


def test_busy_cpus_are_seen() -> None:
    machine, idle = Machine(), cpu_times()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    now = cpu_times()
    share = machine.cpu()
    assert share == pytest.approx(1 - (now[0] - idle[0]) / (now[1] - idle[1]), abs=0.3)
    assert share > 0.1


def test_gpus_are_what_the_driver_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for nvidia-smi, as its manual has the output: there is no GPU here."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "0, 87, 1024"\necho "1, 3, 12"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    text = live_exposition(Progress(), Machine())
    assert figures(text)["meshmill_live_gpu_share"] == {"0": 0.87, "1": 0.03}
    tool.write_text('#!/bin/sh\necho "[N/A], [N/A], [N/A]"\nexit 9\n')
    assert gpu_shares() == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert gpu_shares() == []


def test_a_wrong_address_is_told_and_a_taken_one_costs_no_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SETTING, "somewhere")
    with pytest.raises(UsageError, match="somewhere"), served(Progress()):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv(SETTING, f"127.0.0.1:{taken.getsockname()[1]}")
        with served(Progress()) as address:
            assert address == ""
    assert "goes on without" in capsys.readouterr().err
    monkeypatch.delenv(SETTING)
    with served(Progress()) as address:
        assert address == ""


def test_chunks_tell_their_queues(tmp_path: Path) -> None:
    class Told(Progress):
        def queue(self, chunk: str, generating: int, processing: int) -> None:
            super().queue(chunk, generating, processing)
            depths.append((generating, processing))

    depths: list[tuple[int, int]] = []
    (tmp_path / "rows.csv").write_text("id,prompt\n" + "".join(f"r{i},a thing\n" for i in range(20)))
    run = RunConfig(str(tmp_path / "rows.csv"), "noop", str(tmp_path / "out")).prepare(Told())

    def at_once(work: Any) -> Any:
        counts = work.run()
        return type("Done", (), {"result": lambda self: counts})()

    drive(run, DirectEngine(), at_once)
    assert depths[0] == (20, 0)
    assert max(chain for _, chain in depths) == 20 - 0
    assert depths[-1] == (0, 0)
    assert run.progress.queues == {}


def test_the_dashboard_asks_for_what_there_is() -> None:
    """Names of the panels that look at a run under way."""
    told = set(figures(live_exposition(Progress(), Machine())))
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {name for panel in panels for name in re.findall(r"meshmill_live_\w+", panel["targets"][0]["expr"])}
    assert asked
    assert asked <= told
