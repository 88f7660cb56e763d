"""Sorts the parts of a glTF scene into levels of detail and collision bodies, by MSFT_lod and by engines' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ml.asset import Part

LEVEL = re.compile(r"(.*)_LOD([0-9])", re.IGNORECASE | re.DOTALL)
# Unreal's prefixes for convex, box, sphere and capsule bodies; Godot's endings for shapes that are not drawn.
BODY = re.compile(r"U(CX|BX|SP|CP)_.+|.+[-_](conv)?colonly|.+_collision_[0-9]{2}", re.DOTALL)

# (part, the level that MSFT_lod gives it: 0 where nothing does)
Placed = Sequence[tuple[Part, int]]


def sort_parts(placed: Placed) -> tuple[list[list[Part]], list[Part]]:
    """(the parts of each level, LOD0 first; collision bodies).

    Endings _LOD1 … count only where the same base has a full version beside them (`chair` or `chair_LOD0`): alone,
    `chair_LOD1` is the file of one level. A level without parts ends the row.
    """
    bodies = [part for part, _ in placed if BODY.fullmatch(part.name)]
    drawn = [(part, level) for part, level in placed if not BODY.fullmatch(part.name)]
    if not drawn:  # nothing else is there: what looks like a body is the model
        return [bodies], []
    found = [LEVEL.fullmatch(part.name) for part, _ in drawn]
    full = {match[1] for match in found if match and match[2] == "0"}
    full |= {part.name for (part, _), match in zip(drawn, found, strict=True) if match is None}
    levels: dict[int, list[Part]] = {}
    for (part, level), match in zip(drawn, found, strict=True):
        named = match is not None and match[1] in full
        if match is not None and named and level == 0:
            level, part = int(match[2]), replace(part, name=match[1])
        levels.setdefault(level, []).append(part)
    if 0 not in levels:
        return [[part for parts in levels.values() for part in parts]], bodies
    kept = [levels[0]]
    while len(kept) in levels:
        kept.append(levels[len(kept)])
    return kept, bodies
