"""Where jobs run: the protocol of an engine, and the inline engine that needs nothing but this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from flows.guard import Guard, Limits
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob, generate_asset, guarded, process_asset


@dataclass(frozen=True)
class Policy:
    """How hard the line tries: limits of one guarded call and how many children a row may kill."""

    limits: Limits = field(default_factory=Limits)
    tries: int = 2


class Engine(Protocol):
    """Runs jobs somewhere and answers with futures; the futures never raise for what an asset did."""

    name: str

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        """Make a batch of raw meshes with one generator, answered in order."""
        ...

    def process(self, job: ProcessJob) -> Future[Processed | Failure]:
        """Run one asset's chain."""
        ...

    def close(self) -> None:
        """Stop every process the engine started."""
        ...


class ThreadGuards:
    """One guard for each thread that asks; guards are not for two threads at once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.local = threading.local()
        self.all: list[Guard] = []

    def mine(self) -> Guard:
        """This thread's guard, made on first use."""
        guard: Guard | None = getattr(self.local, "guard", None)
        if guard is None:
            guard = self.local.guard = Guard(self.limits)
            self.all.append(guard)
        return guard

    def close(self) -> None:
        """Kill every child."""
        for guard in self.all:
            guard.close()


def usable_cpus() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0))


class InlineEngine:
    """Guarded children of this process, one a CPU: no server, no cluster, nothing to wait for at the start."""

    name = "inline"

    def __init__(self, policy: Policy, workers: int | None = None) -> None:
        self.policy = policy
        self.guards = ThreadGuards(policy.limits)
        self.pool = ThreadPoolExecutor(workers or usable_cpus(), thread_name_prefix="asset")

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Generated | Failure]]:
        """Each job in a guarded child."""
        return self.pool.submit(lambda: [self._one(job) for job in jobs])

    def _one(self, job: GenerateJob) -> Generated | Failure:
        return guarded(self.guards.mine(), generate_asset, job, self.policy.limits.seconds, self.policy.tries)

    def process(self, job: ProcessJob) -> Future[Processed | Failure]:
        """The chain in a guarded child."""
        return self.pool.submit(
            lambda: guarded(self.guards.mine(), process_asset, job, self.policy.limits.seconds, self.policy.tries)
        )

    def close(self) -> None:
        """Drop what has not begun, kill the children."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.guards.close()
