"""Examples survive a file byte for byte, and what is no example is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from ml.shapes.example import ARRAYS, ShapeExample, example_bytes, example_of, stack


def noise(seed: int) -> ShapeExample:
    random = np.random.default_rng(seed)
    arrays: dict[str, Any] = {
        name: random.integers(0, 99, shape).astype(kind) for name, (kind, shape) in ARRAYS.items()
    }
    return ShapeExample("chair", ("a red chair, “old”", "a red chair", "chair"), seed, **arrays)


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_an_example_comes_back_from_its_bytes(seed: int) -> None:
    example = noise(seed)
    data = example_bytes(example)
    assert data == example_bytes(noise(seed))
    again = example_of(data)
    for each in fields(ShapeExample):
        assert np.array_equal(getattr(again, each.name), getattr(example, each.name))


def test_a_stack_holds_each_example_in_its_row() -> None:
    examples = [noise(seed) for seed in range(3)]
    stacked = stack(examples)
    assert stacked.keys() == ARRAYS.keys()
    for name, (kind, shape) in ARRAYS.items():
        assert stacked[name].shape == (3, *shape)
        assert stacked[name].dtype == kind
        assert all(np.array_equal(row, getattr(each, name)) for row, each in zip(stacked[name], examples, strict=True))


def test_damaged_bytes_are_refused() -> None:
    data = example_bytes(noise(1))
    broken = bytearray(data)
    broken[len(data) // 2] ^= 0xFF
    for bad in (b"", b"PK", data[:-9], data[: len(data) // 2], bytes(broken)):
        with pytest.raises(InputError) as caught:
            example_of(bad)
        assert caught.value.code == "example.damaged"


def test_arrays_of_another_shape_or_type_are_refused() -> None:
    for wrong in (noise(1).surface[:-1], noise(1).surface.astype(np.float32)):
        with pytest.raises(InputError) as caught:
            replace(noise(1), surface=wrong)
        assert caught.value.code == "example.bad-shape"
