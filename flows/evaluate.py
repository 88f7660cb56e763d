"""Evaluates the shape model on assets that its training never saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tasks.figures import Figure
from tasks.shape_categories import load_judge
from tasks.shape_evaluation import autoencoder, text_to_shape
from tasks.shape_makers import Maker, ModelMaker
from tasks.shape_picture_evaluation import batches, pictures_to_shape
from tasks.shape_truths import truths

SEED = 3_000_000  # of everything drawn here; those of training begin at 0
MAX_BATCH = 8  # rows that are made alone and at once


def load_maker(folder: str) -> ModelMaker:
    """The model in a folder, or the shipped one for ""; raises InputError `weights.*`."""
    from ml.shapes.drawing import ready_model

    return ModelMaker(ready_model(folder))


def evaluate(maker: Maker, samples: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """The figures as they come: texts of `samples` held-out assets, half of pairs of words and half of proportions
    that training leaves out; half as many through the autoencoder, a quarter by pictures."""
    tell("drawing held-out assets")
    half = samples // 2
    held = [*truths(SEED, samples - half, "pairs"), *truths(SEED, half, "region")]
    held = [held[k] for k in sorted(range(samples), key=lambda k: k % max(samples - half, 1))]  # in turn
    seen, judge = list(truths(SEED + 1, samples, "train")), load_judge()
    tell("autoencoder")
    yield from autoencoder(maker, held[: max(half, 1)])
    tell("text to shape")
    yield from text_to_shape(maker, held, seen, judge, SEED)
    tell("pictures to shape")
    yield from pictures_to_shape(maker, held[: max(samples // 4, 1)], judge, SEED)
    yield from batches(maker, held[:MAX_BATCH], SEED)
