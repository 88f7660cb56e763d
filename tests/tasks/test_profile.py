"""Profiles: the shipped ones say what their sources say, wrong ones are named by rule and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import RecipeError
from tasks.profile import Profile, Rule, list_profiles, load_profile

EXPECTED = {
    "amazon",
    "architecture",
    "cgtrader",
    "curation",
    "curation-texture",
    "decentraland",
    "fab",
    "game",
    "google",
    "khronos",
    "none",
    "print-fdm",
    "print-resin",
    "print-sls",
    "quick-look",
    "roblox",
    "second-life",
    "shopify",
    "sketchfab",
    "turbosquid",
    "web-ar",
}
RULE = """
[[rules]]
code = "triangles"
metric = "triangles"
severity = "reject"
max = 10
source = "house rules"
date = "2026-11"
"""


def rule(profile: str, code: str) -> Rule:
    return next(rule for rule in load_profile(profile).rules if rule.code == code)


def written(folder: Path, text: str) -> Profile:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    load_profile.cache_clear()
    return load_profile(str(path))


def test_the_shipped_profiles_are_all_readable_and_have_rules_of_their_own() -> None:
    assert set(list_profiles()) == EXPECTED
    universal = {rule.code for rule in load_profile("none").rules}
    for name in EXPECTED - {"none"}:
        profile = load_profile(name)
        assert universal <= {rule.code for rule in profile.rules}
        assert len(profile.rules) > len(universal)
        assert profile.title


@pytest.mark.parametrize(
    ("profile", "code", "low", "high", "severity"),
    [
        ("khronos", "bytes.glb", float("-inf"), 5120 * 1024, "reject"),
        ("khronos", "triangles", float("-inf"), 100_000, "reject"),
        ("khronos", "size.max", float("-inf"), 100, "reject"),
        ("khronos", "albedo.dark", 30, float("inf"), "reject"),
        ("web-ar", "bytes.glb", float("-inf"), 3_000_000, "reject"),
        ("web-ar", "draw-calls", float("-inf"), 19, "reject"),
        ("google", "bytes.glb", float("-inf"), 15_000_000, "reject"),
        ("google", "bytes.glb.recommended", float("-inf"), 10_000_000, "warn"),
        ("amazon", "triangles", float("-inf"), 149_999, "reject"),
        ("roblox", "triangles", float("-inf"), 20_000, "reject"),
        ("decentraland", "triangles", float("-inf"), 10_000, "reject"),
        ("second-life", "vertices", float("-inf"), 65_536, "reject"),
        ("sketchfab", "texture.max", float("-inf"), 8192, "reject"),
        ("print-fdm", "watertight", 1, 1, "reject"),
        ("print-fdm", "size.min", 0.0008, float("inf"), "reject"),
        ("print-sls", "size.min", 0.0007, float("inf"), "reject"),
        ("print-sls", "wall.thinnest", 0.0007, float("inf"), "warn"),
        ("print-fdm", "wall.thinnest", 0.0008, float("inf"), "warn"),
        ("print-resin", "wall", float("-inf"), 0.02, "reject"),
        ("print-sls", "gap", 0.0002, float("inf"), "warn"),
        ("google", "uv.sets", float("-inf"), 1, "warn"),
        ("turbosquid", "centred", float("-inf"), 0.01, "reject"),
    ],
)
def test_published_limits(profile: str, code: str, low: float, high: float, severity: str) -> None:
    found = rule(profile, code)
    assert (found.low, found.high, found.severity) == (low, high, severity)


def test_an_own_rule_replaces_the_extended_one_in_its_place() -> None:
    sls, fdm = load_profile("print-sls"), load_profile("print-fdm")
    assert [rule.code for rule in fdm.rules][: len(sls.rules)] == [rule.code for rule in sls.rules]
    assert sum(rule.code == "size.min" for rule in fdm.rules) == 1


def test_a_profile_from_a_file(tmp_path: Path) -> None:
    profile = written(tmp_path, 'title = "Mine"\nextends = "khronos"\n' + RULE)
    assert profile.name == "mine"
    assert next(rule for rule in profile.rules if rule.code == "triangles").high == 10
    assert any(rule.code == "uv.overlap" for rule in profile.rules)


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"'kronos'.*did you mean 'khronos'"):
        load_profile("kronos")
    with pytest.raises(RecipeError, match=r"no such profile file: nowhere/x\.toml"):
        load_profile("nowhere/x.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not TOML"),
        (RULE, "title has to be given"),
        ('title = "x"\ntitel = "y"\n', "unknown key 'titel'; did you mean 'title'"),
        ('title = "x"\nextends = "kronos"\n', "extends unknown profile 'kronos'; did you mean 'khronos'"),
        ('title = "x"\nrules = 3\n', "rules are"),
        ('title = "x"\n' + RULE + RULE, "two rules have the same code"),
        ('title = "x"\n' + RULE.replace('"triangles"\nsev', '"triangels"\nsev'), "did you mean 'triangles'"),
        ('title = "x"\n' + RULE.replace("max", "maxx"), "unknown key 'maxx'"),
        ('title = "x"\n' + RULE.replace("max = 10", ""), "give min, max or both"),
        ('title = "x"\n' + RULE.replace("max = 10", "max = 10\nequals = 3"), "give min, max or both"),
        ('title = "x"\n' + RULE.replace("max = 10", "max = 10\nmin = 11"), "min 11 is above max 10"),
        (
            'title = "x"\n' + RULE.replace("max = 10", 'max = 10\nmax_metric = "lods"'),
            "give max or max_metric, not both",
        ),
        ('title = "x"\n' + RULE.replace("max = 10", 'max_metric = "lod"'), "unknown metric 'lod'; did you mean 'lods'"),
        ('title = "x"\n' + RULE.replace("max = 10", 'max = 1\ngiven_metric = "lod"'), "unknown metric 'lod'"),
        ('title = "x"\n' + RULE.replace("max = 10", "max = nan"), "max is nan"),
        ('title = "x"\n' + RULE.replace('"reject"', '"refuse"'), "'reject' or 'warn'"),
        ('title = "x"\n' + RULE.replace("2026-11", "lately"), "needs its source and a date"),
        ('title = "x"\n' + RULE.replace('code = "triangles"', 'code = "Too many!"'), "words joined by dots"),
    ],
)
def test_a_wrong_profile_says_where_and_what(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        written(tmp_path, text)
