"""KTX2 textures: the transcoder of three.js shows the same texels as our decoder, which are near those we encoded."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError, Texture
from ml.readers.ktx2 import decode_ktx2
from ml.readers.uastc import LEVELS, MODES, PATTERNS, WEIGHTS, decode_blocks, mode_of
from tasks.texture_ktx2 import container, ktx2, mipmaps, tiles
from tasks.texture_webp import psnr
from tasks.uastc import encode_uastc

ROOT = Path(__file__).parents[2]


def picture(name: str) -> np.ndarray:
    """Pictures that between them use every mode: gradients, edges, flat fields, and alpha that goes its own way."""
    y, x = np.mgrid[0:64, 0:96].astype(np.float64)
    kinds = {
        "soft": [128 + 90 * np.sin(x / 17), 128 + 90 * np.cos(y / 13), (x + y) * 1.5],
        "edges": [np.where((x // 7 + y // 5) % 2, 240, 20), np.where((x // 7 + y // 5) % 2, 200, 30), x],
        "three": [np.where((x // 7 + y // 5) % 2, 240, 20), np.where(x // 7 % 2, 200, 30), np.full_like(x, 64)],
        "steep": [64 + np.where(x > 1.5 * y, x * 17 % 256, 255 - y * 23 % 256) / 2, 90 + x % 4 * 25, 64 + 99 * (x > y)],
        "faint": [100 + (x % 4) * 2, 120 + (y % 4), 90 + (x + y) % 3],
        "alpha": [x * 2, y * 3, 255 - x, 128 + 120 * np.sin(x / 5) * np.cos(y / 7)],
        "veil": [x * 2, x * 2, x * 2, np.where((x // 3 + y // 3) % 2, 255, 40)],
    }
    made = np.stack(kinds[name], axis=-1).clip(0, 255).astype(np.uint8)
    made[:8, :8] = made[0, 0]
    return made


NAMES = ("soft", "edges", "three", "steep", "faint", "alpha", "veil")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_decoded_is_near_what_was_encoded(name: str) -> None:
    image, shown = ktx2(Texture.from_pixels(picture(name)), srgb=True)
    back = decode_ktx2(image.data)
    assert image.mime == "image/ktx2"
    assert shown > {"soft": 40, "edges": 38, "three": 25, "steep": 32, "faint": 48, "alpha": 42, "veil": 46}[name]
    channels = picture(name).shape[2]
    assert psnr(picture(name), back[..., :channels]) == pytest.approx(shown)
    if channels == 3:
        assert back[..., 3].min() == 255


def test_every_mode_is_written_by_some_picture() -> None:
    blocks = np.concatenate([encode_uastc(tiles(Texture.from_pixels(picture(name)).pixels())) for name in NAMES])
    assert {mode_of(int(first), MODES) for first in blocks[:, 0]} == {0, 2, 4, 5, 8, 10, 11, 12, 14, 18}


def test_the_transcoder_of_three_js_shows_the_same_texels(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (ROOT / "tasks/web/node_modules/three").is_dir():
        pytest.skip("node or tasks/web/node_modules/three is missing: KTX2 files are not transcoded")
    paths = []
    for name in NAMES:
        (tmp_path / f"{name}.ktx2").write_bytes(ktx2(Texture.from_pixels(picture(name)), srgb=False)[0].data)
        paths += [str(tmp_path / f"{name}.ktx2"), str(tmp_path / f"{name}.rgba")]
    command = ["node", str(ROOT / "tests/transcode_ktx2.mjs"), *paths]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    for name, line in zip(NAMES, map(json.loads, lines), strict=True):
        assert line == {"size": [96, 64], "levels": 7, "alpha": name in ("alpha", "veil"), "good": True}
        theirs = np.fromfile(tmp_path / f"{name}.rgba", np.uint8).reshape(64, 96, 4)
        np.testing.assert_array_equal(theirs, decode_ktx2((tmp_path / f"{name}.ktx2").read_bytes()))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.booleans())
def test_blocks_of_two_colours_come_back_near_them(seed: int, spread: int, opaque: bool) -> None:
    """Texels on a line between two colours are what one subset is for: rounding is all that may be lost."""
    rng = np.random.default_rng(seed)
    ends = np.clip(rng.integers(0, 256, 4) + np.array([[0], [1]]) * rng.integers(-spread, spread + 1, 4), 0, 255)
    steps = rng.integers(0, 4, (8, 16, 1)) / 3.0
    blocks = np.rint(ends[0] * (1 - steps) + ends[1] * steps).astype(np.uint8)
    if opaque:
        blocks[..., 3] = 255
    shown = np.zeros_like(blocks)
    assert decode_blocks(encode_uastc(blocks), MODES, LEVELS, WEIGHTS, PATTERNS, shown) == 0
    assert np.abs(blocks.astype(int) - shown).max() <= (6 if opaque else 16)


def test_images_that_cannot_be_ktx2_or_would_lose_too_much_stay_as_they_are() -> None:
    odd = Texture.from_pixels(picture("soft")[:63])
    noise = Texture.from_pixels(np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8))
    for texture in (odd, noise):
        image, shown = ktx2(texture, srgb=True)
        assert (image.data, image.mime, shown) == (texture.data, "image/png", math.inf)


def test_mipmaps_average_light() -> None:
    board = np.zeros((8, 4, 4), np.uint8)
    board[::2] = 255
    assert [level.shape[:2] for level in mipmaps(board, srgb=True)] == [(8, 4), (4, 2), (2, 1), (1, 1)]
    assert mipmaps(board, srgb=True)[1][0, 0].tolist() == [188, 188, 188, 128]
    assert mipmaps(board, srgb=False)[3][0, 0].tolist() == [128, 128, 128, 128]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_broken_files_end_in_an_image_or_a_coded_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = encode_uastc(tiles(Texture.from_pixels(picture("soft")[:8, :8]).pixels())).tobytes()
    data = bytearray(container([blocks], 8, 8, True, False))
    for at in rng.integers(0, len(data), 3):
        data[at] = rng.integers(0, 256)
    try:
        made = decode_ktx2(bytes(data[: rng.integers(1, len(data) + 1)]) if seed % 2 else bytes(data))
    except InputError:
        return
    assert made.size <= 4 * 64


def test_claims_are_checked_before_anything_is_allocated() -> None:
    data = bytearray(container([b"\0" * 16], 4, 4, True, False))
    struct.pack_into("<II", data, 20, 60_000, 60_000)
    with pytest.raises(InputError, match="60000"):
        decode_ktx2(bytes(data))
