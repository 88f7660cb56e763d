"""Models on Ray: an actor for each GPU, the models that share it, and what becomes of the rows of one that dies."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import ray

from flows.budget import Budget
from flows.engine import Policy, usable_cpus
from flows.fleet import Fleet, Lost
from flows.generator_actor import ModelHost
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob
from flows.placement import SHARES
from flows.seats import DEPTH, Seat

TRIES = 3  # a node can be lost without the row's fault; three actors that died with this row alone are its own
LOOK_SECONDS = 5.0  # how often a run looks at how many GPUs its cluster has
POLL_SECONDS = 1.0  # a waiting thread looks up this often, to see whether the engine is closing
IN_FLIGHT = 32  # batches for each GPU over all chunks: of every model some wait, and none gives up its GPU
MOST_IN_FLIGHT = 960  # a thread each
GPUS_A_CHUNK = 4  # simulated with 8 GPUs: 2 chunks at once 96.5 % busy, 3 96.9, 4 97.8, 6 97.2, 8 97.8


def answer_of(reference: Any, closing: threading.Event) -> Any:
    """What an actor answers. Never in one long wait: those that Ray's shutdown meets last for ever."""
    while not closing.is_set():
        with contextlib.suppress(ray.exceptions.GetTimeoutError):
            return ray.get(reference, timeout=POLL_SECONDS)
    raise RuntimeError("the engine is closed")


def gpu_count() -> float:
    """GPUs that the cluster has now."""
    return float(ray.cluster_resources().get("GPU", 0))


def chunks_for(gpus: float) -> int:
    """Chunks at once: enough that each model's share of the rows is there whenever it is its turn."""
    return 2 + int(gpus / GPUS_A_CHUNK) if gpus else 0


class ModelActors:
    """Generates with models, and runs the chains that need a GPU; made once Ray is there."""

    def __init__(
        self, policy: Policy, closing: threading.Event, budget: Budget, most: Mapping[str, int] | None = None
    ) -> None:
        """`most` actors at once by a model's name."""
        self.policy, self.closing, self.budget = policy, closing, budget
        self.looked = time.monotonic()
        self.fleet = Fleet(gpu_count(), max(1, usable_cpus() // 2), self._start, ray.kill, most=most)

    @property
    def ahead(self) -> int:
        """Batches that a chunk has in flight."""
        return int(min(IN_FLIGHT * self.fleet.gpus, MOST_IN_FLIGHT) / max(1, chunks_for(self.fleet.gpus)))

    def _start(self, gpus: float, environment: str) -> Any:
        """A host takes any models that fit it together; each holds DEPTH batches, and none may wait for another's."""
        make = ray.remote(ModelHost).options(
            num_gpus=gpus,
            num_cpus=0,
            max_restarts=0,
            max_concurrency=DEPTH * SHARES * max(1, int(gpus)),
            runtime_env=json.loads(environment) if environment else None,
        )
        return make.remote(self.policy.tries)

    def generate(self, jobs: Sequence[GenerateJob]) -> list[Generated | Failure]:
        """A batch of one model."""
        return self._tried("generate", jobs)

    def process(self, jobs: Sequence[ProcessJob]) -> list[Processed | Failure]:
        """Chains with one step that needs a GPU: on a seat of their own, whose share they have to the end."""
        return self._tried("process", jobs)

    def _tried(self, task: str, jobs: Sequence[Any]) -> list[Any]:
        """A batch; when its actor dies each row alone, so that only one that kills an actor by itself is blamed."""
        if time.monotonic() - self.looked > LOOK_SECONDS:
            self.looked, self.fleet.gpus = time.monotonic(), gpu_count()  # machines come and go
            self.fleet.look()
        try:
            return self._asked(task, jobs, alone=False)
        except Lost:
            return [self._alone(task, job) for job in jobs]

    def _alone(self, task: str, job: Any) -> Any:
        message = ""
        for _ in range(TRIES):
            try:
                return self._asked(task, [job], alone=True)[0]
            except Lost as error:
                message = str(error)
        return Failure("quarantined", "worker.lost", message, TRIES)

    def _asked(self, task: str, jobs: Sequence[Any], alone: bool) -> list[Any]:
        first, priority = jobs[0], max(job.priority for job in jobs)
        with self.fleet.lease(first.model, first.gpus, alone, priority, first.environment) as seat:
            return self.budget.spent_on(jobs, seat.gpus, partial(self._answers, task, seat, jobs))

    def _answers(self, task: str, seat: Seat, jobs: Sequence[Any]) -> list[Any]:
        ask = getattr(seat.host.actor, task)
        asked = ask.remote(seat.number, seat.gpus, frozenset(seat.host.vacated), list(jobs))
        try:
            answers: list[Any] = answer_of(asked, self.closing)
        except ray.exceptions.RayActorError as error:
            raise Lost(str(error)) from error
        return answers

    def close(self) -> None:
        """Wake who waits; Ray's shutdown ends the actors."""
        self.fleet.close()
