"""The meshopt decoder against meshoptimizer's own encoder, and against streams that are none."""

from __future__ import annotations

from contextlib import suppress

import meshoptimizer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from ml.readers.meshopt import decode_meshopt


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.sampled_from([4, 8, 12, 40, 256]), st.integers(1, 255))
def test_attributes_come_back(seed: int, count: int, stride: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.cumsum(rng.integers(-spread, spread + 1, (count, stride)), axis=0).astype(np.uint8)
    data = meshoptimizer.encode_vertex_buffer(rows, count, stride)
    np.testing.assert_array_equal(decode_meshopt(data, count, stride, "ATTRIBUTES"), rows.reshape(-1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 500), st.booleans())
def test_indices_come_back(seed: int, count: int, strips: bool) -> None:
    rng = np.random.default_rng(seed)
    near = np.arange(count)[:, None] + [0, 1, 2]
    faces = (near if strips else rng.integers(0, 70_000, (count, 3))).astype(np.uint32)
    data = meshoptimizer.encode_index_buffer(faces.reshape(-1), faces.size, 70_000)
    back = decode_meshopt(data, faces.size, 4, "TRIANGLES").view(np.uint32).reshape(-1, 3)
    turned = [np.roll(back, turn, axis=1) for turn in range(3)]
    assert np.any([(other == faces).all(axis=1) for other in turned], axis=0).all()
    data = meshoptimizer.encode_index_sequence(faces.reshape(-1), faces.size, 70_000)
    np.testing.assert_array_equal(decode_meshopt(data, faces.size, 4, "INDICES").view(np.uint32), faces.reshape(-1))


def test_filters() -> None:
    halves = np.array([[64, 0, 127, 5], [0, -127, 127, -5], [-100, 90, 127, 0]], np.int8)
    data = meshoptimizer.encode_vertex_buffer(halves.view(np.uint8), 3, 4)
    x, y, z, w = decode_meshopt(data, 3, 4, "ATTRIBUTES", "OCTAHEDRAL").view(np.int8).reshape(3, 4).T
    np.testing.assert_allclose(np.sqrt(x.astype(float) ** 2 + y.astype(float) ** 2 + z.astype(float) ** 2), 127, atol=1)
    assert (list(w), list(z[:2]), z[2] < 0) == ([5, -5, 0], [89, 0], True)
    words = np.array([[3 | (2 << 24)], [-5 & 0xFFFFFF]], np.uint32)
    data = meshoptimizer.encode_vertex_buffer(words.view(np.uint8), 2, 4)
    assert decode_meshopt(data, 2, 4, "ATTRIBUTES", "EXPONENTIAL").view(np.float32).tolist() == [12.0, -5.0]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["ATTRIBUTES", "TRIANGLES", "INDICES"]), st.booleans())
def test_broken_streams_end_in_an_answer_or_a_coded_error(seed: int, mode: str, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 9, (300, 4), dtype=np.uint8)
    good = {
        "ATTRIBUTES": meshoptimizer.encode_vertex_buffer(rows, 300, 4),
        "TRIANGLES": meshoptimizer.encode_index_buffer(rows.reshape(-1).astype(np.uint32), 1200, 9),
        "INDICES": meshoptimizer.encode_index_sequence(rows.reshape(-1).astype(np.uint32), 1200, 9),
    }[mode]
    data = np.frombuffer(good, np.uint8).copy()
    if cut:
        data = data[: rng.integers(0, len(data))]
    else:
        data[rng.integers(0, len(data), 20)] = rng.integers(0, 256, 20)
    count = 300 if mode == "ATTRIBUTES" else 1200
    with suppress(InputError):
        assert len(decode_meshopt(data.tobytes(), count, 4, mode)) == count * 4


def test_claims_a_stream_cannot_hold_are_refused_before_anything_is_allocated() -> None:
    data = meshoptimizer.encode_vertex_buffer(np.zeros((16, 4), np.uint8), 16, 4)
    for mode, stride in (("ATTRIBUTES", 4), ("TRIANGLES", 4), ("INDICES", 2)):
        with pytest.raises(InputError):
            decode_meshopt(data, 3_000_000_000, stride, mode)
    for bad in (("ATTRIBUTES", 6, "NONE"), ("QUADS", 4, "NONE"), ("ATTRIBUTES", 4, "COLOR")):
        with pytest.raises(InputError):
            decode_meshopt(data, 16, bad[1], bad[0], bad[2])
