"""The order of training samples: a permutation, the same everywhere, split without loss or overlap."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from ml.shards import batches_of, decode, epoch_order, part_of

SIZES = st.lists(st.integers(1, 9), max_size=12)


def shards(sizes: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)


@given(SIZES, st.integers(0, 9), st.integers(0, 9), st.integers(0, 30))
def test_an_epoch_holds_every_sample_once(sizes: list[int], seed: int, epoch: int, window: int) -> None:
    order = epoch_order(shards(sizes), seed, epoch, window)
    assert sorted(order.tolist()) == list(range(sum(sizes)))
    assert np.array_equal(order, epoch_order(shards(sizes), seed, epoch, window))
    if window <= 1:
        assert np.array_equal(order, np.arange(sum(sizes)))


@given(st.integers(2, 20))
def test_samples_stray_no_further_than_the_window(window: int) -> None:
    one = np.zeros(200, np.int32)
    assert np.abs(epoch_order(one, 1, 2, window) - np.arange(200)).max() < window


@given(SIZES, st.integers(1, 5), st.integers(1, 4), st.integers(1, 5))
def test_parts_and_batches_lose_and_repeat_nothing(sizes: list[int], ranks: int, workers: int, batch: int) -> None:
    order = epoch_order(shards(sizes), 0, 0, 8)
    parts = [part_of(order, rank, ranks) for rank in range(ranks)]
    assert np.array_equal(np.concatenate(parts), order)
    for part in parts:
        shares = [batches_of(part, worker, workers, batch) for worker in range(workers)]
        taken = []
        while any(map(len, shares)):  # as a loader does: a batch from each worker in turn
            taken += [share[:batch] for share in shares]
            shares = [share[batch:] for share in shares]
        assert np.array_equal(np.concatenate([part[:0], *taken]), part)


def test_epochs_and_seeds_differ() -> None:
    of = [epoch_order(shards([50] * 10), seed, epoch, 100).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(each) for each in of}) == 4


def test_pickles_are_never_opened() -> None:
    content, packed = io.BytesIO(), io.BytesIO()
    np.savez(content, points=np.array([{}], object), allow_pickle=True)
    info = tarfile.TarInfo("one.vecset.npz")
    info.size = len(content.getvalue())
    packed.write(info.tobuf() + content.getvalue() + bytes(-info.size % 512))
    assert set(decode(packed.getvalue(), ["json"])) == {"__key__"}
    with pytest.raises(ValueError, match="allow_pickle=False"):
        decode(packed.getvalue())
