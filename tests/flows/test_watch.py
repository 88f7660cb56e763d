"""A run of every outcome leaves a line of JSON a stage, and the same as spans at a real OTLP/HTTP receiver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp import receiving

from flows.engine import InlineEngine, Policy
from flows.execute import drive
from flows.jobs import TRACEPARENT, traced
from flows.run import RunConfig
from flows.stage_log import PLACE, SETTING, StageLog, stage_log
from flows.tracing import ENDPOINTS, tracer
from flows.watch import ChunkWatch, Watch
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.stage_run import StageRun, host
from manifests.store import Store

RECIPE = '[[steps]]\nuse = "clean"\n[[exports]]\nuse = "glb"\n'
ROWS = "id,prompt,mesh\nchair,a red chair,\ngiraffe,a giraffe,\nbroken,,broken.obj\nempty,,empty.glb\nnothing,,\n"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """An OTLP/HTTP receiver; the spans that reached it."""
    spans: list[Any] = []

    def take(body: bytes) -> None:
        for each in ExportTraceServiceRequest.FromString(body).resource_spans:
            spans.extend(span for scope in each.scope_spans for span in scope.spans)

    with receiving(monkeypatch, take):
        yield spans


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine."""
    for name in (SETTING, TRACEPARENT, *ENDPOINTS):
        monkeypatch.delenv(name, raising=False)


def attributes(span: Any) -> dict[str, Any]:
    found = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found


def test_every_stage_is_a_line_and_a_span(
    tmp_path: Path, collector: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACEPARENT, PARENT)
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "small.toml").write_text(RECIPE)
    (tmp_path / "broken.obj").write_text("v 0 0 0\nf 1 2 3\n")
    (tmp_path / "empty.glb").write_bytes(b"glTF")
    config = RunConfig(str(tmp_path / "rows.csv"), str(tmp_path / "small.toml"), str(tmp_path / "out"))
    engine = InlineEngine(Policy(), workers=1)
    with ThreadPoolExecutor(1) as pool:
        drive(config.prepare(), engine, lambda work: pool.submit(work.run))
    engine.close()
    ledger = {row["id"]: row for row in Ledger(Store(str(tmp_path / "out"))).rows()}
    lines = [json.loads(line) for line in (tmp_path / "out" / PLACE).read_text().splitlines()]
    by_row: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        by_row[line["id"]].append(line)
    check_lines(by_row, ledger)
    check_spans(collector, by_row)


def check_lines(by_row: dict[str, list[dict[str, Any]]], ledger: dict[str, Any]) -> None:
    chair = by_row["chair"]
    assert [line["stage"] for line in chair[:3]] == ["generate", "read", "clean"]
    assert {line["outcome"] for line in chair[:-1]} == {"ok"}
    assert {line["host"] for line in chair} == {host()}
    for name, seconds in ledger["chair"]["timings"].items():
        assert sum(line["seconds"] for line in chair if line["stage"] == name) == pytest.approx(seconds, abs=1e-5)
    for id, row in ledger.items():
        *stages, last = by_row[id]
        assert (last["stage"], last["outcome"], last["row"]) == ("row", row["outcome"], row["row"])
        assert last["reasons"] == row["reasons"]
        if id in ("giraffe", "broken", "empty"):  # the stage that ended them says so
            assert [line["outcome"] for line in stages] == row["reasons"][:1]
    assert by_row["nothing"][0]["stage"] == "row"
    assert len({line["run"] for lines in by_row.values() for line in lines}) == 1


def check_spans(spans: list[Any], by_row: dict[str, list[dict[str, Any]]]) -> None:
    by_id = {span.span_id: span for span in spans}
    (run,) = (span for span in spans if span.name == "run")
    assert run.parent_span_id.hex() == PARENT.split("-")[2]  # the trace of whoever started the run goes on
    assert {span.trace_id.hex() for span in spans} == {PARENT.split("-")[1]}
    (chunk,) = (span for span in spans if span.name == "chunk")
    assert by_id[chunk.parent_span_id] is run
    rows = {attributes(span)["meshmill.id"]: span for span in spans if span.name == "row"}
    assert set(rows) == set(by_row)
    for id, row in rows.items():
        assert by_id[row.parent_span_id] is chunk
        below = [span for span in spans if span.parent_span_id == row.span_id]
        found = sorted((span.name, attributes(span)["meshmill.outcome"]) for span in below)
        assert found == sorted((line["stage"], line["outcome"]) for line in by_row[id][:-1])
        assert all(attributes(span)["host.name"] == host() for span in below)
        assert attributes(row)["meshmill.outcome"] == by_row[id][-1]["outcome"]
        assert (row.status.code == 2) == (by_row[id][-1]["outcome"] == "failed")
        if below:
            assert min(span.start_time_unix_nano for span in below) > run.start_time_unix_nano


def row(number: int = 0) -> LedgerRow:
    return LedgerRow(f"row-{number}", f"key-{number}", number, "passed")


def test_the_log_rotates(tmp_path: Path) -> None:
    log = StageLog(str(tmp_path / "logs" / "a.jsonl"), "run", size=2000, files=3)
    for number in range(100):
        log.write("chunk", row(number), [StageRun("bake", 1e9, 0.5)])
    log.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in files] == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"]
    assert all(path.stat().st_size <= 2000 for path in files)
    assert json.loads(files[0].read_text().splitlines()[-1])["id"] == "row-99"


def test_where_the_log_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage_log(Store("s3://bucket/out"), "run") is None
    here = stage_log(Store(str(tmp_path)), "run")
    assert here is not None
    assert here.file.path == str(tmp_path / PLACE)
    monkeypatch.setenv(SETTING, "off")
    assert stage_log(Store(str(tmp_path)), "run") is None
    script = "from flows.stage_log import *; from manifests.store import Store\n"
    script += (
        "log = stage_log(Store('s3://a/b'), 'run'); log.write('c', LedgerRow('x', 'k', 1, 'passed'), ()); log.close()"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, SETTING: "/dev/stdout"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert json.loads(told.stdout)["id"] == "x"


def test_a_full_disk_costs_lines_and_not_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    log = StageLog("/dev/full", "run")
    log.write("chunk", row(), [])
    log.close()
    assert capfd.readouterr().err == ""


def test_nothing_is_traced_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracer("run") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracer("run") is None
    with ChunkWatch(Watch(), "chunk", 1) as watch:
        assert watch.parent("key", 1, "a") == ""


@pytest.mark.slow
def test_a_collector_that_is_away_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    found = tracer("run")
    assert found is not None
    watch = Watch(None, found)
    begun = time.monotonic()
    with watch.chunk("chunk", 1) as chunk:
        chunk.done("key", row())
    watch.close()
    assert time.monotonic() - begun < 30


def test_a_chunk_that_is_run_again_has_spans_of_its_own(collector: list[Any]) -> None:
    watch = Watch(None, tracer("run"))
    chunk = watch.chunk("chunk", 1)
    with chunk:
        first = chunk.parent("key", 1, "a")
    with chunk:
        again = chunk.parent("key", 1, "a")
        chunk.done("key", row())
    watch.close()
    assert first != again
    assert sorted(span.name for span in collector) == ["chunk", "chunk", "row", "row", "run"]


def test_programs_find_the_rows_span(monkeypatch: pytest.MonkeyPatch) -> None:
    with traced(PARENT):
        assert subprocess.check_output(["printenv", TRACEPARENT], text=True).strip() == PARENT
    assert TRACEPARENT not in os.environ
    monkeypatch.setenv(TRACEPARENT, "before")
    with traced(PARENT):
        pass
    assert os.environ[TRACEPARENT] == "before"
