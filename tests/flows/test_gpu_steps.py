"""Steps, and generators by their options, that need a GPU: they have a share of their own, and it is paid for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from direct_engine import DirectEngine
from mill import left_behind, marked_env

from flows import engine
from flows.budget import Budget
from flows.engine import InlineEngine, Policy
from flows.execute import Prepared, drive_alone
from flows.guard import close_templates
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob
from flows.placement import gpu_step
from flows.progress import Progress
from flows.run import RunConfig, Summary, already_done
from manifests.ledger import Ledger
from manifests.prices import Prices
from manifests.store import Store
from ml.distill.settings import DistillSettings
from ml.generators.protocol import Request
from ml.generators.reconstruct import ReconstructOptions
from tasks.caption import CaptionOptions
from tasks.distill_edit import DistillEditOptions
from tasks.steps import STEPS

HERE, HOUSE = Path(__file__).parent, Path(__file__).parents[2]
DREAM = '[generator]\nuse = "{}"\n[[steps]]\nuse = "dream"\n{}\n[prices]\ndefault = 1000\ndream = 100\n'


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The step `dream`, here and in every process that is started."""
    monkeypatch.setenv("PYTHONPATH", f"{HERE}:{HOUSE}")
    monkeypatch.setenv("MESHMILL_PLUGINS", "worker_plugin")
    made = __import__("worker_plugin")
    close_templates()
    yield made
    close_templates()


def files(folder: Path, rows: int, use: str, options: str) -> RunConfig:
    (folder / "rows.csv").write_text("id,prompt\n" + "".join(f"r{at},x\n" for at in range(rows)))
    (folder / "dream.toml").write_text(DREAM.format(use, options))
    return RunConfig(str(folder / "rows.csv"), str(folder / "dream.toml"), str(folder / "out"))


def ledger(folder: Path) -> list[dict[str, Any]]:
    return list(Ledger(Store(str(folder / "out"))).rows())


def meshmill(folder: Path, env: dict[str, str], *more: str) -> None:
    command = [str(Path(sys.executable).parent / "meshmill"), "run", str(folder / "rows.csv"), "--json", *more]
    command += ["--recipe", str(folder / "dream.toml"), "--out", str(folder / "out")]
    subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True, timeout=400)


def test_the_step_with_the_largest_share_speaks_for_the_chain(plugin: Any) -> None:
    small, large = plugin.DreamOptions(gpus=0.25), DistillEditOptions()
    assert gpu_step([("clean", STEPS["clean"][1]()), ("dream", small)]) == ("dream", 0.25)
    assert gpu_step([("dream", small), ("distill_edit", large)]) == ("distill_edit", 1.0)
    assert gpu_step([("distill_edit", DistillEditOptions(device="cpu"))]) == ("", 0.0)
    assert gpu_step([]) == ("", 0.0)
    assert DistillSettings().gpus == 1.0


def test_a_device_that_options_name_is_a_whole_gpu() -> None:
    for device, found in (("cuda", ("caption", 1.0)), ("cuda:1", ("caption", 1.0)), ("cpu", ("", 0.0))):
        assert gpu_step([("clean", STEPS["clean"][1]()), ("caption", CaptionOptions(device=device))]) == found


class Warm:
    """A model's process that answers at once, having had its share for 36 seconds."""

    def __init__(self, _: int) -> None:
        self.asked: list[tuple[str, float]] = []

    def generate(self, jobs: Sequence[GenerateJob], gpus: float) -> list[Generated | Failure]:
        self.asked += [(job.request.id, gpus) for job in jobs]
        return [Generated("0", 36.0, gpu_seconds=36.0 * gpus) for _ in jobs]

    def close(self) -> None:
        pass


def test_reconstructing_on_a_gpu_is_unguarded_and_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    warm, guarded = Warm(0), list[str]()

    def run_guarded(_: Any, __: Any, ___: Callable[..., Any], jobs: Sequence[GenerateJob]) -> list[Generated]:
        guarded.extend(job.request.id for job in jobs)
        return [Generated("0", 1.0) for _ in jobs]

    monkeypatch.setenv("MESHMILL_GPUS", "1")
    monkeypatch.setattr(engine, "ModelWorker", lambda _: warm)
    monkeypatch.setattr(engine, "run_guarded", run_guarded)
    inline = InlineEngine(Policy(), workers=1)
    inline.budget = Budget(Prices({"reconstruct": 100.0}), max_gpu_hours=0.015)

    def ask(name: str, device: str) -> Generated | Failure:
        job = GenerateJob("reconstruct", ReconstructOptions(device=device), Request(name, 0), Store("out"))
        return inline.generate([job]).result(timeout=20)[0]

    answers = [ask(f"gpu-{at}", "cuda") for at in range(3)] + [ask("cpu", "cpu")]
    inline.close()
    assert warm.asked == [("gpu-0", 1.0), ("gpu-1", 1.0)]
    assert guarded == ["cpu"]
    assert isinstance(answers[2], Failure)
    assert answers[2].code == "budget.gpu-hours"
    assert inline.budget.cost == pytest.approx(2.0)


