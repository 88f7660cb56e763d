"""Edits of the shape carried out: which of the whole asset, its parts or a region of its surface moves, and how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.asset import F32, Asset, InputError
from ml.edits import Bend, Mirror, Remove, Resize, Rotate, Smooth, Taper, Twist
from tasks.bodies import find_bodies
from tasks.bvh import build_bvh, closest_point
from tasks.deform_along import deform
from tasks.deform_smooth import smoothed
from tasks.edit_pose import mirrored, rotate, whole_resized, whole_rotated
from tasks.edit_resize import resize
from tasks.followers import Maker, carried
from tasks.moved_part import moved_asset
from tasks.region import FALLOFF, Region, part_indices, region_weights
from tasks.region_deform import blended, inside, rim

Shape = Resize | Rotate | Mirror | Smooth | Bend | Taper | Twist | Remove


def reshaped(asset: Asset, edit: Shape, region: Region) -> Asset:
    """The asset after one edit of its shape, to the edit's part, the region of it, or all of it.

    Topology, UVs and counts stay, but for `Remove`. What weighs nothing in the region keeps its bits. Raises
    InputError `edit.*`, `region.*` and `mesh.no-faces`.
    """
    indices = part_indices(asset, edit.part) if edit.part else tuple(range(len(asset.parts)))
    if isinstance(edit, Remove):
        return _without(asset, indices, region)
    if isinstance(edit, Mirror):
        if not region.whole:
            raise InputError("edit.region", "a region of a surface cannot be mirrored; name a part or the whole")
        return mirrored(asset, edit, indices)
    if region.whole and not edit.part and isinstance(edit, Resize):
        return whole_resized(asset, edit)
    if region.whole and not edit.part and isinstance(edit, Rotate):
        return whole_rotated(asset, edit)
    return moved_asset(asset, _moved(asset, edit, region, indices))


def _moved(
    asset: Asset, edit: Resize | Rotate | Smooth | Bend | Taper | Twist, region: Region, indices: tuple[int, ...]
) -> list[F32]:
    if isinstance(edit, Smooth):
        return smoothed(asset, weights_of(asset, edit.part, indices, region), edit.amount)
    if region.whole and edit.part and not _fused(asset, indices):
        return carried(asset, indices, _maker(edit))
    weights = weights_of(asset, edit.part, indices, region)
    own = inside(asset, weights)
    return blended(asset, weights, _maker(edit)(own, rim(asset, weights)))


def _maker(edit: Resize | Rotate | Bend | Taper | Twist) -> Maker:
    if isinstance(edit, Resize):
        return resize(edit)
    return rotate(edit) if isinstance(edit, Rotate) else deform(edit)


def _without(asset: Asset, indices: tuple[int, ...], region: Region) -> Asset:
    kept = tuple(part for k, part in enumerate(asset.parts) if k not in indices)
    if not region.whole:
        raise InputError("edit.region", "what is removed has to be a part with a name, not a region")
    if not any(len(part.faces) for part in kept):
        raise InputError("edit.nothing-left", "nothing would be left of the asset")
    return replace(asset, parts=kept, lods=(), collision=(), source=None)


def _fused(asset: Asset, indices: tuple[int, ...]) -> bool:
    """Whether the parts are of one surface with others."""
    bodies = find_bodies(asset)
    return bool(bodies.parts_of(bodies.of_parts(indices)) - set(indices))


def weights_of(asset: Asset, part: str, indices: tuple[int, ...], region: Region) -> list[F32]:
    """(n,) weights for each part: the region's, within the edit's part where it names one.

    Around a part that is of one surface with others they fall off over FALLOFF of the diagonal, as around a box. Raises
    InputError `region.*`.
    """
    weights = region_weights(asset, region)
    if not part:
        return weights
    if region.whole and _fused(asset, indices):
        return _around(asset, indices)
    return [weight if k in indices else np.zeros_like(weight) for k, weight in enumerate(weights)]


def _around(asset: Asset, indices: tuple[int, ...]) -> list[F32]:
    """Weights that fall off with the distance to the surface of some parts, on the bodies that they belong to."""
    bodies = find_bodies(asset)
    own = bodies.faces[np.isin(bodies.owner, indices)]
    near = np.isin(bodies.body, list(bodies.of_parts(indices)))
    weight = np.zeros(len(bodies.points), np.float32)
    _, _, distance = closest_point(build_bvh(bodies.points, own), bodies.points[near])
    t = np.clip(1.0 - distance / (FALLOFF * bodies.diagonal), 0.0, 1.0)
    weight[near] = np.where(distance <= 1e-6 * bodies.diagonal, 1.0, t * t * (3.0 - 2.0 * t))
    return [weight[at] for at in bodies.vertex]
