"""Canonical pose: how often held-out procedural assets in any of 24 turns are brought back to their feet and front."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from ml.canonical_pose import WEIGHTS, sources, turn_probabilities, turns
from tasks.pose_training import canonical_grid, right_turns

HELD, COUNT = 9, 960  # another seed than training's; twenty of each category


def measure() -> Iterator[Figure]:
    """Right is a turn that leaves the surface where it was made; of all 24, about the vertical, and of the axis up."""
    grids = np.stack([canonical_grid(HELD, index) for index in range(COUNT)])
    right, table = right_turns(grids), turns()
    given = np.random.default_rng(0).integers(24, size=COUNT)
    began = process_time()
    likely = np.stack([turn_probabilities(grid[sources()[k]]) for grid, k in zip(grids, given, strict=True)])
    spent = process_time() - began
    whole = table @ table[given][:, None]  # (n, 24, 3, 3): the turn that each answer makes of the asset as it was made
    number = np.abs(whole[:, :, None] - table).sum(axis=(3, 4)).argmin(axis=2)
    rows = np.arange(COUNT)
    chosen = number[rows, likely.argmax(axis=1)]
    level = np.where(whole[:, :, 1, 1] == 1.0, likely, -1.0)
    front = number[rows, level.argmax(axis=1)]
    upright = (right & (table[None, :, 1] == table[chosen][:, None, 1]).all(axis=2)).any(axis=1)
    yield Figure(f"{COUNT} held-out assets in any turn: brought back", right[rows, chosen].mean(), "", 0.95, "higher")
    yield Figure("… turned about the vertical alone: to the front", right[rows, front].mean(), "", 0.95, "higher")
    yield Figure("… in any turn: the right axis up", upright.mean(), "", None, "higher")
    yield Figure("a decision, sampling of the surface left out", 1e3 * spent / COUNT, "CPU-ms")
    yield Figure("weights", WEIGHTS.stat().st_size / 1e3, "kB", 300.0)


if __name__ == "__main__":
    main(measure, __doc__ or "")
