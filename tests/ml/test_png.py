"""PNG writing: every filter and channel count comes back from Pillow as it went in, small and deterministic."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ml.asset import Texture
from ml.png import _chunk, _filter_row, encode_png


def pattern(kind: str, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x, c = np.indices((height, width, channels))
    shapes = {
        "noise": rng.integers(0, 256, (height, width, channels)),
        "ramp": y * 3 + x * 5 + c * 40,  # left, up and average each predict it
        "rows": rng.integers(0, 256, (height, 1, channels)) + np.zeros_like(x),
        "columns": rng.integers(0, 256, (1, width, channels)) + np.zeros_like(x),
        "corners": np.where((x > width // 2) ^ (y > height // 2), 200, 17),
        "waves": 128 + 60 * np.sin(x / 9.0 + c) * np.cos(y / 7.0) + rng.normal(0, 2, (height, width, channels)),
    }
    return np.asarray(shapes[kind]).astype(np.int64).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["noise", "ramp", "rows", "columns", "corners", "waves"]),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    channels=st.sampled_from([1, 3, 4]),
)
def test_pillow_reads_the_same_pixels(kind: str, height: int, width: int, channels: int) -> None:
    pixels = pattern(kind, height, width, channels)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        assert image.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("kind", ["noise", "rows", "corners", "waves"])
def test_large_maps_come_back_and_are_no_larger_than_pillow_s(kind: str) -> None:
    pixels = pattern(kind, 300, 400, 3)
    data = encode_png(pixels)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    assert len(data) <= 1.05 * len(buffer.getvalue()) + 1000
    assert data == encode_png(pixels.copy())


def test_grey_images_take_one_channel_and_photos_are_jpeg() -> None:
    grey = np.repeat(pattern("waves", 90, 80, 1), 3, axis=2)
    texture = Texture.from_pixels(grey)
    assert texture.data[25] == 0  # PNG colour type grey
    np.testing.assert_array_equal(texture.pixels()[..., :3], grey)
    coloured = grey.copy()
    coloured[-1, -1, 2] ^= 1
    assert Texture.from_pixels(coloured).data[25] == 2
    photo = Texture.from_photo(pattern("ramp", 64, 64, 3))
    assert (photo.mime, photo.size) == ("image/jpeg", (64, 64))


@pytest.mark.parametrize("kind", range(5))
def test_a_decoder_undoes_every_filter_ties_of_paeth_included(kind: int) -> None:
    """The encoder takes one filter for many rows, so that a small picture meets some of them never."""
    pixels = np.random.default_rng(kind).integers(0, 4, (40, 50, 3), dtype=np.uint8) * 60  # few values: many ties
    rows = pixels.reshape(40, -1)
    filtered = np.full((40, 151), kind, np.uint8)
    for y in range(40):
        _filter_row(rows[y], rows[y - 1] if y else np.zeros(150, np.uint8), 3, kind, filtered[y, 1:])
    header = struct.pack(">IIBBBBB", 50, 40, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b"")]
    image = Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)))
    np.testing.assert_array_equal(np.asarray(image), pixels)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_sixteen_bits_come_back(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 65536, (height, width)).astype(np.uint16)
    pixels[::2] = np.arange(width, dtype=np.uint16) * 300
    image = Image.open(io.BytesIO(encode_png(pixels)))
    assert np.array_equal(np.asarray(image), pixels)
