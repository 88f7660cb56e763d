"""How often held-out procedural assets in any of 24 turns are brought back to their feet and front."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from ml.canonical_pose import WEIGHTS, sources, turn_probabilities, turns
from tasks.pose_training import canonical_grid, right_turns

HELD = 9  # another seed than training's


@dataclass(frozen=True)
class PoseScores:
    """Shares of the assets that are right, and what a decision takes."""

    every: float  # of all 24 turns, one that leaves the surface where it was made
    front: float  # of the four about the vertical
    upright: float  # of all 24, the right axis up
    milliseconds: float  # of CPU, the sampling of the surface left out


def judge_pose(count: int = 960, file: Path = WEIGHTS) -> PoseScores:
    """The scores of a weights' file over `count` held-out assets, as many of each category, each in a drawn turn."""
    grids = np.stack([canonical_grid(HELD, index) for index in range(count)])
    right, table = right_turns(grids), turns()
    given = np.random.default_rng(0).integers(24, size=count)
    began = process_time()
    likely = np.stack([turn_probabilities(grid[sources()[k]], file) for grid, k in zip(grids, given, strict=True)])
    spent = process_time() - began
    whole = table @ table[given][:, None]  # (n, 24, 3, 3): the turn that each answer makes of the asset as it was made
    number = np.abs(whole[:, :, None] - table).sum(axis=(3, 4)).argmin(axis=2)
    rows = np.arange(count)
    chosen = number[rows, likely.argmax(axis=1)]
    level = np.where(whole[:, :, 1, 1] == 1.0, likely, -1.0)
    front = number[rows, level.argmax(axis=1)]
    upright = (right & (table[None, :, 1] == table[chosen][:, None, 1]).all(axis=2)).any(axis=1)
    every, level_only = right[rows, chosen], right[rows, front]
    shares = [float(found.mean()) for found in (every, level_only, upright)]
    return PoseScores(shares[0], shares[1], shares[2], 1e3 * spent / count)
