"""Calibration, ROC areas and Fréchet distances against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.alignment.calibration import area_under_roc, calibrate
from ml.alignment.distribution import Distribution, distribution, frechet_distance

RNG = np.random.default_rng(5)


def test_calibration_finds_the_logistic_that_made_the_labels() -> None:
    right, wrong = RNG.normal(0.6, 0.1, 20_000), RNG.normal(0.4, 0.1, 20_000)
    found = calibrate(right, wrong)  # two Gaussians of one width: scale Δ/σ², bias −scale · middle
    assert found.scale == pytest.approx(20.0, rel=0.05)
    assert found.bias == pytest.approx(-10.0, rel=0.05)
    assert found.probability(0.5) == pytest.approx(0.5, abs=0.01)


def test_calibration_weighs_both_sets_the_same() -> None:
    right, wrong = RNG.normal(0.6, 0.1, 200), RNG.normal(0.4, 0.1, 50_000)
    assert calibrate(right, wrong).probability(0.5) == pytest.approx(0.5, abs=0.05)


@given(st.lists(st.floats(-1, 1), min_size=1), st.lists(st.floats(-1, 1), min_size=1))
def test_any_cosines_calibrate_to_probabilities(right: list[float], wrong: list[float]) -> None:
    found = calibrate(right, wrong).probability(np.linspace(-1, 1, 9))
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_area_is_the_share_of_pairs_in_order(right: list[int], wrong: list[int]) -> None:
    pairs = [(high > low) + 0.5 * (high == low) for high in right for low in wrong]
    assert area_under_roc(right, wrong) == pytest.approx(np.mean(pairs))


def test_frechet_distance_of_known_gaussians() -> None:
    one = Distribution(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 10)
    other = Distribution(np.array([3.0, 0.0, 4.0]), np.diag([4.0, 4.0, 1.0]), 10)
    assert frechet_distance(one, other) == pytest.approx(25.0 + 1.0 + 0.0 + 4.0)  # |Δμ|² + Σ(σ₁ − σ₂)²
    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-9)


def test_frechet_distance_agrees_with_scipys_matrix_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    one, other = (distribution(RNG.normal(size=(50, 6)) @ RNG.normal(size=(6, 6))) for _ in range(2))
    root = linalg.sqrtm(one.covariance @ other.covariance).real
    expected = ((one.mean - other.mean) ** 2).sum() + np.trace(one.covariance + other.covariance - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)
