"""The fleet: GPUs are never over-booked, nobody waits for ever, a seat asked for alone is had alone."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fleet_simulation import Simulation
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.fleet import Fleet, Lost
from flows.seats import DEPTH

NEEDS = {"a": 1.0, "b": 0.5, "c": 0.35, "d": 0.5, "two": 2.0, "free": 0.0}


class Books:
    """Counts what is started, stopped and in work, and checks it at every step."""

    def __init__(self, gpus: float, most: dict[str, int] | None = None) -> None:
        self.lock = threading.RLock()
        self.living: dict[int, float] = {}
        self.inside: Counter[int] = Counter()
        self.alone: set[int] = set()
        self.seated: dict[str, set[int]] = {}
        self.gpus, self.number, self.busiest = gpus, 0, 0.0
        self.most = Counter[str]()
        self.fleet = Fleet(gpus, 2, self.start, self.stop, grace=0.02, most=most)

    def start(self, gpus: float, environment: str) -> int:
        with self.lock:
            self.number += 1
            self.living[self.number] = gpus
            assert sum(self.living.values()) <= self.gpus + 1e-6
            return self.number

    def stop(self, actor: int) -> None:
        with self.lock:
            del self.living[actor]

    def work(self, model: str, seconds: float, alone: bool = False, dies: bool = False) -> str:
        with self.fleet.lease(model, NEEDS[model], alone, environment="apart" if model == "d" else "") as seat:
            with self.lock:
                if seat.host.actor not in self.living:
                    raise Lost(model)  # it died under the batch before this one
                self.inside[seat.number] += 1
                self.seated.setdefault(model, set()).add(seat.number)
                assert self.inside[seat.number] <= (1 if alone or seat.number in self.alone else DEPTH)
                assert seat.model == model
                assert seat.number not in seat.host.vacated
                assert seat.host.environment == ("apart" if model == "d" else "")
                assert sum(each.gpus for each in seat.host.seats) <= seat.host.size + 1e-6
                self.alone |= {seat.number} if alone else set()
                held = Counter(each.model for each in self.fleet.seats)
                self.most[model] = max(self.most[model], held[model])
                self.busiest = max(self.busiest, sum(each.gpus for each in self.fleet.seats if each.load))
            time.sleep(seconds)
            with self.lock:
                self.inside[seat.number] -= 1
                self.alone -= {seat.number} if alone else set()
            if dies:
                raise Lost(model)
        return model


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3), st.integers(0, 10**6))
def test_every_batch_is_served_whatever_the_mix(gpus: int, seed: int) -> None:
    chance = random.Random(seed)
    books = Books(float(gpus))
    asked = [chance.choice(list(NEEDS)) for _ in range(60)]
    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(books.work, model, chance.random() / 300, chance.random() < 0.1) for model in asked]
        assert [future.result(timeout=30) for future in futures] == asked
    assert not any(books.inside.values())
    assert all(seat.load == 0 for seat in books.fleet.seats)


def test_gpus_go_to_what_is_left() -> None:
    books = Books(4.0)
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda model: books.work(model, 0.01), ["a", "b"] * 40))
        books.busiest = 0
        list(pool.map(lambda model: books.work(model, 0.01), ["a"] * 60))
    assert books.busiest == 4  # all of them work for the model that is left
    assert len(books.seated["a"]) <= 8  # and did not change hands all the time
    assert books.number == 4  # the actors stayed


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 3), st.integers(0, 10**6))
def test_a_model_has_no_more_seats_than_it_may_have(most: int, seed: int) -> None:
    chance = random.Random(seed)
    books = Books(6.0, {"a": most, "free": 1})
    asked = ["a"] * 30 + [chance.choice(list(NEEDS)) for _ in range(20)]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda model: books.work(model, 0.002, chance.random() < 0.1), asked)) == asked
    assert books.most["a"] == most
    assert books.most["free"] <= 1


def test_a_model_that_may_have_no_more_makes_no_other_leave() -> None:
    still = Still(2.0, {"a": 1})
    still.fleet.give_back(still.fleet.ask("b", 1.0))
    for _ in range(DEPTH + 2):
        still.fleet.ask("a", 1.0)
    still.now = 10.0
    still.fleet.look()
    assert sorted(seat.model for seat in still.fleet.seats) == ["a", "b"]


def test_a_dead_host_is_replaced_and_the_others_go_on() -> None:
    books = Books(2.0)

    def work(at: int) -> str:
        try:
            return books.work("a", 0.002, dies=at % 10 == 0)
        except Lost:
            return books.work("a", 0.002, alone=True)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(50))) == ["a"] * 50
    assert 3 <= books.number <= 7


def test_who_waits_is_woken_when_the_engine_closes() -> None:
    books = Books(1.0)
    with ThreadPoolExecutor(4) as pool:
        holding = [pool.submit(books.work, "a", 0.3) for _ in range(DEPTH)]
        time.sleep(0.05)
        waiting = pool.submit(books.work, "b", 0.0)
        time.sleep(0.05)
        books.fleet.close()
        with pytest.raises(RuntimeError, match="closed"):
            waiting.result(timeout=5)
        assert [each.result() for each in holding] == ["a", "a"]
        with pytest.raises(RuntimeError, match="closed"):
            books.work("a", 0.0)


def test_what_was_kept_for_one_who_then_got_another_is_free_again() -> None:
    books = Books(1.0)
    with ThreadPoolExecutor(2) as pool, books.fleet.lease("a", 1.0) as held:
        alone = pool.submit(books.work, "a", 0.0, alone=True)
        while held.kept_for is None:
            time.sleep(0.002)
        books.gpus = books.fleet.gpus = 2.0  # a machine came
        books.fleet.look()
        assert alone.result(timeout=5) == "a"
        assert held.kept_for is None
    assert len(books.seated["a"]) == 1
    assert books.number == 2


class Still:
    """A fleet in a time that only the test moves."""

    def __init__(self, gpus: float, most: dict[str, int] | None = None) -> None:
        self.now = 0.0
        self.calls: list[Any] = []
        later = lambda _, function: self.calls.append(function)  # noqa: E731
        self.fleet = Fleet(gpus, 1, lambda *_: 0, lambda _: None, lambda: self.now, later, most=most)


def test_higher_priority_first_and_nothing_waits_for_ever() -> None:
    still = Still(1.0)
    held = [still.fleet.ask("a", 1.0) for _ in range(DEPTH)]
    low = still.fleet.ask("a", 1.0)
    high = [still.fleet.ask("a", 1.0, priority=2) for _ in range(2)]
    still.fleet.give_back(held[0])
    assert [each.ready.is_set() for each in (low, *high)] == [False, True, False]
    still.now = 121.0  # two levels and more of waiting
    late = still.fleet.ask("a", 1.0, priority=2)
    still.fleet.give_back(held[1])
    still.fleet.give_back(high[0])
    assert [each.ready.is_set() for each in (low, high[1], late)] == [True, True, False]


def test_halves_of_two_gpus_are_no_whole_one() -> None:
    """Two models at half a GPU lie on one host, so that a model that needs a whole GPU finds one."""
    still = Still(2.0)
    assert len({still.fleet.ask(model, 0.5).seat.host for model in "ab"}) == 1  # type: ignore[union-attr]
    whole = still.fleet.ask("c", 1.0)
    assert whole.seat
    assert whole.seat.host.free == 0


@pytest.mark.slow
def test_eight_gpus_are_kept_busy_by_a_mixture_with_crashes() -> None:
    """2,000 rows of three models, of which 1 % crash; nothing is lost (`run` compares what was made)."""
    simulation = Simulation(2000, 8.0, 0.01, window=4, ahead=64, seed=7)
    assert simulation.run() >= 0.95
    assert simulation.hosts == 8
