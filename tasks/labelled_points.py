"""Points around a surface with their signed distances: what a shape model learns the field from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32
from tasks.signed_distance import DistanceField, signed_distance
from tasks.topology import F64

Float = npt.NDArray[np.floating[Any]]
Random = np.random.Generator


def near_points(surface: F32, count: int, sigmas: tuple[float, ...], random: Random) -> F64:
    """(count, 3) points of the surface (n, 3), each moved by a normal deviate a coordinate; the sigmas take turns.

    Where more are asked for than there are, a point has all the sigmas in turn before it has one again.
    """
    order = random.permutation(len(surface))
    chosen = order[np.arange(count) // len(sigmas) % len(order)] if count > len(order) else order[:count]
    spread = np.resize(np.array(sigmas, np.float32), count)
    return surface[chosen].astype(np.float64) + random.standard_normal((count, 3), np.float32) * spread[:, None]


def volume_points(count: int, extent: float, random: Random) -> F64:
    """(count, 3) points uniform in the cube from −extent to extent."""
    return (2.0 * random.random((count, 3)) - 1.0) * extent


def rounded(points: npt.ArrayLike, dtype: str, low: npt.ArrayLike = -np.inf, high: npt.ArrayLike = np.inf) -> Float:
    """(n, 3) points as float16 or float32, between (3,) limits in that type: rounding moves none out of them."""
    kind = np.dtype(dtype).type
    made = np.asarray(points, np.float64).astype(kind)
    limits = -_below(-np.broadcast_to(low, 3), kind), _below(np.broadcast_to(high, 3), kind)
    inside: Float = np.clip(made, *limits)
    return inside


def _below(limit: npt.NDArray[Any], kind: Any) -> Float:
    """The largest numbers of a type that are not above (3,) limits."""
    made = limit.astype(kind)
    return np.where(made.astype(np.float64) > limit, np.nextafter(made, kind(-np.inf)), made)


def labels(field: DistanceField, points: Float, clip: float) -> Float:
    """(n,) signed distances of points as they are stored, in their type, cut at ±clip where that is above 0.

    Of the points before rounding they would be off by as much as float16 moves a point, 5e-4 near 1: half of the
    σ = 0.001 that recipes draw near points with.
    """
    distance = signed_distance(field, points.astype(np.float64)).distance
    if clip > 0.0:
        distance = np.clip(distance, -clip, clip)
    return distance.astype(points.dtype)
