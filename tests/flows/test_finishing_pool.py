"""What finishes goes before what begins, in the pool and in the inline engine; errors and cancelled calls come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from flows import engine
from flows.engine import InlineEngine, Policy
from flows.finishing_pool import FinishingPool
from flows.jobs import GenerateJob, ProcessJob
from ml.generators.noop import NoopOptions
from ml.generators.protocol import Request
from tasks.chain import Plan


class Held:
    """A call that says that it runs and ends when it is let go."""

    def __init__(self) -> None:
        self.runs, self.go = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.runs.set()
        assert self.go.wait(20)
        return "held"


def test_what_finishes_goes_before_what_begins_each_in_its_order() -> None:
    pool, held, order = FinishingPool(1, "t"), Held(), list[str]()
    first = pool.begin(held)
    assert held.runs.wait(20)
    answers = [pool.begin(order.append, "b1"), pool.begin(order.append, "b2")]
    answers += [pool.finish(order.append, "f1"), pool.finish(order.append, "f2")]
    held.go.set()
    for answer in (first, *answers):
        answer.result(timeout=20)
    assert order == ["f1", "f2", "b1", "b2"]
    pool.close()


def test_answers_and_errors_of_many_threads() -> None:
    pool = FinishingPool(8, "t")
    calls: list[Callable[..., Future[Any]]] = [pool.begin, pool.finish]
    answers = [calls[number % 2](divmod, 100, number % 5) for number in range(400)]
    for number, answer in enumerate(answers):
        if number % 5:
            assert answer.result(timeout=20) == divmod(100, number % 5)
        else:
            with pytest.raises(ZeroDivisionError):
                answer.result(timeout=20)
    pool.close()


def test_closing_cancels_what_has_not_begun_and_waits_for_nothing() -> None:
    pool, held = FinishingPool(1, "t"), Held()
    running = pool.finish(held)
    assert held.runs.wait(20)
    waiting = [pool.finish(int), pool.begin(int)]
    pool.close()
    for answer in waiting:
        with pytest.raises(CancelledError):
            answer.result(timeout=20)
    with pytest.raises(RuntimeError):
        pool.begin(int)
    held.go.set()
    assert running.result(timeout=20) == "held"


def test_the_inline_engine_finishes_meshes_before_it_makes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    held, order = Held(), list[str]()

    def run_guarded(_: Any, __: Any, function: Any, jobs: Sequence[Any]) -> list[Any]:
        if not order:
            held()
        order.append(function.__name__)
        return [None for _ in jobs]

    monkeypatch.setattr(engine, "run_guarded", run_guarded)
    inline = InlineEngine(Policy(), workers=1)
    make = GenerateJob("noop", NoopOptions(), Request("a", 0), None)  # type: ignore[arg-type]
    chain = ProcessJob("0", Plan(steps=(("clean", None),)), "assets/a", "a", None)  # type: ignore[arg-type]
    answers: list[Future[Any]] = [inline.generate([make]) for _ in range(3)]
    assert held.runs.wait(20)
    answers += [inline.process([chain]) for _ in range(2)]
    held.go.set()
    for answer in answers:
        answer.result(timeout=20)
    assert order == ["generate_asset", "process_asset", "process_asset", "generate_asset", "generate_asset"]
    inline.close()
