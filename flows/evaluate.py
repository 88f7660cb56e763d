"""Evaluates the shape model on assets that its training never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest

from tasks.figures import Figure
from tasks.shape_categories import load_judge
from tasks.shape_edit_evaluation import edits
from tasks.shape_evaluation import autoencoder, text_to_shape
from tasks.shape_makers import Maker, ModelMaker
from tasks.shape_picture_evaluation import batches, pictures_to_shape
from tasks.shape_truths import truths

SEED = 3_000_000  # of everything drawn here; those of training begin at 0
FEW = 8  # assets that are made alone and at once, and edited


def evaluate(folder: str, samples: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """The figures as they come, of the model in a folder or for "" of the shipped one: texts of `samples` held-out
    assets, half of pairs of words and half of proportions that training leaves out; half as many through the
    autoencoder, a quarter by pictures, a few edited. Raises InputError `weights.*`."""
    from ml.shapes.drawing import ready_model

    maker: Maker = ModelMaker(ready_model(folder))
    tell("drawing held-out assets")
    pairs, regions = truths(SEED, samples - samples // 2, "pairs"), truths(SEED, samples // 2, "region")
    held = [truth for both in zip_longest(pairs, regions) for truth in both if truth]
    seen, judge = list(truths(SEED + 1, samples, "train")), load_judge()
    tell("autoencoder")
    yield from autoencoder(maker, held[: max(samples // 2, 1)])
    tell("text to shape")
    yield from text_to_shape(maker, held, seen, judge, SEED)
    tell("pictures to shape")
    yield from pictures_to_shape(maker, held[: max(samples // 4, 1)], judge, SEED)
    yield from batches(maker, held[:FEW], SEED)
    tell("edits")
    yield from edits(folder, held[:FEW], SEED % 2**31)
