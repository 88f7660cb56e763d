"""What a run may spend on GPUs, what it has spent, and how rows beyond that end."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flows.jobs import Failure, Generated, GenerateJob, Processed, ProcessJob
from manifests.errors import UsageError
from manifests.prices import DEFAULT, Prices

A = TypeVar("A", Generated, Processed)

HOURS, COST = "budget.gpu-hours", "budget.cost"


@dataclass
class Budget:
    """Counts over all runs into one folder; threads share it.

    Batches that are at work when the cap is reached are finished and paid: at most DEPTH for each seat go over it.
    """

    prices: Prices = field(default_factory=Prices)
    max_gpu_hours: float | None = None
    max_cost: float | None = None
    gpu_seconds: float = 0.0
    cost: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Raises UsageError for a cap on cost that nothing would ever reach."""
        if self.max_cost is not None and DEFAULT not in self.prices.an_hour:
            raise UsageError("--max-cost needs prices: [prices] in the recipe, with a `default` for an hour of a GPU")

    @property
    def capped(self) -> bool:
        """Whether there is a limit at all."""
        return self.max_gpu_hours is not None or self.max_cost is not None

    def refusal(self) -> Failure | None:
        """How a row ends that would be begun now: None where there is money for it."""
        with self.lock:
            hours = self.gpu_seconds / 3600
            if self.max_gpu_hours is not None and hours >= self.max_gpu_hours:
                text = f"{hours:.3g} GPU-hours are spent of {self.max_gpu_hours:g}; a higher --max-gpu-hours goes on"
                return Failure("rejected", HOURS, text)
            if self.max_cost is not None and self.cost >= self.max_cost:
                text = f"{self.cost:.3g} {self.prices.currency} are spent of {self.max_cost:g}; "
                return Failure("rejected", COST, text + "a higher --max-cost goes on")
        return None

    def spent_on(
        self, jobs: Sequence[GenerateJob] | Sequence[ProcessJob], gpus: float, make: Callable[[], list[A | Failure]]
    ) -> list[A | Failure]:
        """What `make()` answers to the jobs, counted; their refusal where there is no money for as many GPUs."""
        refused = self.refusal() if gpus else None
        if refused:
            return [refused] * len(jobs)
        answers = make()
        self.add(self.columns(jobs[0].model, answer) for answer in answers)
        return answers

    def columns(self, model: str, answer: Generated | Processed | Failure) -> dict[str, float]:
        """What one answer of a model, or of a chain with that step, took, as columns of its row."""
        cost = answer.gpu_seconds / 3600 * self.prices.of(model, answer.gpu)
        return {"gpu_seconds": answer.gpu_seconds, "cost": cost}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Count what rows of the ledger had taken."""
        for row in rows:
            with self.lock:
                self.gpu_seconds += row["gpu_seconds"]
                self.cost += row["cost"]


@dataclass
class RowSpent:
    """What one row took, over all its tries."""

    total: Counter[str] = field(default_factory=Counter)  # by the names of `Budget.columns`
    steps: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # the same by step

    def add(self, took: Mapping[str, float], step: str = "") -> None:
        """Count what one answer took; `step` is the one of a chain that its time on a GPU is booked under."""
        self.total.update(took)
        if step:
            for name, value in took.items():
                self.steps[name][step] += value  # type: ignore[assignment]

    def columns(self) -> dict[str, Any]:
        """Of the ledger."""
        sums: dict[str, Any] = {name: float(self.total[name]) for name in ("gpu_seconds", "cost")}
        return sums | {f"step_{name}": {step: x for step, x in self.steps[name].items() if x} for name in sums}


def postponed(reasons: Iterable[str]) -> bool:
    """Whether a row was not made for want of money."""
    return not {HOURS, COST}.isdisjoint(reasons)
