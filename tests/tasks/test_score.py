"""The score: passing comes before failing, fewer faults before more, and between the ends it is straight."""

from __future__ import annotations

from math import nan

import pytest

from ml.asset import Asset, Finding
from tasks.profile import Profile, Term, load_profile
from tasks.score import score

TERMS = (Term("stable", 2.0, 0.0, 1.0), Term("size.asked_error", 1.0, 0.1, 0.0))
PROFILE = Profile("mine", "", "", (), TERMS)


def asset(*severities: str, **metrics: float) -> Asset:
    findings = tuple(Finding("gate.x", 1.0, 0.0, severity) for severity in severities)  # type: ignore[arg-type]
    return Asset((), metrics={name.replace("__", "."): value for name, value in metrics.items()}, findings=findings)


def test_terms_are_weighted_and_straight_between_their_ends() -> None:
    assert score(asset(stable=1, size__asked_error=0.05), PROFILE) == pytest.approx((2 * 1 + 0.5) / 3)
    assert score(asset(stable=0, size__asked_error=0.3), PROFILE) == 0.0
    assert score(asset(stable=1), PROFILE) == 1.0  # what was not measured stays out
    assert score(asset(stable=nan, size__asked_error=-1.0), PROFILE) == pytest.approx(1 / 3)
    assert score(asset(), PROFILE) == 1.0


def test_a_rejected_asset_is_below_every_passing_one_and_faults_count() -> None:
    good, bad = asset(stable=0, size__asked_error=1.0), asset("reject", stable=1)
    worse = asset("reject", "reject", stable=1)
    assert score(worse, PROFILE) < score(bad, PROFILE) <= -1.0 < 0.0 <= score(good, PROFILE)


def test_warnings_cost_a_tenth_each() -> None:
    assert score(asset("warn", "warn", stable=1), PROFILE) == pytest.approx(0.81)


def test_shipped_profiles_inherit_the_terms_of_none() -> None:
    assert load_profile("game").terms[: len(load_profile("none").terms)] == load_profile("none").terms != ()


def test_a_term_names_a_metric_and_two_different_values() -> None:
    with pytest.raises(ValueError, match="did you mean 'stable'"):
        Term("stabel", 1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="both 1"):
        Term("stable", 1.0, 1.0, 1.0)
