"""Trains the models that come with the house on what its own generator makes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ml.alignment.judging import Judged
from ml.alignment.recipe import read_recipe
from tasks.portraits import DIRECTIONS, LAMP, portraits

CHECK_SEEDS = 1_000_000  # where the seeds for calibration begin; training's begin at 0, the bench's at 2,000,000


def train_alignment(recipe_file: Path, out: Path, tell: Callable[[str], None]) -> Judged:
    """Examples, training, calibration: all of it in `out`, from where a kill left it.

    Raises InputError for a wrong recipe and ModuleNotFoundError without the extra `learned`.
    """
    recipe = read_recipe(recipe_file)
    _quiet_threads()
    from ml.alignment.example_files import all_examples, kept_examples
    from ml.alignment.examples import Studio
    from ml.alignment.finishing import finish
    from ml.alignment.train import train

    workers = min(os.cpu_count() or 1, 8)
    strayed = Studio(portraits, recipe.side, DIRECTIONS, LAMP)
    made = kept_examples(out / "examples", recipe.groups, 0, strayed, False, workers, tell)
    train(recipe, all_examples(made), out, tell)
    fixed = Studio(portraits, recipe.side, DIRECTIONS, LAMP, strays=False)
    check = kept_examples(out / "check", recipe.check_groups, CHECK_SEEDS, fixed, True, workers, tell)
    return finish(out, [group for _, groups in check for group in groups], recipe.seed)


def _quiet_threads() -> None:
    """Torch's threads spin while they wait: two of them cost five times the CPU of one at these sizes."""
    import torch

    torch.set_num_threads(1)
