"""A symmetric mesh simplifies to a symmetric one, closed where it was; one that is not stays as it would be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.asset import I32, Asset, make_part
from tasks.simplify import SimplifyOptions, simplify
from tasks.symmetry import mirror_half
from tasks.topology import F64, topology


def bumpy_half_torus(seed: int, around: int, across: int) -> tuple[F64, I32]:
    """A bumpy torus that mirrors across x = 0, each side the other's image, with vertices along the plane."""
    rng = np.random.default_rng(seed)
    i, j = (index.reshape(-1) for index in np.mgrid[: around + 1, :across])
    u, v = np.pi * i / around, 2 * np.pi * j / across
    radius = 1 + rng.uniform(-0.1, 0.1, len(u))
    ring = 3 + radius * np.cos(v)
    points = np.stack([ring * np.sin(u), radius * np.sin(v), ring * np.cos(u)], 1)
    plane = (i == 0) | (i == around)
    points[plane, 0] = 0.0
    k, m = (index.reshape(-1) for index in np.mgrid[:around, :across])
    a, b, c, d = (
        k * across + m,
        (k + 1) * across + m,
        (k + 1) * across + (m + 1) % across,
        k * across + (m + 1) % across,
    )
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    number = np.arange(len(points))
    number[~plane] = len(points) + np.arange((~plane).sum())
    return (
        np.concatenate([points, points[~plane] * [-1, 1, 1]]),
        np.concatenate([faces, number[faces][:, ::-1]]).astype(np.int32),
    )


def is_mirrored(points: F64, axis: int) -> bool:
    """Whether the vertices are, to the bit, those of the mirror image across zero."""
    image = points * np.where(np.arange(3) == axis, -1.0, 1.0)
    return sorted(map(tuple, (points + 0.0).tolist())) == sorted(map(tuple, (image + 0.0).tolist()))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.integers(120, 600))
@settings(max_examples=20, deadline=None)
def test_both_sides_stay_mirror_images_and_closed(seed: int, axis: int, target: int) -> None:
    points, faces = bumpy_half_torus(seed, 16, 20)
    points = np.roll(points, axis, axis=1)
    order = np.random.default_rng(seed).permutation(len(faces))
    asset = Asset((make_part(points, faces[order]),))
    made = simplify(asset, SimplifyOptions(target_faces=target, symmetric=True))
    vertices = made.parts[0].vertices.astype(np.float64)
    kept = made.notes["simplify"].endswith(f"symmetry kept across {'xyz'[axis]}")
    assert is_mirrored(vertices, axis) == kept
    assert kept or made.notes["simplify"].endswith("not kept: halves would share an edge")
    found = topology(vertices, made.parts[0].faces)
    assert found.closed
    assert found.euler == 0
    assert len(made.parts[0].faces) <= target
    assert found.volume == pytest.approx(topology(points, faces).volume, rel=0.15)


def test_nearly_always_it_is_kept() -> None:
    kept = 0
    for seed in range(20):
        asset = Asset((make_part(*bumpy_half_torus(seed, 16, 20)),))
        kept += "kept across x" in simplify(asset, SimplifyOptions(60 + 25 * seed, symmetric=True)).notes["simplify"]
    assert kept >= 18


def test_without_the_option_the_sides_differ_and_without_symmetry_it_changes_nothing() -> None:
    points, faces = bumpy_half_torus(1, 16, 20)
    asset = Asset((make_part(points, faces),))
    assert not is_mirrored(simplify(asset, SimplifyOptions(300)).parts[0].vertices.astype(np.float64), 0)
    points[-1] *= 1.01
    asset = Asset((make_part(points, faces),))
    plain, asked = (simplify(asset, SimplifyOptions(300, symmetric=wish)) for wish in (False, True))
    assert np.array_equal(plain.parts[0].vertices, asked.parts[0].vertices)
    assert asked.notes["simplify"].endswith("symmetry not found")


def test_faces_across_or_in_the_plane_leave_no_half() -> None:
    points = np.array([[-1, 0, 0], [1, 0, 0], [0, 1, 0.3], [0, -1, 0.5]], np.float64)
    assert mirror_half(points, np.array([[0, 1, 2]], np.int32)) is None
    points, faces = bumpy_half_torus(2, 8, 12)
    half = mirror_half(points, faces)
    assert half is not None
    assert sorted([*half.faces.tolist(), *half.images.tolist()]) == list(range(len(faces)))
