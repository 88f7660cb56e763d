"""The axes that the words of an instruction mean: the asset's width, height and depth, or a thing's own length."""

from __future__ import annotations

import numpy as np

from ml.edits import WORLD_AXES, Axis
from tasks.topology import F64

STRAIGHT = 0.9  # of the extent along its own main axis that a thing has along a world axis: then that one is meant

ROUND = 0.03  # two extents and a radius this close to a circle's: eight corners are 8 % off, sixteen 2 %


def own_axes(points: F64) -> F64:
    """(3, 3) unit rows: the directions in which (n, 3) points extend, longest first; the world's where these are close.

    A thing that stands askew (a leaning spear) is measured along the eigenvectors of its covariance.
    """
    spread = np.ptp(points, axis=0)
    order = np.argsort(-spread, kind="stable")
    world: F64 = np.eye(3)[order]
    if len(points) < 4 or not spread.max() > 0.0:
        return world
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    own: F64 = vectors.T[::-1]
    extents = np.ptp(centred @ own.T, axis=0)
    if spread.max() >= STRAIGHT * extents.max():
        return world
    own = own * np.sign(own[np.arange(3), np.abs(own).argmax(axis=1)])[:, None]
    ordered: F64 = own[np.argsort(-extents, kind="stable")]
    return ordered


def directions(axis: Axis, points: F64) -> F64:
    """(k, 3) unit rows along which a resize of (n, 3) points goes: three for "", those of the asset or of the thing.

    Thickness is what lies across: one direction of a board, both of a rod. The middle extent counts to the small
    ones while it is below the geometric mean of the other two.
    """
    if axis == "":
        return np.eye(3)
    if axis in WORLD_AXES:
        return _both_if_round(points, np.roll(np.eye(3), -WORLD_AXES[axis], axis=0))
    axes = own_axes(points)
    if axis == "length":
        return _both_if_round(points, axes)
    long, middle, short = np.ptp(points @ axes.T, axis=0)
    return axes[1:] if middle * middle < long * short else axes[2:]


def _both_if_round(points: F64, axes: F64) -> F64:
    """The first of three axes, with another across which (n, 3) points are round: a wider lampshade stays round."""
    for other, along in ((1, 2), (2, 1)):
        flat = points @ axes[[0, other]].T
        size = np.ptp(flat, axis=0)
        if size.max() <= 0.0 or size.min() < (1.0 - ROUND) * size.max():
            continue
        radius = np.linalg.norm(flat - (flat.min(axis=0) + flat.max(axis=0)) / 2, axis=1).max()
        upright = np.ptp(points @ axes[along]) > 0.0
        if radius <= (1.0 + ROUND) * size.max() / 2 and upright:
            return axes[[0, other]]
    return axes[:1]


def extent(points: F64, rows: F64) -> float:
    """The largest extent of (n, 3) points along unit rows (k, 3), metres."""
    return float(np.ptp(points @ rows.T, axis=0).max(initial=0.0))


def stretch(rows: F64, factor: float) -> F64:
    """(3, 3) the linear map that makes extents along unit rows (k, 3) `factor` times as large."""
    result: F64 = np.eye(3) + (factor - 1.0) * rows.T @ rows
    return result
