"""A machine that is taken away under a batch, of a model or of chains with a GPU, costs nobody a row."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from flows.fleet import Lost
from flows.jobs import Failure
from flows.model_actors import TRIES, ModelActors

NAMES = ["a", "b", "c"]


@dataclass
class Hosts:
    """In place of a batch on a seat: `lost` says under which jobs, how often and alone or not, a host goes."""

    lost: Callable[[Sequence[str], bool, int], bool]
    asked: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)

    def __call__(self, task: str, jobs: Sequence[Any], alone: bool) -> list[str]:
        names = [job.name for job in jobs]
        self.asked.append((task, tuple(names), alone))
        self.tries.update(names)
        if self.lost(names, alone, self.tries[names[0]]):
            raise Lost(f"the host of {names[0]} is gone")
        return [name.upper() for name in names]


def answers(task: str, hosts: Hosts) -> list[Any]:
    actors = object.__new__(ModelActors)
    actors.looked = time.monotonic()  # nobody counts the cluster's GPUs here
    actors._asked = hosts  # type: ignore[method-assign]
    ask: Any = getattr(actors, task)
    found: list[Any] = ask([SimpleNamespace(name=name) for name in NAMES])
    return found


@pytest.mark.parametrize("task", ["generate", "process"])
def test_a_machine_that_goes_once_costs_nothing(task: str) -> None:
    hosts = Hosts(lambda _, alone, __: not alone)
    assert answers(task, hosts) == ["A", "B", "C"]
    assert hosts.asked == [(task, ("a", "b", "c"), False), *((task, (name,), True) for name in NAMES)]


@pytest.mark.parametrize("task", ["generate", "process"])
def test_machines_may_go_twice_under_one_row_alone(task: str) -> None:
    hosts = Hosts(lambda names, alone, tries: not alone or (names == ["b"] and tries < 1 + TRIES))
    assert answers(task, hosts) == ["A", "B", "C"]
    assert hosts.tries == {"a": 2, "b": 1 + TRIES, "c": 2}


@pytest.mark.parametrize("task", ["generate", "process"])
def test_one_under_which_they_all_go_is_quarantined_alone(task: str) -> None:
    hosts = Hosts(lambda names, _, __: "b" in names)
    first, gone, last = answers(task, hosts)
    assert (first, last) == ("A", "C")
    assert isinstance(gone, Failure)
    assert (gone.outcome, gone.code, gone.attempts) == ("quarantined", "worker.lost", TRIES)
    assert "the host of b is gone" in gone.message


def test_what_no_machine_is_to_blame_for_is_not_tried_again() -> None:
    def closed(*_: Any) -> bool:
        raise RuntimeError("the engine is closed")

    hosts = Hosts(closed)
    with pytest.raises(RuntimeError, match="closed"):
        answers("process", hosts)
    assert len(hosts.asked) == 1
