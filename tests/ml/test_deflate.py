"""Deflate streams: zlib reads back every byte, whatever the counts make of the codes."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.deflate import BLOCK, deflate


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 3000),
    spread=st.sampled_from([1, 2, 7, 256]),
    longest=st.sampled_from([1, 3, 5, 600]),
)
def test_zlib_reads_it_back(seed: int, size: int, spread: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    data = np.repeat(rng.integers(0, spread, size), rng.integers(1, longest + 1, size)).astype(np.uint8)
    assert zlib.decompress(deflate(data)) == data.tobytes()


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_blocks_end_anywhere(size: int) -> None:
    data = np.random.default_rng(size).geometric(0.1, size).astype(np.uint8)
    packed = deflate(data)
    assert zlib.decompress(packed) == data.tobytes()
    assert len(packed) < 1.02 * len(zlib.compress(data, 6))


def test_counts_like_fibonacci_numbers_whose_codes_would_be_too_long() -> None:
    counts = [1, 1]
    while len(counts) < 22:
        counts.append(counts[-1] + counts[-2])
    data = np.repeat(np.arange(22), counts).astype(np.uint8)
    np.random.default_rng(0).shuffle(data)
    assert len(data) < BLOCK  # one block has them all
    assert zlib.decompress(deflate(data)) == data.tobytes()
