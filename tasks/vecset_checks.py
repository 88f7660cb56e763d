"""Invariants of a vecset product: counts, ranges and signs, checked before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import InputError
from tasks.sampling import Samples
from tasks.signed_distance import DistanceField, signed_distance
from tasks.topology import F64

PLACES = 2048  # looked at for signs: ±0.3 % at 98 %
STEP = 1e-3  # of the extent, off the surface: 250 times float32's error in a point and the normal it is moved along


def check_signs(mesh: DistanceField, surface: Samples, extent: float, least: float) -> float:
    """The share of places on a closed surface that have outside where their normal points and inside behind it.

    Only places that are their own nearest after the step are asked, both ways: a wall thinner than that, or another
    body in front, says nothing. 1 where none is left, and for an open surface, whose inside has no sharp end. Raises
    InputError `vecset.wrong-signs` below `least`: the surface is inside out, or bodies overlap.
    """
    if not mesh.closed:
        return 1.0
    points, normals = (each[:PLACES].astype(np.float64) for each in (surface.points, surface.normals))
    step = STEP * extent
    away = signed_distance(mesh, np.concatenate([points + step * normals, points - step * normals])).distance
    front, behind = np.split(away, 2)
    own = np.minimum(np.abs(front), np.abs(behind)) > 0.99 * step
    if not own.any():
        return 1.0
    share = float(((front > 0.0) & (behind < 0.0))[own].mean())
    if share < least:
        raise InputError(
            "vecset.wrong-signs",
            f"{share:.1%} of the surface has outside in front and inside behind it, not {least:.1%}",
        )
    return share


def check_arrays(arrays: Mapping[str, npt.NDArray[Any]], counts: Mapping[str, int], bounds: F64) -> float:
    """The largest gap between a side of the mesh's box (2, 3) and the surface points', as a share of its longest side.

    Raises InputError `vecset.bad-count` for another number of points than `counts` has, `vecset.not-finite`, and
    `vecset.out-of-range` for surface points outside the mesh's box: of points and mesh in two frames (as in
    Hunyuan3D-2.1's preparation, where a mesh in [0, 1] meets volume points in ±1.05).
    """
    for name, array in arrays.items():
        kind = name.rsplit("_", 1)[0]
        if len(array) != counts[kind]:
            raise InputError("vecset.bad-count", f"{len(array)} {name} instead of {counts[kind]}")
        if array.dtype != np.uint8 and not np.isfinite(array).all():
            raise InputError("vecset.not-finite", f"{name} holds numbers that {array.dtype} cannot")
    longest = float(np.ptp(bounds, axis=0).max())
    for kind in ("surface", "salient"):
        if f"{kind}_points" in arrays:
            points = arrays[f"{kind}_points"].astype(np.float64)
            if (points < bounds[0]).any() or (points > bounds[1]).any():
                raise InputError("vecset.out-of-range", f"{kind} points lie outside the mesh's box")
    low, high = arrays["surface_points"].min(axis=0), arrays["surface_points"].max(axis=0)
    gap: float = max((low.astype(np.float64) - bounds[0]).max(), (bounds[1] - high.astype(np.float64)).max())
    return float(gap) / longest
