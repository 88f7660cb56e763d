"""QA profiles: named lists of rules, each with its limit, source and date, read from TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from math import inf
from pathlib import Path
from typing import Any, Literal

from manifests.errors import RecipeError, nearest
from manifests.options import build_options
from tasks.metrics import METRICS, is_metric

ROOT = "none"  # every profile extends it: what is wrong with an asset whoever it is for
CODE = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


@dataclass(frozen=True)
class Rule:
    """min ≤ metric ≤ max, or metric = equals; what to say and do when it is not so, and where the limit is from.

    `max_metric` names a metric that holds the largest value; an asset without that metric has no such limit. With
    `given_metric` only assets are judged whose that metric is at least `given_min`.
    """

    code: str  # reported as gate.<code>
    metric: str  # a name in tasks/metrics.py
    severity: Literal["reject", "warn"]
    source: str  # where the limit was published
    date: str  # when it was read there, YYYY-MM
    min: float | None = None
    max: float | None = None
    max_metric: str = ""
    equals: float | None = None
    given_metric: str = ""
    given_min: float = 0.0
    when_missing: Literal["skip", "fail"] = "skip"  # an asset without UVs has no uv.overlap
    suggestion: str = ""  # a step with options, or what to change

    def __post_init__(self) -> None:
        if not CODE.fullmatch(self.code):
            raise ValueError(f"code {self.code!r}; it has to be words joined by dots, like uv.overlap")
        for name in filter(None, (self.metric, self.max_metric, self.given_metric)):
            if not is_metric(name):  # a rule with a misspelt metric would never fire
                raise ValueError(f"unknown metric {name!r}{nearest(name, METRICS)}")
        if not re.fullmatch(r"\d{4}-\d{2}", self.date) or not self.source:
            raise ValueError("a limit needs its source and a date like 2026-11")
        if self.max_metric and self.max is not None:
            raise ValueError("give max or max_metric, not both")
        if (self.equals is None) == (self.min is None and self.max is None and not self.max_metric):
            raise ValueError("give min, max or both, or equals alone")
        if self.low > self.high:
            raise ValueError(f"min {self.low:g} is above max {self.high:g}")

    @property
    def low(self) -> float:
        """Smallest value that holds."""
        return self.equals if self.equals is not None else -inf if self.min is None else self.min

    @property
    def high(self) -> float:
        """Largest value that holds."""
        return self.equals if self.equals is not None else inf if self.max is None else self.max


@dataclass(frozen=True)
class Term:
    """A metric that makes one candidate better than another, by how much, and between which values."""

    metric: str
    weight: float = field(metadata={"min": 0.0})
    worst: float  # the value that is worth nothing
    best: float  # the value beyond which more is worth no more

    def __post_init__(self) -> None:
        if not is_metric(self.metric):
            raise ValueError(f"unknown metric {self.metric!r}{nearest(self.metric, METRICS)}")
        if self.worst == self.best:
            raise ValueError(f"worst and best are both {self.best:g}")


@dataclass(frozen=True)
class Profile:
    """What one customer accepts, and what he likes better."""

    name: str
    title: str
    description: str
    rules: tuple[Rule, ...]
    terms: tuple[Term, ...] = ()

    @property
    def metrics(self) -> frozenset[str]:
        """Every metric that a rule or the score asks about."""
        named = (name for rule in self.rules for name in (rule.metric, rule.max_metric, rule.given_metric))
        return frozenset(filter(None, named)) | {term.metric for term in self.terms}


@dataclass(frozen=True)
class Header:
    """A profile's own words, beside its rules."""

    title: str
    description: str = ""
    extends: str = field(default=ROOT, metadata={"help": "the profile whose rules come first; one's own replace them"})


def list_profiles() -> list[str]:
    """Names of the shipped profiles, sorted."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


@lru_cache(maxsize=64)
def load_profile(name_or_path: str) -> Profile:
    """The shipped profile of that name, or the one in a .toml file, with the rules it extends before its own.

    A rule replaces the extended one with its code. Raises RecipeError that names the nearest profile, or the rule
    and key that are wrong.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if not path.is_file():
            raise RecipeError(f"no such profile file: {name_or_path}")
        return _parse(path.read_text("utf-8"), path.stem)
    if name_or_path not in list_profiles():
        raise RecipeError(f"unknown profile {name_or_path!r}{nearest(name_or_path, list_profiles())}")
    return _parse((_folder() / f"{name_or_path}.toml").read_text("utf-8"), name_or_path)


def _folder() -> Any:
    return resources.files("manifests") / "profiles"


def _parse(text: str, name: str) -> Profile:
    where = f"profile {name}"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not TOML: {error}") from error
    tables, scored = _tables(table, "rules", where), _tables(table, "score", where)
    header = build_options(Header, table, where)
    rules = {} if name == ROOT else _extended(header.extends, where)
    own = [_rule(rule, f"{where}, rule {i}") for i, rule in enumerate(tables, start=1)]
    if len({rule.code for rule in own}) < len(own):
        raise RecipeError(f"{where}: two rules have the same code")
    rules |= {rule.code: rule for rule in own}
    terms = {} if name == ROOT else {term.metric: term for term in load_profile(header.extends).terms}
    own_terms = [build_options(Term, each, f"{where}, score {i}") for i, each in enumerate(scored, start=1)]
    terms |= {term.metric: term for term in own_terms}
    return Profile(name, header.title, header.description, tuple(rules.values()), tuple(terms.values()))


def _tables(table: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    tables = table.pop(key, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise RecipeError(f"{where}: {key} are [[{key}]] tables")
    return tables


def _extended(parent: str, where: str) -> dict[str, Rule]:
    """The rules to begin with; only shipped profiles can be extended, and they never do so in a circle."""
    if parent not in list_profiles():
        raise RecipeError(f"{where}: extends unknown profile {parent!r}{nearest(parent, list_profiles())}")
    return {rule.code: rule for rule in load_profile(parent).rules}


def _rule(table: Mapping[str, Any], where: str) -> Rule:
    return build_options(Rule, table, f"{where} ({table.get('code', 'no code')})")
