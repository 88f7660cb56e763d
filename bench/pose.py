"""Canonical pose: how often held-out procedural assets in any of 24 turns are brought back to their feet and front."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from ml.canonical_pose import WEIGHTS
from tasks.pose_evaluation import judge_pose

COUNT = 960  # twenty of each category


def measure() -> Iterator[Figure]:
    """Right is a turn that leaves the surface where it was made; of all 24, about the vertical, and of the axis up."""
    found = judge_pose(COUNT)
    yield Figure(f"{COUNT} held-out assets in any turn: brought back", found.every, "", 0.95, "higher")
    yield Figure("… turned about the vertical alone: to the front", found.front, "", 0.95, "higher")
    yield Figure("… in any turn: the right axis up", found.upright, "", None, "higher")
    yield Figure("a decision, sampling of the surface left out", found.milliseconds, "CPU-ms")
    yield Figure("weights", WEIGHTS.stat().st_size / 1e3, "kB", 300.0)


if __name__ == "__main__":
    main(measure, __doc__ or "")
