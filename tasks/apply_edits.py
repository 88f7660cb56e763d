"""Edits applied to an asset one after the other, each checked to have done what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.asset import Asset, InputError, Part
from ml.edits import Bend, Edit, Mirror, Remove, Resize, Rotate, Smooth, Taper, Twist
from tasks.edit_look import Paint, repainted, shown
from tasks.edit_shape import reshaped
from tasks.region import FALLOFF, Region, part_indices, point_weights
from tasks.texel_mask import Texels, blended, changed_texels, map_size, with_atlas

SHAPES = (Resize, Rotate, Mirror, Smooth, Bend, Taper, Twist, Remove)
MOVED = 1e-5  # of the diagonal: less is rounding
CHANGED = 1.0 / 255.0  # of a channel in linear light: less is no change of colour


def apply_edits(asset: Asset, edits: Sequence[Edit], region: Region = Region()) -> Asset:
    """The asset after all edits, with the note `edits` and the metrics of what they changed.

    `edit.moved_percent` is the share of the vertices that moved, `edit.changed_texels` how many texels of its maps
    are others, `edit.repainted_percent` the share of the surface that looks different. The result has no LODs and no
    collision bodies unless all of it was turned, mirrored or stretched as one. Raises InputError: `edit.no-effect`
    when an edit changes nothing, so that no unchanged copy is called done; `edit.apart`, `edit.size`, `edit.region`,
    `edit.nothing-left`, `region.*` and `mesh.no-faces` where it cannot be carried out.
    """
    asset.bounds()  # raises for an asset without a face
    moved = repainted_share = texels = 0.0
    for edit in edits:
        if isinstance(edit, SHAPES):
            after = reshaped(asset, edit, region)
            share = moved_share(asset, after)
            moved = max(moved, share)
        else:
            after, changed = _painted(asset, edit, region)
            share = float((np.abs(shown(after) - shown(asset)).max(axis=1) > CHANGED).mean())
            repainted_share, texels = max(repainted_share, share), texels + changed
        if not share > 0.0:
            raise InputError("edit.no-effect", f"{edit} changes nothing")
        asset = after
    notes = "; ".join(filter(None, (asset.notes.get("edits"), *map(str, edits))))
    return asset.noted(edits=notes).measured(
        {
            "edit.moved_percent": 100.0 * moved,
            "edit.repainted_percent": 100.0 * repainted_share,
            "edit.changed_texels": texels,
        }
    )


def moved_share(before: Asset, after: Asset) -> float:
    """The share of the vertices that moved by more than rounding; 1 where parts are gone or turned inside out."""
    limit = MOVED * float(np.linalg.norm(np.ptp(before.bounds(), axis=0)))
    if [len(part.vertices) for part in before.parts] != [len(part.vertices) for part in after.parts]:
        return 1.0
    moves = [np.abs(b.vertices - a.vertices).max(axis=1) for a, b in zip(before.parts, after.parts, strict=True)]
    return float((np.concatenate(moves) > limit).mean())


def _painted(asset: Asset, edit: Paint, region: Region) -> tuple[Asset, int]:
    """The asset in its new look and how many texels of its maps are others."""
    part = getattr(edit, "part", "")
    indices = part_indices(asset, part) if part else tuple(range(len(asset.parts)))
    if region.whole:
        after = repainted(asset, edit, indices)
    else:
        after = _masked(asset, edit, indices, region)
    counts = [changed_texels(a, b) for a, b in zip(asset.parts, after.parts, strict=True)]
    return after, sum(counts)


def _masked(asset: Asset, edit: Paint, indices: tuple[int, ...], region: Region) -> Asset:
    """The asset in its new look within the region, and softly less of it around; other parts are the same objects.

    A part that has no atlas gets one when the region touches it. Raises InputError `region.no-part` and `region.empty`.
    """
    named = {index for word in region.parts for index in part_indices(asset, word)}
    low, high = asset.bounds()
    width = FALLOFF * float(np.linalg.norm(high - low))
    touched = [k for k in indices if k in named or _touches(asset.parts[k], region, width)]
    if not touched:
        raise InputError("region.empty", "no surface lies in the region")
    ready = {k: with_atlas(asset.parts[k]) for k in touched}
    base = replace(asset, parts=tuple(ready.get(k, part) for k, part in enumerate(asset.parts)), lods=(), source=None)
    painted = repainted(base, edit, tuple(touched))
    parts = list(asset.parts)
    for k in touched:
        part = ready[k]
        texels = Texels.of(part, map_size(part.material))
        weights = np.ones(len(texels.points), np.float32)
        if k not in named:
            weights = point_weights(texels.points, region, width)
        parts[k] = blended(part, painted.parts[k], texels.spread(weights)) if weights.any() else asset.parts[k]
    return replace(base, parts=tuple(parts))


def _touches(part: Part, region: Region, width: float) -> bool:
    """Whether the part's box comes near any box or sphere of the region."""
    if not len(part.faces):
        return False
    low, high = part.vertices.min(axis=0) - width, part.vertices.max(axis=0) + width
    boxes = [(box[:3], box[3:]) for box in region.boxes]
    boxes += [(tuple(np.subtract(ball[:3], ball[3])), tuple(np.add(ball[:3], ball[3]))) for ball in region.spheres]
    return any((low <= np.array(b)).all() and (high >= np.array(a)).all() for a, b in boxes)
