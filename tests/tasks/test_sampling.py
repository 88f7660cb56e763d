"""Samples lie where they say, as often as the area says, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml.asset import InputError
from tasks.sampling import Samples, curvature_samples, uniform_samples

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
CUBE_FACES = np.array(
    [0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3],
    np.int32,
).reshape(-1, 3)


def soup(seed: int, faces: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Random triangles over shared vertices, some of them without area."""
    random = np.random.default_rng(seed)
    points = random.normal(size=(30, 3)) * np.exp(random.uniform(-3, 3, (30, 1)))
    triangles = random.integers(0, 30, (faces, 3)).astype(np.int32)
    return points, triangles


def areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2.0


def on_surface(samples: Samples, points: np.ndarray, faces: np.ndarray) -> None:
    """Points, barycentrics and faces agree, and the normals are the faces'."""
    weights = samples.barycentric.astype(float)
    assert weights.min() >= 0.0
    assert np.allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    rebuilt = np.einsum("ij,ijk->ik", weights, points[faces[samples.faces]])
    assert np.abs(rebuilt - samples.points).max() <= 1e-6 * np.abs(points).max()
    assert np.allclose(np.linalg.norm(samples.normals, axis=1), 1.0, atol=1e-5)


@given(st.integers(0, 2**32), st.integers(1, 3000), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_every_sample_lies_on_its_face(seed: int, count: int, share: float) -> None:
    points, faces = soup(seed)
    for samples in (uniform_samples(points, faces, count, seed), curvature_samples(points, faces, count, seed, share)):
        assert samples.points.shape == samples.normals.shape == samples.barycentric.shape == (count, 3)
        on_surface(samples, points, faces)
        a, b, c = (points[faces[samples.faces, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        along = np.einsum("ij,ij->i", cross, samples.normals) / np.linalg.norm(cross, axis=1)
        assert along.min() > 1.0 - 1e-5
        assert (np.diff(samples.faces) >= 0).all()


@given(st.integers(0, 2**32), st.integers(1, 3000))
@settings(max_examples=40, deadline=None)
def test_a_face_holds_its_share_of_the_area_within_two(seed: int, count: int) -> None:
    points, faces = soup(seed)
    size = areas(points, faces)
    held = np.bincount(uniform_samples(points, faces, count, seed).faces, minlength=len(faces))
    assert np.abs(held - count * size / size.sum()).max() < 2.0
    assert (held[size == 0.0] == 0).all()


def test_no_place_is_favoured() -> None:
    """Unbiased: over many seeds each sample's face and its place in the face pass chi-square tests at 1 in 1000."""
    points, faces = soup(5, 12)
    size = areas(points, faces)
    runs = [uniform_samples(points, faces, 7, seed) for seed in range(4000)]
    held = np.bincount(np.concatenate([run.faces for run in runs]), minlength=len(faces))[size > 0]
    assert stats.chisquare(held, 28_000 * size[size > 0] / size.sum()).pvalue > 1e-3
    u, v = np.concatenate([run.barycentric[:, 1:] for run in runs]).T.astype(float)
    # The fraction of a triangle with a smaller u, and of that line with a smaller v, are uniform and independent.
    rows, columns = 1.0 - (1.0 - u) ** 2, v / (1.0 - u)
    grid = np.histogram2d(rows, columns, bins=8, range=((0, 1), (0, 1)))[0]
    assert stats.chisquare(grid.ravel()).pvalue > 1e-3


def test_the_seed_decides_and_nothing_else() -> None:
    first, again = (uniform_samples(CUBE, CUBE_FACES, 500, 7) for _ in range(2))
    other = uniform_samples(CUBE, CUBE_FACES, 500, 8)
    for name in ("points", "normals", "faces", "barycentric"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.points, other.points)
    assert np.array_equal(uniform_samples(CUBE, CUBE_FACES, 3, -1).faces.shape, (3,))


def test_curvature_draws_samples_to_the_bends() -> None:
    """A strip of 20 flat squares with one fold: half the samples go to the two squares that meet there."""
    x = np.repeat(np.arange(21.0), 2)
    points = np.stack([x, np.tile([0.0, 1.0], 21), np.maximum(x - 10.0, 0.0)], axis=1)
    left = np.arange(0, 40, 2)
    faces = np.concatenate([np.stack([left, left + 2, left + 3], 1), np.stack([left, left + 3, left + 1], 1)])
    held = np.bincount(curvature_samples(points, faces.astype(np.int32), 10_000, share=0.5).faces, minlength=40)
    size = areas(points, faces)
    at_fold = np.isin(np.arange(40), [9, 10, 29, 30]) & (np.abs(points[faces][:, :, 0] - 10.0) == 0).sum(axis=1).__eq__(
        2
    )
    assert at_fold.sum() == 2
    expected = 5000 * size / size.sum() + 2500 * at_fold
    assert np.abs(held - expected).max() < 3.0
    flat = points * [1.0, 1.0, 0.0]
    even = curvature_samples(flat, faces.astype(np.int32), 1000, share=1.0)
    assert np.abs(np.bincount(even.faces, minlength=40) - 25.0).max() <= 2.0


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e30])
def test_any_scale(scale: float) -> None:
    on_surface(uniform_samples(CUBE * scale, CUBE_FACES, 100), CUBE * scale, CUBE_FACES)


def test_one_face_and_many_without_area() -> None:
    faces = np.concatenate([np.zeros((5, 3), np.int32), CUBE_FACES[:1], np.full((5, 3), 2, np.int32)])
    for sample in (uniform_samples, curvature_samples):
        assert (sample(CUBE, faces, 1000).faces == 5).all()


@pytest.mark.parametrize(
    ("points", "faces", "count", "code"),
    [
        (CUBE * np.nan, CUBE_FACES, 10, "mesh.not-finite"),
        (np.where(CUBE > 0, np.inf, 0.0), CUBE_FACES, 10, "mesh.not-finite"),
        (CUBE * 0.0, CUBE_FACES, 10, "mesh.no-area"),
        (CUBE, CUBE_FACES[:0], 10, "mesh.no-faces"),
        (CUBE, CUBE_FACES + 1, 10, "mesh.bad-index"),
        (CUBE, CUBE_FACES - 1, 10, "mesh.bad-index"),
        (CUBE, CUBE_FACES, 0, "sampling.bad-count"),
    ],
)
def test_what_cannot_be_sampled_is_refused(points: np.ndarray, faces: np.ndarray, count: int, code: str) -> None:
    for sample in (uniform_samples, curvature_samples):
        with pytest.raises(InputError) as caught:
            sample(points, faces, count)
        assert caught.value.code == code
    with pytest.raises(InputError, match="between"):
        curvature_samples(CUBE, CUBE_FACES, 1, share=1.5)
