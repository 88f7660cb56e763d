"""Trains the network that brings meshes to their canonical pose, and judges it on assets that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tasks.pose_evaluation import PoseScores, judge_pose
from tasks.pose_training import kept_grids, read_pose_recipe, train_pose

WEIGHTS = "canonical_pose.npz"  # as ml.canonical_pose names its own


def train_pose_model(recipe_file: Path, out: Path, tell: Callable[[str], None], held: int = 960) -> PoseScores:
    """Examples in `out`/examples, which a killed training goes on from, and the weights in `out`; scores of `held`
    held-out assets. Raises RecipeError, and ModuleNotFoundError without the extra `learned`.
    """
    recipe = read_pose_recipe(recipe_file)
    weights = train_pose(recipe, kept_grids(recipe, out / "examples", tell), tell)
    temporary = out / f"part-{WEIGHTS}"
    np.savez(temporary, **weights)  # type: ignore[arg-type]
    temporary.replace(out / WEIGHTS)
    return judge_pose(held, out / WEIGHTS)
