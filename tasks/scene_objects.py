"""Scenes: how many separate objects stand in one asset, and how much of its size the largest of them takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import I32
from tasks.floaters import touching_groups
from tasks.orient import chosen_up
from tasks.subject import Subject
from tasks.topology import F64, I64, Bool, component_boxes

GROUND_COVERS = 0.8  # of both horizontal extents: the floor or tray that things stand on
GROUND_HIGH = 0.05  # of its own width at most
LOWEST = 0.01  # of the height: a shelf above feet is no floor
STANDS = 0.03  # of the height: how far a foot may be above the ground
LEAST_AREA = 0.02  # of the whole surface: what is less is debris
LEAST_SIZE = 0.1  # of the longest extent of all without the floor
TALL = 0.3  # of the same: a dagger beside a chest has 1.6 % of the surface and is no debris
OVERLAP = 0.5  # of the smaller footprint: a wheel under its car, a lid over its pot


@dataclass(frozen=True)
class Groups:
    """Groups of touching pieces: boxes over the ground and areas."""

    low: F64  # (k, 3) local units, up is the last
    high: F64  # (k, 3)
    area: F64  # (k,)


def scene_metrics(subject: Subject) -> dict[str, float]:
    """objects.count, things that stand on the ground beside each other, and objects.extent, share of the whole's
    longest extent that they and the largest group span together: what else there is lies far away, or is a wide floor.

    Support decides, as in Fisher et al. 2011 (Characterizing structural relationships in scenes): pieces that touch are
    one thing, a floor under everything is none, and what overlaps another's footprint by half belongs to it. Which axis
    is up is the file's word, else how it rests.
    """
    labels = subject.components
    up = {"y": (2, 0, 1), "z": (0, 1, 2)}[chosen_up(subject.asset)]
    points = np.ascontiguousarray(subject.points[:, up])
    count = int(labels.max(initial=-1)) + 1
    if not count:
        return {}
    low, high = component_boxes(points, subject.faces, labels, count)
    ground = _ground(low, high)
    groups = _grouped(subject, points, np.where(np.isin(labels, np.flatnonzero(ground)), -1, labels), count)
    things = _joined(groups)
    return _counted(groups, things, low, high, high[ground, 2].max() if ground.any() else low[:, 2].min())


def _ground(low: F64, high: F64) -> Bool:
    """(count,) pieces under all others that are flat and nearly as wide as everything; none where little is left."""
    size, whole = high - low, high.max(axis=0) - low.min(axis=0)
    flat = size[:, 2] <= GROUND_HIGH * size[:, :2].max(axis=1)
    wide = (size[:, :2] >= GROUND_COVERS * whole[:2]).all(axis=1)
    lowest = low[:, 2] <= low[:, 2].min() + LOWEST * float(whole[2])
    found: Bool = flat & wide & lowest
    return found if whole[2] > 3.0 * size[found, 2].sum() and not found.all() else np.zeros_like(found)


def _grouped(subject: Subject, points: F64, labels: I32, count: int) -> Groups:
    """The touching groups of the pieces that `labels` keeps."""
    root = touching_groups(subject, labels, count)
    faces = np.where(labels < 0, -1, root[labels])
    names, index = np.unique(faces[faces >= 0], return_inverse=True)
    group = np.full(len(faces), -1, np.int32)
    group[faces >= 0] = index
    low, high = component_boxes(points, subject.faces, group, len(names))
    return Groups(low, high, np.bincount(index, subject.areas[faces >= 0], len(names)).astype(np.float64))


def _joined(groups: Groups) -> I64:
    """(k,) the thing of each group: those over each other's footprint are one."""
    thing = np.arange(len(groups.area))
    size = groups.high - groups.low
    for i in np.argsort(-groups.area):
        shared = np.minimum(groups.high[i], groups.high) - np.maximum(groups.low[i], groups.low)
        smaller = np.minimum(size[i], size)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(smaller[:, :2] > 0.0, shared[:, :2] / smaller[:, :2], (shared[:, :2] >= 0.0) * 1.0)
        over = (shared[:, :2] >= 0.0).all(axis=1) & (np.clip(share, 0.0, 1.0).prod(axis=1) >= OVERLAP)
        thing[np.isin(thing, thing[over])] = thing[i]
    return thing


def _counted(groups: Groups, things: I64, low: F64, high: F64, ground: float) -> dict[str, float]:
    whole, spread = high.max(axis=0) - low.min(axis=0), groups.high.max(axis=0) - groups.low.min(axis=0)
    total = float(groups.area.sum())
    found, kept = 0, groups.area == groups.area.max()
    for thing in np.unique(things):
        own = things == thing
        size = float(_extents(groups, own).max())
        stands = groups.low[own, 2].min() <= ground + STANDS * whole[2]
        large = size >= LEAST_SIZE * spread.max() and groups.area[own].sum() >= LEAST_AREA * total
        if stands and (large or size >= TALL * spread.max()):
            found, kept = found + 1, kept | own
    return {
        "objects.count": float(max(found, 1)),
        "objects.extent": float(_extents(groups, kept).max()) / max(float(whole.max()), 1e-300),
    }


def _extents(groups: Groups, chosen: Bool) -> F64:
    """(3,) of the box around the chosen groups."""
    extents: F64 = groups.high[chosen].max(axis=0) - groups.low[chosen].min(axis=0)
    return extents