@dataclass
class PaidChains(DirectEngine):
    """Each chain takes 36 seconds of a GPU."""

    ahead: int = 1
    budget: Budget = field(default_factory=Budget)

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Processed | Failure]]:
        answer: Future[list[Processed | Failure]] = Future()
        answer.set_result(self.budget.spent_on(jobs, jobs[0].gpus, partial(self.paid, jobs)))
        return answer

    def paid(self, jobs: Sequence[ProcessJob]) -> list[Processed | Failure]:
        return [replace(each, gpu_seconds=36.0) for each in super().process(jobs).result()]


def drive(config: RunConfig, engine: PaidChains) -> Summary:
    done = already_done(config)
    if done is not None:
        return done
    with ThreadPoolExecutor(1) as pool:
        return drive_alone(config, Prepared(engine, Progress()), lambda work: pool.submit(work.run))


def test_chains_beyond_the_cap_are_taken_up_when_it_is_raised(tmp_path: Path, plugin: Any) -> None:
    config = files(tmp_path, 20, "noop", "")
    first = drive(replace(config, max_gpu_hours=0.05), PaidChains())
    assert first.outcomes == {"passed": 5, "rejected": 15}
    assert (first.gpu_hours, first.cost) == (pytest.approx(0.05), pytest.approx(5.0))
    rows = ledger(tmp_path)
    assert Counter(tuple(row["reasons"]) for row in rows) == {(): 5, ("budget.gpu-hours",): 15}
    assert {(row["gpu_seconds"], row["cost"]) for row in rows} == {(36.0, 1.0), (0.0, 0.0)}  # at the step's own price
    said = {"step_gpu_seconds": {"dream": 36.0}, "step_cost": {"dream": 1.0}}
    assert [{name: row[name] for name in said} for row in rows if row["cost"]] == [said] * 5
    rest = drive(config, PaidChains())
    assert (rest.skipped, rest.outcomes) == (5, {"passed": 15})
    assert sum(row["cost"] for row in ledger(tmp_path)) == pytest.approx(20.0)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_inline_the_one_gpu_is_the_chains_or_the_models(tmp_path: Path, plugin: Any) -> None:
    log = tmp_path / "spans"
    files(tmp_path, 16, "trial", f'seconds = 0.1\nlog = "{log}"\n[generator.trial]\nseconds = 0.2\nspans = "{log}"\n')
    meshmill(tmp_path, {"MESHMILL_GPUS": "1"}, "--engine", "inline")
    assert plugin.most_at_once(log, "trial", "dream") == 1
    rows = ledger(tmp_path)
    assert len({row["meta"]["dreamt_in"] for row in rows}) <= 3  # a warm child, as long as no other model needs the GPU
    assert all(row["gpu_seconds"] >= 0.1 + 0.2 / 8 for row in rows)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_inline_a_named_device_is_reserved_for_generator_and_step(tmp_path: Path, plugin: Any) -> None:
    log = tmp_path / "spans"
    files(tmp_path, 16, "roving", "")
    told = 'device = "cuda"\nseconds = 0.2\n'
    text = f'[generator]\nuse = "roving"\n[generator.roving]\n{told}spans = "{log}"\n[[steps]]\nuse = "look"\n'
    (tmp_path / "dream.toml").write_text(f'{text}{told}log = "{log}"\n[prices]\ndefault = 1000\nlook = 100\n')
    meshmill(tmp_path, {"MESHMILL_GPUS": "1"}, "--engine", "inline")
    rows = ledger(tmp_path)
    assert [row["outcome"] for row in rows] == ["passed"] * 16
    assert plugin.most_at_once(log, "roving", "look") == 1
    assert all(row["gpu_seconds"] >= 0.2 + 0.2 / 8 for row in rows)
    for row in rows:
        rest = row["gpu_seconds"] - row["step_gpu_seconds"]["look"]
        assert rest >= 0.2 / 8
        assert row["cost"] - row["step_cost"]["look"] == pytest.approx(rest / 3.6)
        assert row["step_cost"]["look"] == pytest.approx(row["step_gpu_seconds"]["look"] / 36.0)  # at its own price


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_on_ray_a_chain_has_its_share_for_itself(tmp_path: Path, plugin: Any, mark: str) -> None:
    """Two simulated GPUs: chains of half a GPU and a model of a whole one are at most four, or two and the model."""
    log = tmp_path / "spans"
    config = files(tmp_path, 48, "trial", f'seconds = 0.3\ngpus = 0.5\nlog = "{log}"\n')
    text = Path(config.recipe).read_text() + f'[generator.trial]\nseconds = 0.3\nspans = "{log}"\n'
    Path(config.recipe).write_text(text)
    meshmill(tmp_path, {**marked_env(mark), "MESHMILL_GPUS": "2"})
    rows = ledger(tmp_path)
    assert [row["outcome"] for row in rows] == ["passed"] * 48
    assert all(0.15 + 0.3 / 8 <= row["gpu_seconds"] < 30.0 for row in rows)
    assert 1 < plugin.most_at_once(log, "dream") <= 4
    assert plugin.most_at_once(log, "trial") <= 2
    assert plugin.most_share(log, {"trial": 1.0, "dream": 0.5}) <= 2.0
    assert left_behind(mark) == []
