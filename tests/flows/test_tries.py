"""How often a row may kill its child, and how often someone else may."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import kill_hard

from flows import guard as guard_module
from flows.guard import Guard, Killed, Limits
from flows.jobs import OUTSIDE_TRIES, Failure, Generated, guarded

CRASH, OUTSIDE = "guard.crash.SIGSEGV", "guard.crash.SIGKILL"


class Scripted:
    """A guard whose child dies of these, one a call, and then answers."""

    def __init__(self, *deaths: str) -> None:
        self.deaths = list(deaths)

    def call(self, *_: Any, **__: Any) -> Generated:
        if self.deaths:
            raise Killed(self.deaths.pop(0), "dead", "last words")
        return Generated("digest", 0.1)


def outcome(*deaths: str) -> tuple[str, int]:
    """(reason or "made", attempts) of a row under the default policy."""
    answer = guarded(Scripted(*deaths), lambda job: job, None, 1.0, 2)  # type: ignore[arg-type, type-var]
    return (answer.code if isinstance(answer, Failure) else "made"), answer.attempts


def test_two_deaths_of_its_own_quarantine_a_row() -> None:
    assert outcome() == ("made", 1)
    assert outcome(CRASH) == ("made", 2)
    assert outcome(CRASH, CRASH) == (CRASH, 2)
    assert outcome("guard.memory", "guard.timeout") == ("guard.timeout", 2)


def test_kills_from_outside_are_counted_apart() -> None:
    assert outcome(*[OUTSIDE] * (OUTSIDE_TRIES - 1)) == ("made", OUTSIDE_TRIES)
    assert outcome(*[OUTSIDE] * OUTSIDE_TRIES) == (OUTSIDE, OUTSIDE_TRIES)
    assert outcome(OUTSIDE, CRASH, OUTSIDE) == ("made", 4)
    assert outcome(OUTSIDE, CRASH, OUTSIDE, CRASH) == (CRASH, 4)


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard(Limits(seconds=20), ("json",))
    yield guard
    guard.close()


def test_sigkill_while_memory_ran_out_is_the_rows_own(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    child = guard.call(os.getpid)
    monkeypatch.setattr(guard_module, "memory_kills", lambda: guard.memory_kills + 1)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(Killed) as caught:
        guard.call(os.getpid)
    assert caught.value.code == "guard.memory"


@pytest.mark.slow
def test_a_killed_template_is_replaced(guard: Guard) -> None:
    child = guard.call(os.getpid)
    template = Guard._templates[("json",)].process.pid
    kill_hard(template)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(Killed, match="SIGKILL"):
        guard.call(os.getpid)
    assert guard.call(os.getpid) not in (child, 0)


def test_a_template_killed_between_calls_costs_nothing(guard: Guard) -> None:
    guard.call(os.getpid)
    guard._drop()
    kill_hard(Guard._templates[("json",)].process.pid)
    assert guard.call(os.getpid) > 9  # never the number of a signal: the guard kills the group of this pid
