"""What runs in a Ray worker: warm generators. A file of its own, so that these workers need not import Dask."""

from __future__ import annotations

import threading
from collections.abc import Sequence, Set

from flows.engine import Policy, ThreadGuards, run_guarded
from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob, generate_asset
from flows.model_worker import ModelWorker


class GeneratorActor:
    """CPU generators, each call in a guarded child."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.guards = ThreadGuards(policy.limits)

    def alive(self) -> None:
        """Answer, to say so."""

    def warm(self) -> None:
        """Start the process that children are forked from, before the first job asks for one."""
        self.guards.mine().prepare()

    def generate(self, jobs: Sequence[GenerateJob]) -> list[Generated | Failure]:
        """A batch of one generator's jobs, answered in order."""
        return run_guarded(self.guards, self.policy, generate_asset, jobs)


class ModelHost:
    """A GPU and the models that share it, each warm on a seat of its own; asked by several threads at once."""

    def __init__(self, tries: int) -> None:
        self.tries = tries
        self.lock = threading.Lock()
        self.seats: dict[int, ModelWorker] = {}

    def generate(
        self, seat: int, gpus: float, vacated: Set[int], jobs: Sequence[GenerateJob]
    ) -> list[Generated | Failure]:
        """A batch of one model's jobs, answered in order."""
        return self._seated(seat, vacated).generate(jobs, gpus)

    def process(
        self, seat: int, gpus: float, vacated: Set[int], jobs: Sequence[ProcessJob]
    ) -> list[Processed | Failure]:
        """Chains with one step that needs a GPU, answered in order."""
        return self._seated(seat, vacated).process(jobs, gpus)

    def _seated(self, seat: int, vacated: Set[int]) -> ModelWorker:
        """The seat's worker; the models of vacated seats are let go before it begins."""
        with self.lock:
            for gone in vacated & self.seats.keys():
                self.seats.pop(gone).close()
            if seat not in self.seats:
                self.seats[seat] = ModelWorker(self.tries)
            return self.seats[seat]
