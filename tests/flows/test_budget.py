"""Budgets and priorities: rows beyond the cap wait for a higher one, the dearest cost what their model's GPU costs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from direct_engine import DirectEngine
from hypothesis import given
from hypothesis import strategies as st

from flows import cli
from flows.budget import Budget
from flows.execute import Prepared, drive_alone
from flows.guard import close_templates
from flows.jobs import Failure, Generated, GenerateJob
from flows.metrics import exposition
from flows.progress import Progress
from flows.run import RunConfig, Summary, already_done
from manifests.errors import UsageError
from manifests.ledger import Ledger
from manifests.prices import Prices
from manifests.store import Store

RECIPE = '[generator]\nuse = "noop"\n[prices]\ncurrency = "EUR"\ndefault = 100\n'


@dataclass
class PaidEngine(DirectEngine):
    """Each row takes 36 seconds of a GPU."""

    ahead: int = 1
    budget: Budget = field(default_factory=Budget)
    order: list[str] = field(default_factory=list)

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        answer: Future[list[Generated | Failure]] = Future()
        answer.set_result(self.budget.spent_on(jobs, 1.0, partial(self.paid, jobs)))
        return answer

    def paid(self, jobs: Sequence[GenerateJob]) -> list[Generated | Failure]:
        self.order += [job.request.id for job in jobs]
        return [replace(each, gpu_seconds=36.0, gpu="A") for each in super().generate(jobs).result()]


def manifest(folder: Path, rows: int = 20) -> str:
    lines = [f"row-{at},a chair,{at % 3}" for at in range(rows)]
    (folder / "rows.csv").write_text("\n".join(["id,prompt,Priority", *lines]) + "\n")
    (folder / "paid.toml").write_text(RECIPE)
    return str(folder / "rows.csv")


def run(folder: Path, engine: PaidEngine, hours: float | None = None, cost: float | None = None) -> Summary:
    config = RunConfig(
        str(folder / "rows.csv"), str(folder / "paid.toml"), str(folder / "out"), max_gpu_hours=hours, max_cost=cost
    )
    done = already_done(config)
    if done is not None:
        return done
    with ThreadPoolExecutor(1) as pool:
        return drive_alone(config, Prepared(engine, Progress()), lambda work: pool.submit(work.run))


def ledger(folder: Path) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in Ledger(Store(str(folder / "out"))).rows()}


def test_rows_beyond_the_cap_are_taken_up_when_it_is_raised(tmp_path: Path) -> None:
    manifest(tmp_path)
    engine = PaidEngine()
    first = run(tmp_path, engine, hours=0.05)
    assert first.outcomes == {"passed": 8, "rejected": 12}  # one batch of 8 was under way when it was reached
    assert (first.gpu_hours, first.cost, first.currency) == (pytest.approx(0.08), pytest.approx(8.0), "EUR")
    rows = ledger(tmp_path)
    assert Counter(tuple(row["reasons"]) for row in rows.values()) == {(): 8, ("budget.gpu-hours",): 12}  # type: ignore[arg-type]
    assert {row["cost"] for row in rows.values() if not row["reasons"]} == {1.0}
    again = run(tmp_path, engine, hours=0.05)
    assert (again.skipped, again.outcomes) == (20, {})
    assert len(engine.order) == 8
    raised = run(tmp_path, engine, cost=16.0)
    assert (raised.skipped, raised.outcomes) == (8, {"passed": 8, "rejected": 4})
    rest = run(tmp_path, engine)
    assert (rest.skipped, rest.outcomes) == (16, {"passed": 4})
    assert len(engine.order) == len(set(engine.order)) == 20
    assert sum(row["cost"] for row in ledger(tmp_path).values()) == pytest.approx(20.0)  # type: ignore[misc]
    assert 'meshmill_gpu_seconds{model="noop"} 720' in exposition(str(tmp_path / "out"))


def test_higher_priority_comes_first_and_gets_the_money(tmp_path: Path) -> None:
    manifest(tmp_path)
    engine = PaidEngine()
    run(tmp_path, engine, hours=0.05)
    wanted = [f"row-{at}" for at in (*range(2, 20, 3), *range(1, 20, 3), *range(0, 20, 3))]
    assert engine.order == wanted[:8]
    run(tmp_path, engine)
    assert engine.order == wanted


def test_a_priority_is_no_part_of_a_row(tmp_path: Path) -> None:
    """Rows that are finished stay so when their priorities change."""
    manifest(tmp_path)
    run(tmp_path, PaidEngine())
    path = tmp_path / "rows.csv"
    path.write_text(path.read_text().replace(",2\n", ",9\n"))
    assert run(tmp_path, PaidEngine()).skipped == 20
    path.write_text(path.read_text().replace(",9\n", ",10\n"))
    assert run(tmp_path, PaidEngine()).outcomes == {"invalid": 6}


def test_a_cap_on_cost_wants_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="default"):
        Budget(Prices({"H100": 2.0}), max_cost=1.0)
    manifest(tmp_path)
    (tmp_path / "paid.toml").write_text(RECIPE + 'H100 = "two"\n')
    arguments = [str(tmp_path / "rows.csv"), "--recipe", str(tmp_path / "paid.toml"), "--out", str(tmp_path / "out")]
    assert cli.main(["run", *arguments, "--max-cost", "1"]) == 2
    assert "[prices]: H100 is 'two'" in capsys.readouterr().err


@given(st.sampled_from(["trellis2", "other"]), st.sampled_from(["NVIDIA H100 80GB HBM3", "NVIDIA A10G", ""]))
def test_a_price_is_the_models_else_the_gpus_else_the_default(model: str, gpu: str) -> None:
    prices = Prices({"trellis2": 9.0, "h100": 3.0, "h100 80gb": 4.0, "default": 1.0})
    expected = 9.0 if model == "trellis2" else 4.0 if "H100" in gpu else 1.0
    assert prices.of(model, gpu) == expected
    assert Prices().of(model, gpu) == 0.0


@pytest.mark.slow
def test_a_models_own_time_is_what_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inline engine with a simulated GPU: half a second a batch, whole and shared out among its rows."""
    house = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{house}")
    monkeypatch.setenv("MESHMILL_PLUGINS", "worker_plugin")
    monkeypatch.setenv("MESHMILL_GPUS", "1")
    __import__("worker_plugin")
    close_templates()
    (tmp_path / "rows.csv").write_text("id,prompt\n" + "".join(f"r{at},x\n" for at in range(24)))
    text = '[generator]\nuse = "trial"\n[generator.trial]\nseconds = 0.5\n[prices]\ndefault = 3600\n'
    (tmp_path / "trial.toml").write_text(text)
    arguments = ["run", str(tmp_path / "rows.csv"), "--recipe", str(tmp_path / "trial.toml"), "--out"]
    assert cli.main([*arguments, str(tmp_path / "out"), "--engine", "inline", "--max-cost", "0.4", "--json"]) == 0
    rows = list(Ledger(Store(str(tmp_path / "out"))).rows())
    made = [row for row in rows if row["outcome"] == "passed"]
    assert len(made) == 16  # the batch that reached the cap, and the one that lay ready
    assert sum(row["cost"] for row in made) >= 0.5 * len(made) / 8
    assert all(row["cost"] == pytest.approx(row["gpu_seconds"]) for row in rows)
    assert {tuple(row["reasons"]) for row in rows if row["outcome"] != "passed"} == {("budget.cost",)}
    close_templates()


def test_json_lines_and_parquet_have_priorities_too(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [{"id": "a", "prompt": "x"}, {"id": "b", "prompt": "x", "priority": 3}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    pq.write_table(pa.Table.from_pylist(records, pa.schema([("id", pa.string()), ("prompt", pa.string()), ("priority", pa.int32())])), tmp_path / "rows.parquet")  # fmt: skip  # noqa: E501
    for name in ("rows.jsonl", "rows.parquet"):
        (tmp_path / "paid.toml").write_text(RECIPE)
        config = RunConfig(str(tmp_path / name), str(tmp_path / "paid.toml"), str(tmp_path / "out"))
        (chunk,) = config.prepare().chunks()
        assert [keyed.row.id for keyed in chunk.rows] == ["b", "a"]
