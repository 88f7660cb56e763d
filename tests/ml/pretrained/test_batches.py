"""Batches shrink when memory runs out, stay small, and lose nobody."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.asset import InputError
from ml.generators.pretrained.batches import GOOD, Batches


class OutOfMemoryError(RuntimeError):
    """As torch names it."""


@given(st.integers(0, 40), st.integers(1, 16), st.integers(1, 16))
def test_every_item_is_answered_once_and_the_size_that_fits_is_remembered(count: int, largest: int, fits: int) -> None:
    sizes: list[int] = []

    def call(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        if len(items) > fits:
            raise OutOfMemoryError
        return [10 * item for item in items]

    batches = Batches(largest)
    assert batches.run(range(count), call) == [10 * item for item in range(count)]
    assert all(size <= largest for size in sizes)
    failed = [size for size in sizes if size > fits]
    assert len(set(failed)) == len(failed)  # no size is too large twice
    sizes.clear()
    assert batches.run(range(count), call) == [10 * item for item in range(count)]
    assert not set(sizes) & set(failed)


@given(st.integers(1, 64), st.integers(1, 64))
def test_the_largest_size_that_fits_is_found_and_kept(largest: int, fits: int) -> None:
    def call(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        if len(items) > fits:
            raise OutOfMemoryError
        return list(items)

    calls: list[int] = []
    batches = Batches(largest)
    batches.run(range(64 * GOOD * 8), call)
    assert batches.known.largest == min(largest, fits)
    assert sum(size > fits for size in calls) <= 2 * largest.bit_length()
    calls.clear()
    other = Batches(largest)  # of the next process
    other.recall(batches.known)
    other.run(range(1000), call)
    assert set(calls[:-1]) == {min(largest, fits)} or len(calls) == 1


def test_memory_that_others_take_is_noticed() -> None:
    room = [8]

    def call(items: Sequence[int]) -> list[int]:
        if len(items) > room[0]:
            raise OutOfMemoryError
        return list(items)

    batches = Batches(8)
    batches.run(range(80), call)
    room[0] = 3
    batches.run(range(800), call)
    assert batches.known.largest == 3


def test_one_item_that_is_too_large_alone_costs_only_itself() -> None:
    def call(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")
        return list(items)

    answers = Batches(4).run(range(6), call)
    assert [answer for answer in answers if isinstance(answer, int)] == [0, 1, 2, 4, 5]
    assert isinstance(answers[3], InputError)
    assert answers[3].code == "model.out-of-memory"


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        Batches(2).run([1], lambda items: [1 // 0])
