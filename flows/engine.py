"""Where jobs run: the protocol of an engine, and the inline engine that needs nothing but this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

from flows.budget import Budget
from flows.finishing_pool import FinishingPool
from flows.guard import Guard, Limits
from flows.jobs import (
    Failure,
    Generated,
    GenerateJob,
    J,
    Processed,
    ProcessJob,
    R,
    generate_asset,
    guarded,
    process_asset,
)
from flows.model_worker import LIMITS, ModelWorker
from flows.placement import asks_model, local_gpus, runs_guarded
from flows.seats import DEPTH
from flows.turns import Turns
from ml.generators.pretrained.shelf import accelerator_gb

WINDOW = 2  # chunks at once at least: the next one generates while this one's chains finish
LARGEST_WINDOW = 32  # and at most: 8,192 rows, 128 batches and 2,048 chains in flight


@dataclass(frozen=True)
class Policy:
    """How hard the line tries: limits of one guarded call and how many children a row may kill."""

    limits: Limits = field(default_factory=Limits)
    tries: int = 2


GENERATING = 4  # batches in flight: enough to keep two actors fed while their answers travel


class Engine(Protocol):
    """Runs jobs somewhere and answers with futures; the futures never raise for what an asset did."""

    name: str

    @property
    def ahead(self) -> int:
        """Batches of a chunk that may be in flight: as many as keep the generators busy."""
        ...

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        """Make a batch of raw meshes with one generator, answered in order."""
        ...

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Processed | Failure]]:
        """Run the chains of one or a few assets, answered in order."""
        ...

    def window(self) -> int:
        """How many chunks at once keep its workers busy now, WINDOW to LARGEST_WINDOW."""
        ...

    def close(self) -> None:
        """Stop every process the engine started."""
        ...


@runtime_checkable
class Spending(Protocol):
    """An engine that has GPUs: it asks the budget before each batch of a model, and counts what the batch took."""

    budget: Budget


@runtime_checkable
class TakingTurns(Protocol):
    """An engine that calls no generator, and runs no step, more often at once than it may."""

    turns: Turns


class ThreadGuards:
    """One guard for each thread that asks; guards are not for two threads at once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.local = threading.local()
        self.all: list[Guard] = []
        self.turn = threading.Lock()
        self.model: Guard | None = None

    def mine(self) -> Guard:
        """This thread's guard, made on first use."""
        guard: Guard | None = getattr(self.local, "guard", None)
        if guard is None:
            guard = self.local.guard = Guard(self.limits)
            self.all.append(guard)
        return guard

    @contextmanager
    def with_model(self) -> Iterator[Guard]:
        """The one guard whose child keeps a step's model warm, under a model's limits; one thread at a time has it."""
        with self.turn:
            if self.model is None:
                self.model = Guard(LIMITS)
                self.all.append(self.model)
            yield self.model

    def close(self) -> None:
        """Kill every child."""
        for guard in self.all:
            guard.close()


def run_guarded(
    guards: ThreadGuards, policy: Policy, function: Callable[[J], R], jobs: Sequence[J]
) -> list[R | Failure]:
    """Jobs one after the other in this thread's guarded child; those whose steps ask a model in the child that has it,
    where an asset may take an hour and no cap is on memory."""
    answers = []
    for job in jobs:
        if isinstance(job, ProcessJob) and asks_model(job.plan.steps):
            with guards.with_model() as guard:
                answers.append(guarded(guard, function, job, LIMITS.seconds, policy.tries))
        else:
            answers.append(guarded(guards.mine(), function, job, policy.limits.seconds, policy.tries))
    return answers


def step_names(jobs: Sequence[ProcessJob]) -> set[str]:
    """Of the steps in these chains."""
    return {name for job in jobs for name, _ in job.plan.steps}


def has_gpu() -> bool:
    """Whether this machine has a GPU, or one is simulated."""
    return bool(local_gpus() or accelerator_gb())


def usable_cpus() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0))


class InlineEngine:
    """Guarded children of this process, one a CPU: no server, no cluster, nothing to wait for at the start."""

    name = "inline"
    ahead = GENERATING

    def __init__(self, policy: Policy, workers: int | None = None) -> None:
        self.policy = policy
        self.guards = ThreadGuards(policy.limits)
        self.pool = FinishingPool(workers or usable_cpus(), "asset")
        self.model: ModelWorker | None = None
        self.budget, self.turns = Budget(), Turns()
        self.warm = ThreadPoolExecutor(DEPTH, thread_name_prefix="model")  # one GPU: the next batch makes itself ready

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        """Each job in a guarded child; models, whose memory no cap for CPU work fits, in one of their own, in turn."""
        if not runs_guarded(jobs[0].generator, jobs[0].options):
            return self.warm.submit(self._ask, self._model().generate, jobs)
        begin = partial(self.pool.begin, run_guarded, self.guards, self.policy, generate_asset, jobs)
        return self.turns.submit(jobs[0].generator, begin)

    def _model(self) -> ModelWorker:
        self.model = self.model or ModelWorker(self.policy.tries)
        return self.model

    def _ask(self, ask: Callable[[Sequence[Any], float], list[Any]], jobs: Sequence[Any]) -> list[Any]:
        gpus = jobs[0].gpus if has_gpu() else 0.0
        return self.budget.spent_on(jobs, gpus, partial(ask, jobs, gpus))

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Processed | Failure]]:
        """Each chain in a guarded child; one with a step that needs a GPU in turn with the models, as there is one."""
        begin = partial(self.pool.finish, run_guarded, self.guards, self.policy, process_asset, jobs)
        if jobs[0].gpus and has_gpu():
            begin = partial(self.warm.submit, self._ask, self._model().process, jobs)
        return self.turns.submit_all(step_names(jobs), begin)

    def window(self) -> int:
        """Its workers are this machine's CPUs."""
        return WINDOW

    def close(self) -> None:
        """Drop what has not begun, kill the children."""
        self.pool.close()
        self.warm.shutdown(wait=False, cancel_futures=True)
        self.guards.close()
        if self.model is not None:
            self.model.close()
