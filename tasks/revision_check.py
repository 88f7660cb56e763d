"""Whether a redrawn asset is what its instruction asked for, measured on the parts: never a copy called done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from ml.asset import Asset, InputError, Part
from ml.generators.redraw import Drawing, Redrawn
from ml.parametric.finishes import SAID_AS
from ml.part_names import listed
from ml.prompt import PartAttributes
from ml.substances import SUBSTANCES, color_of
from tasks.topology import topology, weld

Look = tuple[object, ...]


def check_revision(redrawn: Redrawn) -> None:
    """Raises InputError where any wish of the revision was not met.

    `instruction.no-part` for a part the asset does not have or cannot have, `instruction.count` for a number it cannot
    have, `edit.no-effect` where it was so before, `instruction.not-met` where it came out otherwise.
    """
    before, after, asked = redrawn.before, redrawn.after, redrawn.revision
    for part, number in asked.counts:
        _check_count(before, after, part, number)
    for part in asked.added:
        _check_added(before.asset, after.asset, part)
    for word in asked.removed:
        _check_removed(before.asset, after.asset, word)
    for item in asked.parts:
        _check_part(before.asset, after.asset, item)
    if asked.styles and _looks(before.asset.parts) == _looks(after.asset.parts):
        raise _no_effect(f"{asked.styles[0]} makes no difference to it")
    material, color = (words[0] if words else None for words in (asked.materials, asked.colors))
    whole = PartAttributes("", material, color, asked.words)
    if whole != PartAttributes(""):
        _check_look(before.asset.parts, after.asset.parts, whole)
    for word in asked.ended:
        if _looks(before.asset.parts) == _looks(after.asset.parts):
            raise _no_effect(f"{word} makes no difference to it")


def named(asset: Asset, part: str) -> list[Part]:
    """The parts that a word of the vocabulary means."""
    return [each for each in asset.parts if each.name == part or SAID_AS.get(each.name) == part]


def pieces(parts: Iterable[Part]) -> int:
    """Bodies that do not touch by an edge."""
    total = 0
    for part in parts:
        vertices, faces, _ = weld(part.vertices, part.faces)
        total += topology(vertices, faces).components
    return total


def _check_count(before: Drawing, after: Drawing, part: str, number: int) -> None:
    there = named(after.asset, part)
    if not there or part not in after.counts:
        names = listed([each.name for each in before.asset.parts])
        raise InputError("instruction.count", f"the number of {part} cannot be chosen here; its parts: {names}")
    if after.counts[part] != number:
        raise InputError("instruction.count", f"{number} {part} cannot be; the nearest is {after.counts[part]}")
    old, new = pieces(named(before.asset, part)), pieces(there)
    was = before.counts.get(part, 0)
    if was == number and old == new:
        raise _no_effect(f"it has {number} {part} already")
    if new % number or (was and old % was == 0 and old // was != new // number):
        raise InputError("instruction.not-met", f"{number} {part} were asked for and came out as {new} bodies")


def _check_added(before: Asset, after: Asset, part: str) -> None:
    if not named(after, part):
        raise InputError("instruction.no-part", f"a {after.name} has no {part}; parts: {listed(_names(before))}")
    if named(before, part):
        raise _no_effect(f"it has {part} already")


def _check_removed(before: Asset, after: Asset, word: str) -> None:
    if not named(before, word):
        raise InputError("instruction.no-part", f"there is no {word} to take away; parts: {listed(_names(before))}")
    if named(after, word):
        raise InputError("instruction.not-met", f"{word} would still be there")


def _check_part(before: Asset, after: Asset, item: PartAttributes) -> None:
    old, new = named(before, item.part), named(after, item.part)
    if not new:
        raise InputError("instruction.no-part", f"there is no part {item.part}; parts: {listed(_names(before))}")
    _check_look(old, new, item)
    direction = {"thick": 1.0, "slim": -1.0}
    for word in direction.keys() & {*item.shapes}:
        if direction[word] * (_volume(new) - _volume(old)) <= 0.0:
            raise InputError("instruction.not-met", f"{item.part} did not become {word}")


def _check_look(old: Sequence[Part], new: Sequence[Part], asked: PartAttributes) -> None:
    """Something changed, and all of the part, or most of the whole, has the material, the colour and the light."""
    what = asked.part or "the whole"
    if _looks(old) == _looks(new):
        raise _no_effect(f"{what} is {' '.join(filter(None, (*asked.shapes, asked.color, asked.material)))} already")
    tests: list[tuple[str | None, Callable[[Part], bool]]] = [
        (asked.material, lambda part: _made_of(part, asked.material or "")),
        (asked.color, lambda part: _colored(part, asked.color or "")),
    ]
    if "glowing" in asked.shapes and not any(any(part.material.emissive) for part in new):
        raise InputError("instruction.not-met", f"{what} would give no light")
    areas = np.array([topology(part.vertices, part.faces).area for part in new])
    least = 0.999 if asked.part else 0.5
    for wish, holds in tests:
        if wish and np.dot(areas, [holds(part) for part in new]) < least * areas.sum():
            raise InputError("instruction.not-met", f"{what} did not become {wish}")


def _made_of(part: Part, material: str) -> bool:
    name = part.material.name
    return name.endswith(material) or any(
        name.endswith(each) for each, substance in SUBSTANCES.items() if substance.family == material
    )


def _colored(part: Part, color: str) -> bool:
    return bool(np.allclose(part.material.base_color[:3], color_of(color), atol=1e-3))


def _looks(parts: Sequence[Part]) -> list[Look]:
    """What tells one state of parts from another."""
    return [
        (part.name, part.vertices.tobytes(), part.faces.tobytes(), replace(part.material, name="")) for part in parts
    ]


def _volume(parts: Sequence[Part]) -> float:
    return sum(topology(part.vertices, part.faces).volume for part in parts)


def _names(asset: Asset) -> list[str]:
    return [part.name for part in asset.parts]


def _no_effect(why: str) -> InputError:
    return InputError("edit.no-effect", f"nothing would change: {why}")
