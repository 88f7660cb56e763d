"""CPU seconds of our own kernels, measured as the peers' are: all threads, compiled beforehand, median of some runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def cpu_of(work: Callable[[], T], runs: int = 5) -> tuple[float, T]:
    """(CPU seconds of user and system, what the last run gave); a first run compiles or loads and is not counted."""
    made = work()
    costs = []
    for _ in range(runs):
        start = time.process_time()
        made = work()
        costs.append(time.process_time() - start)
    return statistics.median(costs), made
