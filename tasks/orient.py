"""Orienting: Y up, front +Z, standing on the ground plane, centred over the origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.asset import Asset
from tasks.conventions import up_axis
from tasks.stance import Stance, stance
from tasks.transform import transformed

F64 = npt.NDArray[np.float64]

# −90° about X: +Z becomes up, and a front that looks along −Y, as Z-up modellers have it, looks along +Z.
Z_TO_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
# Z-up must rest on three times the relative support before a mesh is turned: a wrong turn is worse than none.
MIN_CONFIDENCE = 0.5
# A sheet thinner than this share of its width is a picture, not a thing that lies down: it says nothing about up.
SHEET = 1e-3
# The heuristic looks at no more faces than this; every k-th of a larger mesh shows its stance as well.
SAMPLED_FACES = 200_000


@dataclass(frozen=True)
class OrientOptions:
    """Which axis of the input points up; `auto` believes the reader's note and otherwise looks how it stands."""

    up_axis: Literal["auto", "y", "z"] = field(default="auto", metadata={"help": "axis of the input that points up"})


def orient(asset: Asset, options: OrientOptions = OrientOptions()) -> Asset:
    """Turn to Y up, put the lowest point on y = 0 and the box centre over the origin, source and LODs along.

    `auto` takes the axis the file states (`tasks/conventions.py`); where it states none (STL, PLY, OBJ, OFF), how the
    mesh rests decides. Raises InputError `mesh.no-faces`.
    """
    axis, reason = _decide(asset, options.up_axis)
    linear = Z_TO_Y if axis == "z" else np.eye(3)
    turned = transformed(asset, linear, np.zeros(3))
    low, high = turned.bounds()
    offset = -np.array([0.5 * (low[0] + high[0]), low[1], 0.5 * (low[2] + high[2])])
    return transformed(turned, np.eye(3), offset).noted(up_axis="y", oriented=reason)


def chosen_up(asset: Asset) -> str:
    """The axis of the asset, "y" or "z", that `orient` takes for up where it is not told."""
    return _decide(asset, "auto")[0]


def _decide(asset: Asset, asked: str) -> tuple[str, str]:
    """The input's up axis and why."""
    if asked != "auto":
        return asked, f"{asked} up as asked"
    stated = up_axis(asset)
    if stated in ("y", "z"):
        return stated, f"{stated} up by convention"
    confidence = z_up_confidence(asset)
    axis = "z" if confidence >= MIN_CONFIDENCE else "y"
    verb = "rests on" if abs(confidence) >= MIN_CONFIDENCE else "kept, undecided by"
    return axis, f"{axis} up: {verb} its support (confidence {abs(confidence):.2f})"


def z_up_confidence(asset: Asset) -> float:
    """−1 (clearly Y up) … 1 (clearly Z up) from how the mesh rests on its lowest points along either axis.

    Stable resting poses are those with the centre of mass over the support polygon, likelier the wider the support
    and the lower the centre (Fu et al. 2008, Upright Orientation of Man-Made Objects).
    """
    points, faces, _ = asset.merged()
    faces = faces[:: -(-len(faces) // SAMPLED_FACES) or 1]
    along_y = _restfulness(points, stance(points, faces, closed=False))
    standing = points @ Z_TO_Y.T
    along_z = _restfulness(standing, stance(standing, faces, closed=False))
    total = along_y + along_z
    return (along_z - along_y) / total if total > 0 else 0.0


def _restfulness(points: F64, pose: Stance) -> float:
    """Support over footprint, times how low the centre lies (1 = on the ground); 0 for what topples or is a sheet."""
    low, high = points.min(axis=0), points.max(axis=0)
    width, height, depth = high - low
    if not pose.stable or height <= SHEET * max(width, depth):
        return 0.0
    lowness = 1.0 - (pose.center[1] - low[1]) / height
    return float(pose.support_area / (width * depth) * lowness)
