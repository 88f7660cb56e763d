"""The score: one number to compare a row's candidates by, from a profile's weighted metrics and its verdict."""

from __future__ import annotations

from collections.abc import Mapping

from ml.asset import Asset
from tasks.profile import Profile, Term


def score(asset: Asset, profile: Profile) -> float:
    """The asset's worth to a customer, once measured and judged: 0–1 where it passes, below 0 where it does not.

    The weighted mean of the profile's terms, each 0 at its `worst` value, 1 at its `best` and straight between; terms
    whose metric the asset does not have stay out, and without any it is 1. A warning costs WARNING of it. A rejected
    asset loses 1 and another 1 for each rule it breaks, so that the one with fewer faults comes first.
    """
    severities = [finding.severity for finding in asset.findings]
    worth = _quality(asset.metrics, profile.terms) * (1.0 - WARNING) ** severities.count("warn")
    faults = severities.count("reject")
    return worth - (1.0 + faults if faults else 0.0)


WARNING = 0.1  # ours: seven warnings halve the worth


def _quality(metrics: Mapping[str, float], terms: tuple[Term, ...]) -> float:
    known = [term for term in terms if term.metric in metrics]
    weight = sum(term.weight for term in known)
    if weight == 0.0:
        return 1.0
    return sum(term.weight * _share(metrics[term.metric], term.worst, term.best) for term in known) / weight


def _share(value: float, worst: float, best: float) -> float:
    """Where `value` lies between worst (0) and best (1); NaN is worst."""
    share = (value - worst) / (best - worst)
    return min(share, 1.0) if share > 0.0 else 0.0
