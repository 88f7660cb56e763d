"""Chains run under the limits of CPU work; those that ask a model share one child without a cap on its memory."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from flows import engine
from flows.engine import Policy, ThreadGuards, run_guarded
from flows.guard import Limits
from flows.jobs import Generated, ProcessJob, process_asset
from manifests.store import Store
from tasks.chain import Plan
from tasks.clean import CleanOptions
from tasks.distill_edit import DistillEditOptions

MADE: list[Limits] = []


class Told:
    """A guard that answers with its limits, and knows when two threads are in it."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.inside = limits, threading.Lock()
        MADE.append(limits)

    def call(self, _: Any, job: ProcessJob, seconds: float) -> Generated:
        assert self.inside.acquire(blocking=False)
        threading.Event().wait(0.02)
        self.inside.release()
        return Generated(f"{self.limits.memory_bytes >> 30} GiB, {seconds:.0f} s", 0.0)

    def close(self) -> None:
        """Nothing to end."""


def test_steps_that_ask_a_model_have_its_limits_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "Guard", Told)
    MADE.clear()
    guards, policy, answers = ThreadGuards(Policy().limits), Policy(), list[Any]()
    plain, asking = Plan(steps=(("clean", CleanOptions()),)), Plan(steps=(("distill_edit", DistillEditOptions()),))
    jobs = [ProcessJob("d", plan, "assets/a", "a", Store(str(tmp_path))) for plan in (plain, asking)]

    def work() -> None:
        answers.append([answer.digest for answer in run_guarded(guards, policy, process_asset, jobs)])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [["4 GiB, 300 s", "0 GiB, 3600 s"]] * 3
    assert sorted(limits.memory_bytes >> 30 for limits in MADE) == [0, 4, 4, 4]
