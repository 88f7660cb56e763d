"""Figures of a shape model's edits: what a masked one leaves alone, and whether a text moves the look alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ml.alignment.model import SHIPPED, load_alignment, pooled
from ml.asset import Asset, InputError
from tasks.figures import Figure
from tasks.portraits import portraits
from tasks.region import Region
from tasks.shape_body import make_body, uniform_looks
from tasks.shape_claims import color_errors
from tasks.shape_edit import ShapeEditOptions, shape_edit
from tasks.shape_figures import volume_iou
from tasks.shape_truths import Truth

COLORS = {"red": (0.55, 0.02, 0.01), "blue": (0.02, 0.09, 0.48), "yellow": (0.86, 0.57, 0.01), "black": (0.01,) * 3}
CELLS, POINTS = 128, 20_000
STRENGTH = 0.45  # what a colour needs: parts wear it, so the shape may stay; with 0.6 its IoU is 0.77 and no more moves


def edits(model: str, truths: Sequence[Truth], seed: int) -> Iterator[Figure]:
    """Each held-out asset redrawn in the colour of four that it has least of: once as a whole, once in its upper half.

    `model` is a folder, or "" for the shipped one. Alignment is that of the shipped dual encoder, which no shape model
    was trained with. An edit that the step refuses moves nothing.
    """
    outside, toward, kept = list[float](), list[float](), list[float]()
    for truth in truths:
        prompt = f"a {_least_seen(truth)} {truth.category}"
        options = ShapeEditOptions(
            prompt, STRENGTH, upper_half(truth.asset).text(), seed, resolution=CELLS, model=model
        )
        if half := _edited(truth.asset, options):
            outside.append(half.metrics["edit.outside_percent"])
        whole = _edited(truth.asset, ShapeEditOptions(prompt, STRENGTH, "", seed, resolution=CELLS, model=model))
        toward.append(_alignment(whole, prompt) - _alignment(truth.asset, prompt) if whole else 0.0)
        kept.append(_iou(truth, whole) if whole else 1.0)
    of = f" ({len(outside)} of {len(truths)} held-out assets changed)"
    if outside:
        name = "masked edit: farthest change outside the mask, of the diagonal"
        yield Figure(name + of, max(outside), "%", 0.5)
    moved = float(np.mean([rise > 0.0 for rise in toward]))
    yield Figure(f"text edit: moved toward the new text ({len(truths)} assets)", moved, "", 0.9, "higher")
    yield Figure("text edit: rise of the cosine with it", float(np.mean(toward)), "", better="higher")
    yield Figure("text edit to another colour: volume IoU with the old shape", float(np.mean(kept)), "", 0.8, "higher")


def upper_half(asset: Asset) -> Region:
    """A box around it."""
    low, high = asset.bounds()
    middle = (low + high) / 2.0
    reach = float((high - low).max())
    corner = (float(low[0] - reach), float(middle[1]), float(low[2] - reach))
    return Region(boxes=((*corner, float(high[0] + reach), float(high[1] + reach), float(high[2] + reach)),))


def _least_seen(truth: Truth) -> str:
    """The colour that is farthest from most of the surface."""
    errors = {name: float(np.median(color_errors(truth.body.looks, [color]))) for name, color in COLORS.items()}
    return max(errors, key=errors.__getitem__)


def _edited(asset: Asset, options: ShapeEditOptions) -> Asset | None:
    try:
        return shape_edit(asset, options)
    except InputError as error:
        if error.code.startswith("weights"):
            raise
        return None


def _alignment(asset: Asset, prompt: str) -> float:
    """Cosine of the asset's pictures with the prompt."""
    model = load_alignment(SHIPPED)
    seen = pooled(model.images(portraits(asset, model.side)))
    return float(seen @ model.texts([prompt])[0])


def _iou(truth: Truth, made: Asset) -> float:
    vertices, faces, _ = made.merged()
    return volume_iou(truth.body, make_body(vertices, faces, uniform_looks([0.0] * 8)), POINTS)
