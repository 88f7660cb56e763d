"""Calls of one generator: never more at once than may be, all answered, in order, and none waits in a closed pool."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import engine
from flows.cluster import ClusterEngine
from flows.engine import InlineEngine, Policy
from flows.jobs import GenerateJob, ProcessJob
from flows.run import RunConfig
from flows.turns import Turns
from ml.generators.noop import NoopOptions
from ml.generators.protocol import Request
from tasks.caption import CaptionOptions
from tasks.chain import Plan
from tasks.distill_edit import DistillEditOptions


class Counted:
    """Counts how many calls are in work."""

    def __init__(self) -> None:
        self.lock, self.inside, self.peak, self.order = threading.Lock(), 0, 0, list[int]()

    def call(self, number: int) -> int:
        with self.lock:
            self.inside += 1
            self.peak = max(self.peak, self.inside)
            self.order.append(number)
        threading.Event().wait(0.004)
        with self.lock:
            self.inside -= 1
        if number % 5 == 4:
            raise ValueError(number)
        return number


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(0, 30))
def test_no_more_at_once_than_may_be(most: int, calls: int) -> None:
    turns, counted = Turns({"a": most}), Counted()
    with ThreadPoolExecutor(8) as pool:
        asked = [turns.submit("a", partial(pool.submit, counted.call, number)) for number in range(calls)]
        for number, answer in enumerate(asked):
            if number % 5 == 4:
                with pytest.raises(ValueError, match=str(number)):
                    answer.result(timeout=20)
            else:
                assert answer.result(timeout=20) == number
    assert counted.peak <= most
    assert most > 1 or counted.order == list(range(calls))


def test_others_are_called_as_they_come() -> None:
    turns, counted = Turns({"a": 1}), Counted()
    with ThreadPoolExecutor(4) as pool:
        for answer in [turns.submit("b", partial(pool.submit, counted.call, 0)) for _ in range(12)]:
            answer.result()
    assert counted.peak > 1


def test_none_waits_in_a_closed_pool() -> None:
    turns, go = Turns({"a": 1}), threading.Event()
    pool = ThreadPoolExecutor(1)
    blocker = pool.submit(go.wait)
    asked = [turns.submit("a", partial(pool.submit, int)) for _ in range(4)]
    pool.shutdown(wait=False, cancel_futures=True)
    for answer in asked:
        with pytest.raises((CancelledError, RuntimeError)):
            answer.result(timeout=5)
    go.set()
    blocker.result()


def test_who_takes_several_turns_waits_for_each_and_nobody_for_ever() -> None:
    turns, counted = Turns({"a": 3, "b": 1, "c": 2}), Counted()
    with ThreadPoolExecutor(8) as pool:
        calls = [partial(pool.submit, counted.call, 5 * number) for number in range(24)]
        pairs = [("a", "b"), ("c", "b"), ("a", "x", "c")]
        asked = [turns.submit_all(pairs[at % 2], call) for at, call in enumerate(calls[:12])]
        assert [answer.result(timeout=20) for answer in asked] == [5 * number for number in range(12)]
        assert counted.peak == 1  # all of these take b's turn
        asked = [turns.submit_all(pairs[at % 3], call) for at, call in enumerate(calls[12:])]
        assert [answer.result(timeout=20) for answer in asked] == [5 * number for number in range(12, 24)]
    assert 1 < counted.peak <= 3
    assert not any(turns.busy.values())


@pytest.mark.parametrize("most", [1, 3])
def test_the_inline_engine_runs_so_many_chains_with_a_step(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    counted = Counted()

    def run_guarded(_: Any, __: Any, ___: Any, jobs: Sequence[ProcessJob]) -> list[Any]:
        return [counted.call(0) for _ in jobs]

    monkeypatch.setattr(engine, "run_guarded", run_guarded)
    inline = InlineEngine(Policy(), workers=6)
    inline.turns = Turns({"unwrap": most})
    plan = Plan(steps=(("clean", None), ("unwrap", None)))
    job = ProcessJob("0", plan, "assets/a", "a", None)  # type: ignore[arg-type]
    for answer in [inline.process([job]) for _ in range(24)]:
        assert answer.result(timeout=20) == [0]
    assert counted.peak == most
    inline.close()


def test_the_inline_engine_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()

    def run_guarded(_: Any, __: Any, ___: Any, jobs: Sequence[GenerateJob]) -> list[Any]:
        return [counted.call(0) for _ in jobs]

    monkeypatch.setattr(engine, "run_guarded", run_guarded)
    inline = InlineEngine(Policy(), workers=4)
    inline.turns = Turns({"noop": 1})
    job = GenerateJob("noop", NoopOptions(), Request("a", 0), None)  # type: ignore[arg-type]
    for answer in [inline.generate([job]) for _ in range(8)]:
        assert answer.result(timeout=20) == [0]
    assert counted.peak == 1
    inline.close()


def test_on_a_cluster_the_fleet_counts_the_step_with_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, cluster = Counted(), object.__new__(ClusterEngine)
    cluster.waiters, cluster.turns = ThreadPoolExecutor(6), Turns({"distill_edit": 1, "caption": 2, "unwrap": 3})

    def call(jobs: Sequence[ProcessJob]) -> list[Any]:
        return [counted.call(0) for _ in jobs]

    monkeypatch.setattr(cluster, "_process_with_gpu", call, raising=False)
    monkeypatch.setattr(cluster, "_process_on_dask", partial(cluster.waiters.submit, call), raising=False)

    def peak(*steps: tuple[str, object]) -> int:
        counted.peak = 0
        job = ProcessJob("0", Plan(steps=steps), "assets/a", "a", None)  # type: ignore[arg-type]
        for answer in [cluster.process([job]) for _ in range(24)]:
            assert answer.result(timeout=20) == [0]
        return counted.peak

    drawn = "distill_edit", DistillEditOptions()
    assert peak(drawn, ("caption", CaptionOptions())) == 2
    assert peak(drawn) > 3
    assert peak(("unwrap", None)) == 3
    cluster.waiters.shutdown()


def test_a_run_tells_its_engine(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,prompt\na,a chair\n")
    (tmp_path / "few.toml").write_text("[concurrency]\nprocedural = 2\n")
    done = SimpleNamespace(result=Counter)
    inline = InlineEngine(Policy(), workers=1)
    run = RunConfig(str(tmp_path / "rows.csv"), str(tmp_path / "few.toml"), str(tmp_path / "out")).prepare()
    run.drive(inline, lambda _: done)
    assert inline.turns.most == {"procedural": 2}
    inline.close()
