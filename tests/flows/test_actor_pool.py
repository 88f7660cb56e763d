"""The pool of actors: least busy first, one more while all are busy, never more than one that waits for a place."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from flows.actor_pool import ActorPool


@dataclass
class Stand:
    """An actor whose place is given or not."""

    handle: int
    there: bool = True

    def placed(self) -> bool:
        return self.there


@dataclass
class Machines:
    """Makes actors: the first few have a place at once, later ones wait for a machine."""

    free: int
    made: list[Stand] = field(default_factory=list)
    names: count[int] = field(default_factory=count)

    def make(self) -> Stand:
        self.made.append(Stand(next(self.names), len(self.made) < self.free))
        return self.made[-1]


def test_one_more_is_asked_for_when_the_last_one_came_and_is_busy() -> None:
    machines = Machines(free=1)
    pool = ActorPool(machines.make, 1, lambda: 3)
    with ExitStack() as calls:
        assert calls.enter_context(pool.taken()) == 0
        assert len(pool) == 1  # it was idle
        assert [calls.enter_context(pool.taken()) for _ in range(3)] == [0, 0, 0]
        assert len(pool) == 2  # one waits, and only one
        machines.made[1].there = True
        assert calls.enter_context(pool.taken()) == 1
        assert len(pool) == 2  # the new one was idle
        calls.enter_context(pool.taken())
        assert len(pool) == 3
        machines.made[2].there = True
        for _ in range(9):
            calls.enter_context(pool.taken())
        assert len(pool) == 3  # the limit
        assert sorted(pool.busy.values()) == [5, 5, 5]
    assert sum(pool.busy.values()) == 0


def test_idle_actors_take_turns() -> None:
    """One whose machine is gone is always idle: the others must be asked as well."""
    pool = ActorPool(Machines(free=3).make, 3, lambda: 3)
    asked = []
    for _ in range(6):
        with pool.taken() as actor:
            asked.append(actor)
    assert sorted(asked) == [0, 0, 1, 1, 2, 2]


@given(st.lists(st.sampled_from(["take", "give", "come"]), max_size=60), st.integers(1, 4), st.integers(1, 6))
def test_calls_are_spread_and_at_most_one_waits(events: list[str], first: int, limit: int) -> None:
    machines = Machines(free=first)
    pool = ActorPool(machines.make, first, lambda: limit)
    calls = []
    for event in events:
        if event == "take":
            busy = {index: pool.busy[index] for index, actor in enumerate(pool.actors) if actor.placed()}
            call = pool.taken()
            taken = call.__enter__()
            calls.append(call)
            assert busy[taken] == min(busy.values())
        elif event == "give" and calls:
            calls.pop().__exit__(None, None, None)
        elif event == "come":
            machines.made[-1].there = True
        assert sum(not actor.there for actor in machines.made) <= 1
        assert len(pool) <= max(first, limit)
    assert sum(pool.busy.values()) == len(calls)
