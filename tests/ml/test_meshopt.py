"""The meshopt decoder against meshoptimizer's own encoder, and against streams that are none."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

import meshoptimizer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshoptimizer._loader import lib

from ml.asset import InputError
from ml.readers.gltf import read_glb
from ml.readers.meshopt import decode_meshopt


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.sampled_from([4, 8, 12, 40, 256]), st.integers(1, 255))
def test_attributes_come_back(seed: int, count: int, stride: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.cumsum(rng.integers(-spread, spread + 1, (count, stride)), axis=0).astype(np.uint8)
    data = meshoptimizer.encode_vertex_buffer(rows, count, stride)
    np.testing.assert_array_equal(decode_meshopt(data, count, stride, "ATTRIBUTES"), rows.reshape(-1))


def encoded(rows: np.ndarray, level: int, version: int) -> bytes:
    """A stream of the codec's version 0 or 1, packed at level 0 to 3."""
    rows, room = np.ascontiguousarray(rows), np.zeros(2 * rows.size + 2000, np.uint8)
    encode = lib.meshopt_encodeVertexBufferLevel
    encode.restype = ctypes.c_size_t
    encode.argtypes = [ctypes.c_void_p, ctypes.c_size_t] * 2 + [ctypes.c_size_t, ctypes.c_int, ctypes.c_int]
    meshoptimizer.encode_vertex_version(version)
    try:
        size = encode(room.ctypes.data, len(room), rows.ctypes.data, *rows.shape, level, version)
    finally:
        meshoptimizer.encode_vertex_version(0)
    return room[:size].tobytes()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 700),
    st.sampled_from([4, 8, 12, 40, 256]),
    st.sampled_from(["u1", "<i2", "<f4", "sparse", "flags"]),
    st.integers(0, 3),
)
def test_attributes_of_version_1_come_back_however_their_bytes_are_joined(
    seed: int, count: int, stride: int, kind: str, level: int
) -> None:
    rng = np.random.default_rng(seed)
    if kind == "sparse":
        rows = (rng.random((count, stride)) < 0.05).astype(np.uint8)
    elif kind == "flags":  # which xor and a turn pack best
        rows = (np.uint32(1) << rng.integers(0, 32, (count, stride // 4)).astype(np.uint32)).view(np.uint8)
    else:
        steps = rng.normal(0, 30, (count, stride // np.dtype(kind).itemsize))
        rows = np.cumsum(steps, axis=0).astype("i8" if kind != "<f4" else "f4").astype(kind).view(np.uint8)
    data = encoded(rows.reshape(count, stride), level, 1)
    assert data[0] == 0xA1
    np.testing.assert_array_equal(decode_meshopt(data, count, stride, "ATTRIBUTES"), rows.reshape(-1))


def test_a_file_of_the_ratified_extension() -> None:
    """A ball of radius 1 with the colours (xyz + 1) / 2, by `gltfpack -cz -ce khr -kv`: version 1, filter COLOR."""
    data = Path(__file__).with_name("khr_meshopt.glb").read_bytes()
    assert data.count(b"KHR_meshopt_compression") > 2
    assert b'"filter":"COLOR"' in data
    (part,) = read_glb(data).parts
    assert len(part.faces) == 16 * 7 * 2
    assert np.linalg.norm(part.vertices, axis=1) == pytest.approx(1.0, abs=2e-4)
    assert part.normals == pytest.approx(part.vertices, abs=0.02)
    assert part.colors is not None
    assert part.colors[:, :3] / 255 == pytest.approx((part.vertices + 1) / 2, abs=0.01)
    assert (part.colors[:, 3] == 255).all()


@pytest.mark.parametrize(("words", "bits"), [(np.uint8, 8), (np.uint16, 16)])
def test_colours_come_back_from_luma_and_chroma_of_fewer_bits(words: type, bits: int) -> None:
    rgba = np.array([[255, 255, 255, 255], [0, 0, 0, 0], [255, 0, 0, 128], [10, 200, 90, 255], [0, 0, 255, 7]]) / 255
    for kept in range(3, bits):  # as the extension has it: luma and alpha of so many bits, a 1 above alpha's
        red, green, blue = np.rint(rgba[:, :3].T * (2**kept - 1)).astype(int)
        orange = (red - blue) // 2
        middle = blue + orange
        chroma = (green - middle) // 2
        packed = np.stack([middle + chroma, orange, chroma], axis=1)
        alpha = 2 ** (kept - 1) | np.rint(rgba[:, 3] * (2 ** (kept - 1) - 1)).astype(int)
        rows = np.column_stack([packed, alpha]).astype(f"i{bits // 8}").view(np.uint8)
        stream = encoded(rows, 2, 1)
        back: np.ndarray = decode_meshopt(stream, 5, bits // 2, "ATTRIBUTES", "COLOR").view(words).reshape(5, 4)
        assert np.abs(back / np.iinfo(words).max - rgba).max() < 2.6 / (2 ** (kept - 1) - 1)


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
        "ATTRIBUTES": encoded(rows, seed % 4, seed % 2),
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
    for bad in (("ATTRIBUTES", 6, "NONE"), ("QUADS", 4, "NONE"), ("ATTRIBUTES", 4, "QUATERNION")):
        with pytest.raises(InputError):
            decode_meshopt(data, 16, bad[1], bad[0], bad[2])
    newer = encoded(np.zeros((4096, 4), np.uint8), 0, 1)
    assert not decode_meshopt(newer, 4096, 4, "ATTRIBUTES").any()
    with pytest.raises(InputError):
        decode_meshopt(newer, 1024 * len(newer), 4, "ATTRIBUTES")
