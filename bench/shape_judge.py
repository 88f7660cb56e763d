"""Trains the judge of categories on true shapes and measures it on others; writes tasks/weights/."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from tasks.shape_categories import load_judge
from tasks.shape_category_training import SEED, train
from tasks.shape_truths import truths

SHAPES = 3840  # 80 of each category, of every split: the judge is no part of what is judged
UNSEEN, BAR = 480, 0.99


def measure() -> Iterator[Figure]:
    """The share of unseen true shapes whose category the judge tells."""
    train(truths(SEED, SHAPES, None))
    judge = load_judge()
    found = [judge.category(truth.body) == truth.category for truth in truths(SEED + 1, UNSEEN, None)]
    yield Figure(
        f"judge of categories: {UNSEEN} unseen true shapes told right", float(np.mean(found)), "", BAR, "higher"
    )


if __name__ == "__main__":
    main(measure, __doc__ or "")
