"""What one stage of one asset was: where and when it ran, how long, and how it ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

T = TypeVar("T")
FINISHED = "ok"


@cache
def host() -> str:
    """The name of this machine."""
    return os.uname().nodename


@dataclass(frozen=True, slots=True)
class StageRun:
    """One run of a stage."""

    stage: str
    started: float  # seconds since 1970, by the clock of the machine it ran on
    seconds: float
    outcome: str = FINISHED  # or the code of what ended it
    host: str = field(default_factory=host)


@dataclass
class Clock:
    """The stages of one asset as they run."""

    runs: list[StageRun] = field(default_factory=list)

    def timed(self, stage: str, work: Callable[[], T]) -> T:
        """`work()`, booked under `stage`; what it raises carries the stages so far as `stages`, itself the last."""
        started, start = time.time(), time.perf_counter()
        try:
            result = work()
        except Exception as error:
            code = getattr(error, "code", f"error.{type(error).__name__}")
            self.runs.append(StageRun(stage, started, time.perf_counter() - start, code))
            vars(error)["stages"] = tuple(self.runs)
            raise
        self.runs.append(StageRun(stage, started, time.perf_counter() - start))
        return result

    @property
    def seconds(self) -> dict[str, float]:
        """By stage; one that ran twice adds up."""
        found: dict[str, float] = {}
        for run in self.runs:
            found[run.stage] = found.get(run.stage, 0.0) + run.seconds
        return found


def stages_of(error: BaseException) -> tuple[StageRun, ...]:
    """The stages that an error carries."""
    found: tuple[StageRun, ...] = vars(error).get("stages", ())
    return found
