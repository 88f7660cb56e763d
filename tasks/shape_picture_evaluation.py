"""Figures of a shape model on pictures of held-out assets: photographs, sketches, several views, and texts beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ml.shapes.asked import Asked
from ml.shapes.example import PICTURE, SKETCH, ShapeExample
from tasks.figures import Figure
from tasks.shape_body import Body
from tasks.shape_categories import Judge
from tasks.shape_evaluation import categories, solid
from tasks.shape_figures import volume_iou
from tasks.shape_makers import Maker
from tasks.shape_outlines import outline_iou
from tasks.shape_truths import Truth

POINTS = 20_000  # of a volume: the mean over 50 shapes is off by 0.001
UNKNOWN, AROUND = 4, (0, 1, 2, 3)  # pictures of an example: the first seeded one; front, right, back and left


def pictures_to_shape(maker: Maker, truths: Sequence[Truth], judge: Judge, seed: int) -> Iterator[Figure]:
    """The same held-out assets by one picture from a direction that is not told, by a sketch from there, by four views,
    by their longest caption, and by picture and caption; volumes are compared as they stand, unaligned."""
    examples, seeds = [truth.example for truth in truths], range(seed, seed + len(truths))
    image, sketch, views, text, both = (
        maker.made([ask(example) for example in examples], seeds)
        for ask in (by_picture, by_sketch, by_views, by_text, by_both)
    )
    one, four, told, mixed = (_iou(truths, bodies) for bodies in (image, views, text, both))
    yield Figure(f"image: volume IoU in canonical pose ({len(truths)} held-out assets)", one, "", 0.6, "higher")
    yield Figure("image: IoU of the outline from the picture's view", _outlines(truths, image), "", 0.85, "higher")
    yield categories("image", image, truths, judge)
    yield categories("sketch", sketch, truths, judge, bar=0.85)
    yield Figure("sketch: volume IoU", _iou(truths, sketch), "", better="higher")
    yield Figure("four views: volume IoU", four, "", one, "higher", "one view", one)
    yield Figure("text alone: volume IoU", told, "", better="higher")
    better = max(one, told)
    yield Figure("text and image: volume IoU", mixed, "", better, "higher", "the better of the two alone", better)
    yield from solid("pictures", [*image, *sketch, *views, *both])


def by_picture(example: ShapeExample) -> Asked:
    """One picture from somewhere in front."""
    return Asked("", "", ((example.pictures[UNKNOWN], PICTURE, 0),))


def by_sketch(example: ShapeExample) -> Asked:
    """The sketch of the same view."""
    return Asked("", "", ((np.repeat(example.sketches[UNKNOWN, ..., None], 3, axis=2), SKETCH, 0),))


def by_views(example: ShapeExample) -> Asked:
    """Front, right, back and left."""
    return Asked("", "", tuple((example.pictures[k], PICTURE, k + 1) for k in AROUND))


def by_text(example: ShapeExample) -> Asked:
    """The longest caption."""
    return Asked(example.captions[0], "", ())


def by_both(example: ShapeExample) -> Asked:
    """The longest caption and one picture."""
    return Asked(example.captions[0], "", by_picture(example).pictures)


def batches(maker: Maker, truths: Sequence[Truth], seed: int) -> Iterator[Figure]:
    """The same rows with the same seeds, each alone and all at once."""
    asked, seeds = [Asked(truth.captions[0], "", ()) for truth in truths], range(seed, seed + len(truths))
    alone, at_once = maker.made(asked, seeds, 1), maker.made(asked, seeds, len(asked))
    least = min((_alike(*pair) for pair in zip(alone, at_once, strict=True)), default=1.0)
    yield Figure(f"least volume IoU of a shape made alone and in a batch of {len(truths)}", least, "", 0.99, "higher")


def _alike(first: Body | None, second: Body | None) -> float:
    return volume_iou(first, second, POINTS) if first and second else float(first is second)


def _iou(truths: Sequence[Truth], bodies: Sequence[Body | None]) -> float:
    pairs = zip(truths, bodies, strict=True)
    return float(np.mean([volume_iou(truth.body, body, POINTS) if body else 0.0 for truth, body in pairs]))


def _outlines(truths: Sequence[Truth], bodies: Sequence[Body | None]) -> float:
    found = []
    for truth, body in zip(truths, bodies, strict=True):
        azimuth, elevation = truth.example.directions[UNKNOWN]
        found.append(outline_iou(truth.body, body, float(azimuth), float(elevation)) if body else 0.0)
    return float(np.mean(found))
