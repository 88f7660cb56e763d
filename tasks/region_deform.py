"""Deformations of a region of one surface: what is inside goes where it is sent, what surrounds it follows smoothly."""

from __future__ import annotations

import numpy as np

from ml.asset import F32, Asset, InputError
from tasks.followers import Move
from tasks.topology import F64


def blended(asset: Asset, weights: list[F32], move: Move) -> list[F32]:
    """Vertices (n, 3) for each part, each carried by its weight's share of the way that `move` sends it.

    Weight 0 keeps its bits, weight 1 goes all the way; vertices at one place have one weight and so stay together.
    """
    result = []
    for part, weight in zip(asset.parts, weights, strict=True):
        vertices = part.vertices.copy()
        own = weight > 0.0
        if own.any():
            points = vertices[own].astype(np.float64)
            vertices[own] = (points + weight[own, None] * move(points)).astype(np.float32)
        result.append(vertices)
    return result


def inside(asset: Asset, weights: list[F32]) -> F64:
    """(n, 3) the vertices that weigh 1, or the heaviest where none does; raises InputError `region.empty`."""
    points = np.concatenate([part.vertices for part in asset.parts]).astype(np.float64)
    weight = np.concatenate(weights)
    if not len(weight) or not weight.max() > 0.0:
        raise InputError("region.empty", "no vertex lies in the region or near it")
    found: F64 = points[weight >= min(1.0, float(weight.max()))]
    return found


def rim(asset: Asset, weights: list[F32]) -> F64:
    """(n, 3) the vertices of faces that lie partly in the region: where it hangs on the rest; empty for a whole."""
    found = []
    for part, weight in zip(asset.parts, weights, strict=True):
        corners = weight[part.faces]
        crossing = (corners.max(axis=1) >= 1.0) & (corners.min(axis=1) < 1.0) if len(corners) else np.zeros(0, bool)
        found.append(part.vertices[np.unique(part.faces[crossing])].astype(np.float64))
    return np.concatenate(found)
