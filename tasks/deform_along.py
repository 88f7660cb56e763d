"""Bend, taper and twist along an axis: the global deformations of Barr (1984), limited to where the axis runs."""

from __future__ import annotations

import numpy as np

from ml.asset import InputError
from ml.edits import Bend, Taper, Twist
from tasks.followers import Maker, Move
from tasks.own_axes import own_axes
from tasks.topology import F64

# Barr, "Global and local deformations of solid primitives", SIGGRAPH 1984. Beyond the ends of the axis the map goes on
# as that at the end, rigidly for bend and twist, so that what hangs there keeps its shape.


LEVELS = 8  # equal stretches of an axis, of which half have to hold vertices for a bend to be one


def deform(edit: Bend | Taper | Twist) -> Maker:
    """The move of a piece along its longest axis; see `followers.carried`. Raises InputError `edit.size` when it is
    made for a piece that has no length and `edit.coarse` for one with nothing between its ends to bend.
    """

    def make(own: F64, held: F64) -> Move:
        axis, start, length = main_axis(own, held)
        levels = np.unique(np.floor(LEVELS * ((own - start) @ axis) / length * (1.0 - 1e-9)))
        if not isinstance(edit, Taper) and len(levels) < LEVELS // 2:
            raise InputError("edit.coarse", "there are too few vertices along it to bend or twist it smoothly")

        def move(points: F64) -> F64:
            if isinstance(edit, Bend):
                moves = bend(points, axis, start, length, edit.degrees) - points
            elif isinstance(edit, Taper):
                moves = taper(points, axis, start, length, edit.factor) - points
            else:
                moves = twist(points, axis, start, length, edit.degrees) - points
            return moves

        return move

    return make


def main_axis(own: F64, held: F64) -> tuple[F64, F64, float]:
    """The longest axis of (n, 3) points, away from the places (k, 3) that hold them, up where none does: a unit
    direction (3,), the point (3,) where it begins, and its length, metres. Raises InputError `edit.size` without one.
    """
    axis = own_axes(own)[0]
    along = own @ axis
    low, high = float(along.min()), float(along.max())
    if not high > low:
        raise InputError("edit.size", "what is to be bent, tapered or twisted has no length")
    above = len(held) > 0 and float((held @ axis).mean()) > (low + high) / 2
    across = (own.min(axis=0) + own.max(axis=0)) / 2
    across = across - (across @ axis) * axis
    return (-axis, across + high * axis, high - low) if above else (axis, across + low * axis, high - low)


def bend(points: F64, axis: F64, start: F64, length: float, degrees: float) -> F64:
    """(n, 3) points with the axis from `start` bent to an arc of its length that turns by `degrees`.

    It bends in the plane of the axis and the direction across it that is nearest to +Z, or +X for an axis along Z:
    towards the front for positive angles, of which 0 is none.
    """
    angle = np.radians(degrees) / length
    side = _across(axis)
    relative = points - start
    along, out = relative @ axis, relative @ side
    rest = relative - along[:, None] * axis - out[:, None] * side
    turned = angle * np.clip(along, 0.0, length)
    beyond = along - np.clip(along, 0.0, length)
    radius = 1.0 / angle
    new_along = np.sin(turned) * (radius - out) + beyond * np.cos(turned)
    new_out = radius - np.cos(turned) * (radius - out) + beyond * np.sin(turned)
    bent: F64 = start + rest + new_along[:, None] * axis + new_out[:, None] * side
    return bent


def taper(points: F64, axis: F64, start: F64, length: float, factor: float) -> F64:
    """(n, 3) points whose distance from the axis is 1 times what it is at the start to `factor` times at the end."""
    relative = points - start
    along = relative @ axis
    share = np.clip(along / length, 0.0, 1.0)
    across = relative - along[:, None] * axis
    tapered: F64 = start + along[:, None] * axis + across * (1.0 + (factor - 1.0) * share)[:, None]
    return tapered


def twist(points: F64, axis: F64, start: F64, length: float, degrees: float) -> F64:
    """(n, 3) points turned about the axis by 0 at the start to `degrees` at the end."""
    relative = points - start
    along = relative @ axis
    angle = np.radians(degrees) * np.clip(along / length, 0.0, 1.0)[:, None]
    across = relative - along[:, None] * axis
    turned = across * np.cos(angle) + np.cross(axis, across) * np.sin(angle)
    twisted: F64 = start + along[:, None] * axis + turned
    return twisted


def _across(axis: F64) -> F64:
    toward = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side: F64 = toward - (toward @ axis) * axis
    return side / np.linalg.norm(side)
