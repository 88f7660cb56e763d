"""Figures over a run: sums that a straight computation confirms, and rows that do not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml.alignment.distribution import distribution, frechet_distance, read_distribution
from ml.alignment.model import WEIGHTS
from tasks.alignment import FEATURES, as_text, features_of
from tasks.run_figures import RunFigures

RNG = np.random.default_rng(4)


def row(features: np.ndarray, outcome: str = "passed", **metrics: float) -> dict[str, Any]:
    return {"outcome": outcome, "metrics": metrics, "meta": {FEATURES: f"meshmill {as_text(features)}"}}


def unit(count: int) -> np.ndarray:
    found = RNG.normal(size=(count, 128)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_sums_are_what_all_rows_at_once_give() -> None:
    figures, rows = (
        RunFigures(),
        [row(each, **{"alignment.score": 0.25, "alignment.cosine": 0.6}) for each in unit(200)],
    )
    for each in rows:
        figures.add(each)
    found = figures.summary()
    kept = np.stack([features_of(each["meta"])[1] for each in rows])  # type: ignore[index]
    expected = frechet_distance(distribution(kept), read_distribution(WEIGHTS / "reference.safetensors"))
    assert found["frechet"] == pytest.approx(expected, abs=1e-5)
    assert found["alignment.score.mean"] == pytest.approx(0.25)
    assert found["clip_score"] == pytest.approx(1.5)


def test_the_reference_set_is_near_itself_and_noise_is_far() -> None:
    reference = read_distribution(WEIGHTS / "reference.safetensors")
    assert frechet_distance(reference, reference) == pytest.approx(0.0, abs=1e-5)
    assert frechet_distance(distribution(unit(400)), reference) > 0.1


def test_rows_that_say_nothing_change_nothing() -> None:
    figures, one = RunFigures(), unit(1)[0]
    for each in (
        row(one, "rejected", **{"alignment.score": 0.9}),
        {"outcome": "passed"},
        {"outcome": "failed", "meta": None},
    ):
        figures.add(each)
    figures.add({"outcome": "passed", "meta": {FEATURES: "meshmill !"}, "metrics": {"alignment.score": float("nan")}})
    assert figures.summary() == {}
    figures.add(row(one))
    assert figures.summary() == {}
