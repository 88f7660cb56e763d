"""Turns an asset to its canonical pose: upright and facing +Z, as a network trained on procedural assets sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.asset import Asset
from ml.canonical_pose import pose_grid, turn_probabilities, turns
from tasks.orient import OrientOptions, orient
from tasks.sampling import uniform_samples
from tasks.topology import F64
from tasks.transform import transformed

POINTS = 2048  # a cell's share is known to a tenth


@dataclass(frozen=True)
class FaceFrontOptions:
    """Which turns are considered, and how sure one has to be."""

    turn: Literal["front", "any"] = field(
        default="front", metadata={"help": "front: about the vertical only; any: the 24 turns of a cube"}
    )
    sure: float = field(
        default=0.8, metadata={"min": 0.5, "max": 1.0, "help": "least probability of a turn that is made"}
    )


def face_front(asset: Asset, options: FaceFrontOptions = FaceFrontOptions()) -> Asset:
    """The asset, its source and LODs turned to face +Z, standing on the ground; as it was where no turn is sure.

    Of shapes that look the same from several sides any is right. Notes `pose` (the turn as a matrix by rows, JSON) and
    measures `pose.probability`. Raises InputError as `uniform_samples` does. 3 CPU-ms for 3,300 faces.
    """
    vertices, faces, _ = asset.merged()
    likely = turn_probabilities(pose_grid(uniform_samples(vertices, faces, POINTS).points))
    if options.turn == "front":
        likely = np.where(turns()[:, 1, 1] == 1.0, likely, 0.0)
        likely = likely / likely.sum()
    best = int(likely.argmax())
    chosen = best if likely[best] >= options.sure else 0
    matrix: F64 = turns()[chosen]
    turned = orient(transformed(asset, matrix, np.zeros(3)), OrientOptions(up_axis="y")) if chosen else asset
    return turned.noted(pose=json.dumps(matrix.astype(int).tolist())).measured(
        {"pose.probability": float(likely[best])}
    )
