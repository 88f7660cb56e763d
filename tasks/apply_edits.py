"""Edits of a finished mesh, carried out one after the other and checked to have changed something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml.asset import Asset, InputError, Material, Part
from ml.edits import WORLD_AXES, Edit, Glow, Recolor, Remove, Resize
from ml.substances import color_of, linear
from tasks.region import Region
from tasks.transform import transformed


def apply_edits(asset: Asset, edits: tuple[Edit, ...], region: Region) -> Asset:
    """The asset with all edits made; raises InputError `edit.unsupported` and `edit.no-effect`."""
    for edit in edits:
        changed = _applied(asset, edit, region)
        if [*map(_look, changed.parts)] == [*map(_look, asset.parts)]:
            raise InputError("edit.no-effect", f"nothing would change: {edit}")
        asset = changed
    return asset


def _applied(asset: Asset, edit: Edit, region: Region) -> Asset:
    world = isinstance(edit, Resize) and not edit.part and edit.unit == "times" and edit.axis in ("", *WORLD_AXES)
    if region.whole and isinstance(edit, Resize) and world:
        factors = [edit.amount if edit.axis in ("", axis) else 1.0 for axis in WORLD_AXES]
        return transformed(asset, np.diag(factors), np.zeros(3))
    if region.whole and isinstance(edit, Remove):
        return replace(asset, parts=tuple(part for part in asset.parts if part.name != edit.part))
    if region.whole and isinstance(edit, Recolor):
        rgb = linear(edit.color[1:]) if edit.color.startswith("#") else color_of(edit.color)
        return _covered(asset, edit.part, lambda old: replace(old, base_color=(*rgb, old.base_color[3])))
    if region.whole and isinstance(edit, Glow) and not edit.on:
        return _covered(asset, edit.part, lambda old: replace(old, emissive=(0.0, 0.0, 0.0), emissive_texture=None))
    raise InputError("edit.unsupported", f"cannot be done to a mesh yet: {edit}")


def _look(part: Part) -> tuple[object, ...]:
    return part.name, part.vertices.tobytes(), part.material


def _covered(asset: Asset, part: str, change: Callable[[Material], Material]) -> Asset:
    parts = (replace(each, material=change(each.material)) if part in ("", each.name) else each for each in asset.parts)
    return replace(asset, parts=tuple(parts))
