"""Turning, mirroring and stretching the whole asset, and turning or mirroring a part of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.asset import Asset
from ml.edits import WORLD_AXES, Axis, Mirror, Resize, Rotate
from tasks.edit_resize import factor_of
from tasks.followers import Maker, Motion, Move
from tasks.own_axes import directions, extent, own_axes, stretch
from tasks.topology import F64
from tasks.transform import moved, transformed


def whole_resized(asset: Asset, edit: Resize) -> Asset:
    """The asset stretched about the middle of its floor; LODs, collision bodies and source go along.

    Raises InputError `edit.size` and `mesh.no-faces`.
    """
    points = _used(asset)
    rows = directions(edit.axis, points)
    return _about_floor(asset, stretch(rows, factor_of(edit, extent(points, rows))))


def whole_rotated(asset: Asset, edit: Rotate) -> Asset:
    """The asset turned about the middle of its floor, its lowest point on the level it was on."""
    turned = _about_floor(asset, rotation(_axis(edit.axis, _used(asset)), edit.degrees))
    sink = float(asset.bounds()[0, 1] - turned.bounds()[0, 1])
    return transformed(turned, np.eye(3), np.array([0.0, sink, 0.0]))


def rotate(edit: Rotate) -> Maker:
    """The move of a piece that turns about what holds it, or its own middle; see `followers.carried`."""

    def make(own: F64, held: F64) -> Move:
        base = held if len(held) else own
        centre = (base.min(axis=0) + base.max(axis=0)) / 2
        return Motion(rotation(_axis(edit.axis, own), edit.degrees) - np.eye(3), centre, np.zeros(3))

    return make


def mirrored(asset: Asset, edit: Mirror, indices: tuple[int, ...]) -> Asset:
    """The asset with the parts `indices` mirrored at the plane through the middle of the asset across the axis.

    Faces are turned round, so they look outward as before; UVs and textures stay, and normal maps hold, as tangents
    are mirrored with the surface. LODs, collision bodies and source go along where all parts are mirrored, and are
    left out otherwise. Raises InputError `mesh.no-faces`.
    """
    axis = WORLD_AXES.get(edit.axis, 0)
    low, high = asset.bounds()
    linear, offset = np.eye(3), np.zeros(3)
    linear[axis, axis], offset[axis] = -1.0, float(low[axis] + high[axis])
    if len(set(indices)) == len(asset.parts):
        return transformed(asset, linear, offset)
    parts = tuple(moved(part, linear, offset) if k in indices else part for k, part in enumerate(asset.parts))
    return replace(asset, parts=parts, lods=(), collision=(), source=None)


def rotation(axis: F64, degrees: float) -> F64:
    """(3, 3) the turn about a unit axis (3,) (Rodrigues); exact at quarter turns about the asset's axes."""
    quarters = degrees / 90.0
    angle = np.radians(degrees)
    exact = quarters == round(quarters)
    sine = float([0, 1, 0, -1][round(quarters) % 4]) if exact else float(np.sin(angle))
    cosine = float([1, 0, -1, 0][round(quarters) % 4]) if exact else float(np.cos(angle))
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: F64 = cosine * np.eye(3) + sine * cross + (1.0 - cosine) * np.outer(axis, axis)
    return turned


def _axis(axis: Axis, points: F64) -> F64:
    result: F64 = np.eye(3)[WORLD_AXES[axis]] if axis in WORLD_AXES else own_axes(points)[0]
    return result


def _used(asset: Asset) -> F64:
    asset.bounds()  # says when there is no face
    return np.concatenate([part.vertices[np.unique(part.faces)] for part in asset.parts]).astype(np.float64)


def _about_floor(asset: Asset, linear: F64) -> Asset:
    low, high = asset.bounds()
    floor = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    return transformed(asset, linear, floor - linear @ floor)
