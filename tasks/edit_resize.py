"""Resizing the whole asset, a part or a region of it, to a factor or a size in metres."""

from __future__ import annotations

import numpy as np

from ml.asset import InputError
from ml.edits import Resize
from tasks.followers import Maker, Motion, Move
from tasks.own_axes import directions, extent, stretch
from tasks.topology import F64


def factor_of(edit: Resize, size: float) -> float:
    """How many times as large as `size` metres the edit asks for; raises InputError `edit.size`."""
    wanted = {"times": edit.amount * size, "metres": edit.amount, "metres more": size + edit.amount}[edit.unit]
    if not size > 0.0 or not np.isfinite(wanted) or not 1e-3 <= wanted / size <= 1e3:
        raise InputError("edit.size", f"an extent of {size:.4g} m cannot become {wanted:.4g} m")
    return wanted / size


def resize(edit: Resize) -> Maker:
    """The move of a piece that is stretched about the middle of what holds it, or its own; see `followers.carried`.

    Raises InputError `edit.size` when it is made for a piece that has no such extent.
    """

    def make(own: F64, held: F64) -> Move:
        rows = directions(edit.axis, own)
        base = held if len(held) else own
        centre = (base.min(axis=0) + base.max(axis=0)) / 2
        return Motion(stretch(rows, factor_of(edit, extent(own, rows))) - np.eye(3), centre, np.zeros(3))

    return make
