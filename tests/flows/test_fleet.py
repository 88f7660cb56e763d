"""The fleet: GPUs are never over-booked, nobody waits for ever, an actor asked for alone is had alone."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.fleet import DEPTH, Fleet, Lost

NEEDS = {"a": 1.0, "b": 0.5, "c": 0.35, "free": 0.0}


class Books:
    """Counts what is started, stopped and in work, and checks it at every step."""

    def __init__(self, gpus: float) -> None:
        self.lock = threading.Lock()
        self.living: dict[int, float] = {}
        self.inside: Counter[int] = Counter()
        self.alone: set[int] = set()
        self.started: Counter[str] = Counter()
        self.gpus, self.number, self.busiest = gpus, 0, 0
        self.fleet = Fleet(gpus, 2, self.start, self.stop, grace=0.02)

    def start(self, model: str, gpus: float) -> int:
        with self.lock:
            self.number += 1
            self.living[self.number] = gpus
            self.started[model] += 1
            assert sum(self.living.values()) <= self.gpus + 1e-6
            return self.number

    def stop(self, actor: int) -> None:
        with self.lock:
            assert self.inside[actor] == 0 or actor in self.alone  # only a dead one goes with work in it
            del self.living[actor]

    def work(self, model: str, seconds: float, alone: bool = False, dies: bool = False) -> str:
        with self.fleet.lease(model, NEEDS[model], alone) as member:
            with self.lock:
                self.inside[member.actor] += 1
                assert self.inside[member.actor] <= (1 if alone else DEPTH)
                assert member.model == model
                assert member.actor in self.living
                if alone:
                    self.alone.add(member.actor)
                self.busiest = max(self.busiest, sum(count > 0 for count in self.inside.values()))
            time.sleep(seconds)
            with self.lock:
                self.inside[member.actor] -= 1
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
    assert all(member.load == 0 for member in books.fleet.members)


def test_gpus_go_to_what_is_left() -> None:
    books = Books(4.0)
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda model: books.work(model, 0.01), ["a", "b"] * 40))
        books.inside.clear()
        books.busiest = 0
        list(pool.map(lambda model: books.work(model, 0.01), ["a"] * 60))
    assert books.busiest == 4  # all of them work for the model that is left
    assert books.started["a"] <= 8  # and did not change hands all the time


def test_a_dead_actor_is_replaced_and_the_others_go_on() -> None:
    books = Books(2.0)

    def work(at: int) -> str:
        try:
            return books.work("a", 0.002, dies=at % 10 == 0)
        except Lost:
            return books.work("a", 0.002, alone=True)

    books.stop = lambda actor: books.living.pop(actor)  # type: ignore[assignment, method-assign]
    books.fleet._stop = books.stop
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(50))) == ["a"] * 50
    assert books.started["a"] >= 6


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
