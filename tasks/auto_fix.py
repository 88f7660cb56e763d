"""Auto-fix: the steps that a gate's findings suggest, put into the plan as if they had been written there."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from manifests.errors import RecipeError
from manifests.options import build_options
from ml.asset import Asset, Finding
from tasks.steps import STEPS

Steps = tuple[tuple[str, Any], ...]

PLACES = {
    name: place for place, name in enumerate(STEPS)
}  # the order in which the steps are listed is theirs in a chain
# What a step takes from the surface, and the steps that give it back.
REDONE = {"watertight": ("unwrap", "bake"), "unwrap": ("bake",)}


@dataclass(frozen=True)
class Fix:
    """One suggestion carried out: the options that it changed, from what to what."""

    rule: str  # the finding's code
    step: str
    changed: dict[str, tuple[Any, Any]]  # empty for a step that was added as it is

    def __str__(self) -> str:
        changes = ", ".join(f"{name} {old!r} to {new!r}" for name, (old, new) in self.changed.items())
        return f"{self.rule}: {self.step}" + (f" ({changes})" if changes else "")


@dataclass(frozen=True)
class Suggestion:
    """A step with all its options, and the names of those that were said."""

    step: str
    options: Any
    said: tuple[str, ...]


def parse_suggestion(text: str) -> Suggestion | None:
    """What a suggestion such as `simplify --target_faces 20000` asks for; None for advice in words.

    Raises RecipeError where a step's options are wrong.
    """
    name, *words = text.split() or [""]
    if name not in STEPS or any(not word.startswith("--") for word in words[::2]):
        return None
    if len(words) % 2:
        raise RecipeError(f"suggestion {text!r}: {words[-1]} has no value")
    table = {key.removeprefix("--"): _value(word) for key, word in zip(words[::2], words[1::2], strict=True)}
    return Suggestion(name, build_options(STEPS[name][1], table, f"suggestion {text!r}"), tuple(table))


def _value(word: str) -> Any:
    try:
        return tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        return word


def auto_fix(steps: Steps, asset: Asset) -> tuple[Steps, tuple[Fix, ...]]:
    """The steps with what the rejecting findings of `asset`, which they made, suggest; and what that changed.

    A step that is there gets the suggested options, except that a number only moves the way the finding asks: a budget
    is never loosened. A step that is not there is added where it belongs. A size that the row asked for stays. Nothing
    changes where no suggestion is a step or all have been carried out.
    """
    fixes: list[Fix] = []
    for finding in asset.findings:
        parsed = parse_suggestion(finding.suggestion) if finding.severity == "reject" else None
        if parsed is None or (parsed.step == "scale" and _size_is_asked(asset)):
            continue
        steps, changed = _changed(steps, parsed, finding)
        if changed is not None:
            fixes.append(Fix(finding.code, parsed.step, changed))
            steps = _redone(steps, parsed.step, asset)
    return steps, tuple(fixes)


def _size_is_asked(asset: Asset) -> bool:
    return any(name.startswith("size.asked_") and name != "size.asked_error" for name in asset.metrics)


def _changed(steps: Steps, wanted: Suggestion, finding: Finding) -> tuple[Steps, dict[str, tuple[Any, Any]] | None]:
    """The steps, and the options that changed; None when nothing did."""
    place = next((i for i, (name, _) in enumerate(steps) if name == wanted.step), None)
    if place is None:
        return _inserted(steps, wanted.step, wanted.options), {}
    old = {name: getattr(steps[place][1], name) for name in wanted.said}
    new = {name: _tightened(old[name], getattr(wanted.options, name), finding) for name in wanted.said}
    changed = {name: (old[name], value) for name, value in new.items() if value != old[name]}
    if not changed:
        return steps, None
    better = replace(steps[place][1], **{name: value for name, (_, value) in changed.items()})
    return (*steps[:place], (wanted.step, better), *steps[place + 1 :]), changed


def _tightened(old: Any, new: Any, finding: Finding) -> Any:
    """`new`, or `old` where a number would move away from the limit."""
    if isinstance(old, int | float) and isinstance(new, int | float) and not isinstance(new, bool):
        return min(old, new) if finding.value > finding.limit else max(old, new)
    return new


def _inserted(steps: Steps, step: str, options: Any) -> Steps:
    """The steps with one more behind the last that comes before it in a chain."""
    place = max((i + 1 for i, (name, _) in enumerate(steps) if PLACES[name] < PLACES[step]), default=0)
    return (*steps[:place], (step, options), *steps[place:])


def _redone(steps: Steps, step: str, asset: Asset) -> Steps:
    """The steps with those that give an asset of several materials, or with textures, its look back."""
    present: Sequence[str] = [name for name, _ in steps]
    materials = {part.material for part in asset.parts}
    plain = len(materials) == 1 and not any(material.textures for material in materials)
    if plain or "vertex_bake" in present:
        return steps
    for name in REDONE.get(step, ()):
        if name not in present:
            steps = _inserted(steps, name, STEPS[name][1]())
    return steps
