"""Every level of a progressive mesh comes out of the splits as it went in, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import InputError
from tasks.progressive import Progressive, progressive
from tasks.progressive_codec import decode, encode
from tasks.soup import proper_faces
from tasks.topology import topology


def bumpy(seed: int, around: int, across: int, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """A torus, or a sheet cut from it, with noise."""
    rng = np.random.default_rng(seed)
    i, j = (index.reshape(-1) for index in np.mgrid[:around, :across])
    u, v = 2 * np.pi * i / around, 2 * np.pi * j / across
    radius = 1 + rng.uniform(-0.1, 0.1, len(u))
    points = np.stack(
        [(2 + radius * np.cos(v)) * np.cos(u), radius * np.sin(v), (2 + radius * np.cos(v)) * np.sin(u)], 1
    )
    right, up = (i + 1) % around * across, (j + 1) % across
    a, b, c, d = i * across + j, right + j, right + up, i * across + up
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    inside = np.tile((i < around - 1) & (j < across - 1), 2)
    return points.astype(np.float32), faces if closed else faces[inside]


def same(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def corner_set(points: np.ndarray, faces: np.ndarray) -> list[tuple[float, ...]]:
    """Faces by position, each from its least corner on."""
    corners = points[faces]
    first = np.lexsort(corners.transpose(2, 0, 1)[::-1], axis=1)[:, :1]
    turned = np.take_along_axis(corners, ((first + np.arange(3)) % 3)[:, :, None], axis=1)
    return sorted(map(tuple, turned.reshape(-1, 9).tolist()))


@given(st.integers(0, 2**32 - 1), st.integers(4, 24), st.integers(4, 24), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_levels_come_back_from_the_bytes_exactly(seed: int, i: int, j: int, closed: bool, soup: bool) -> None:
    points, faces = bumpy(seed, i, j, closed)
    rng = np.random.default_rng(seed)
    if soup:
        faces = np.concatenate([faces, rng.integers(0, len(points), (5, 3)).astype(np.int32)])
    targets = sorted((int(t) for t in rng.integers(1, len(faces) + 9, 4)), reverse=True)
    made, levels = progressive(points, faces, targets)
    again = decode(encode(made))
    for index, (level, target) in enumerate(zip(levels, targets, strict=True)):
        assert same(made.level(index), level)
        assert same(again.level(index), level)
        assert len(level[1]) <= target or made.levels[index] == 0 or soup
    whole = again.refined(len(again.kept))
    joined, proper, _ = proper_faces(points, faces)
    assert corner_set(*whole) == corner_set(joined.astype(np.float32), proper)


def test_every_level_of_a_torus_is_a_torus_and_near() -> None:
    points, faces = bumpy(1, 60, 40, closed=True)
    made, levels = progressive(points, faces, [2400, 1200, 300])
    for target, level in zip([2400, 1200, 300], levels, strict=True):
        found = topology(*level)
        assert 0.9 * target <= len(level[1]) <= target
        assert found.closed
        assert found.euler == 0
        assert found.volume == pytest.approx(topology(points, faces).volume, rel=0.05)
    assert len(encode(made)) < points.nbytes + faces.nbytes


@pytest.mark.parametrize("targets", [[], [0], [10, 20], [5, -1]])
def test_targets_that_do_not_fall_are_refused(targets: list[int]) -> None:
    with pytest.raises(InputError, match=r"mesh\.bad-targets|falling"):
        progressive(*bumpy(0, 5, 5, closed=True), targets)


def test_a_mesh_without_area_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        progressive(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32), [4])
    assert caught.value.code == "mesh.no-faces"


@given(st.integers(0, 2**32 - 1), st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_are_refused_or_give_a_mesh_in_range(seed: int, junk: bytes) -> None:
    data = bytearray(encode(SMALL))
    rng = np.random.default_rng(seed)
    at = int(rng.integers(0, len(data)))
    data[at : at + len(junk)] = junk
    for broken in (bytes(data), bytes(data[:at]), junk):
        code, points, faces = refined(broken)
        assert code in ("", "mesh.bad-progressive")
        assert np.isfinite(points).all()
        assert faces.size == 0 or (faces.min() >= 0 and faces.max() < len(points))


def refined(data: bytes) -> tuple[str, np.ndarray, np.ndarray]:
    """The code of the refusal, or nothing and the whole mesh."""
    try:
        mesh = decode(data)
        return "", *mesh.refined(len(mesh.kept))
    except InputError as error:
        return error.code, np.zeros((0, 3)), np.zeros((0, 3), np.int32)


SMALL: Progressive = progressive(*bumpy(2, 8, 8, closed=True), [60, 20])[0]
