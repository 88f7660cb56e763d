"""The gate: an asset's metrics against a profile's rules, every broken rule a finding with value and limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Literal

from ml.asset import Asset, Finding
from tasks.profile import Profile, Rule

MISSING = ".missing"  # ends the code of a rule that wanted a metric the asset does not have


def gate(asset: Asset, profile: Profile) -> Asset:
    """The asset with one finding for each rule its metrics break, in the profile's order; measure it first."""
    return replace(asset, findings=judge(asset.metrics, profile))


def judge(metrics: Mapping[str, float], profile: Profile) -> tuple[Finding, ...]:
    """One finding for each rule that these metrics break, in the profile's order."""
    findings = [_judge(rule, metrics) for rule in profile.rules]
    return tuple(finding for finding in findings if finding is not None)


def verdict(asset: Asset) -> Literal["passed", "rejected"]:
    """`rejected` when any finding is more than a warning."""
    return "rejected" if any(finding.severity == "reject" for finding in asset.findings) else "passed"


def explain(finding: Finding) -> str:
    """One line: rule, value, limit and what to do, as in `gate.triangles: 120000 > 100000; simplify …`."""
    advice = f"; {finding.suggestion}" if finding.suggestion else ""
    if finding.code.endswith(MISSING):
        return f"{finding.code}: not measured, the limit is {_plain(finding.limit)}{advice}"
    sign = ">" if finding.value > finding.limit else "<" if finding.value < finding.limit else "against"
    return f"{finding.code}: {_plain(finding.value)} {sign} {_plain(finding.limit)}{advice}"


def _judge(rule: Rule, metrics: Mapping[str, float]) -> Finding | None:
    """The finding, or None where the rule holds; NaN breaks every rule."""
    if not _applies(rule, metrics):
        return None
    high = metrics[rule.max_metric] if rule.max_metric else rule.high
    nearest_limit = high if high < inf else rule.low
    if rule.metric not in metrics:
        if rule.when_missing == "skip":
            return None
        return Finding(f"gate.{rule.code}{MISSING}", 0.0, nearest_limit, rule.severity, rule.suggestion)
    value = metrics[rule.metric]
    if rule.low <= value <= high:
        return None
    limit = rule.low if value < rule.low else nearest_limit
    return Finding(f"gate.{rule.code}", value, limit, rule.severity, rule.suggestion)


def _applies(rule: Rule, metrics: Mapping[str, float]) -> bool:
    """False where the rule is for other assets, or its limit is one that nobody stated."""
    given = not rule.given_metric or metrics.get(rule.given_metric, -inf) >= rule.given_min
    return given and (not rule.max_metric or rule.max_metric in metrics)


def _plain(number: float) -> str:
    """Whole numbers in full, others to four digits."""
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 1e15 else f"{number:.4g}"
