"""Draws bench/pictures/shapes.jpg: prompts by seeds, pictures and sketches beside their shapes, and edits."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ml.asset import U8, Asset
from ml.field_asset import field_asset
from ml.shapes.asked import Asked
from ml.shapes.decoding import fields
from ml.shapes.drawing import draw, ready_model
from tasks.shape_edit import ShapeEditOptions, shape_edit
from tasks.shape_edit_evaluation import upper_half
from tasks.shape_picture_evaluation import UNKNOWN, by_picture, by_sketch
from tasks.shape_truths import Truth, truth_of_prompt, truths
from tasks.thumbnail import ThumbnailOptions, thumbnail

SIDE, CAPTION, COLUMNS, CELLS, BACKDROP = 220, 26, 4, 128, (246, 245, 241)
PROMPTS = ("a red wooden chair", "a tall blue ceramic vase", "a yellow truck with black tyres", "a round oak table")
EDITS = (("a white mug", "a red mug", False), ("a brown wooden chair", "a blue metal chair", True))
# Held-out texts whose shapes the evaluation's check of uprightness doubts, with their numbers there.
DOUBTED = (
    ("a narrow cyan boat that has chrome rim, high quality", 147),
    ("a 3d model of a low mid-century cactus made of canvas that has wooden body, isolated", 80),
)
SEED = 3_000_000  # as flows/evaluate.py: assets that training never saw


def main() -> None:
    """Draw and keep the picture."""
    held = list(truths(SEED, COLUMNS, "pairs"))
    edits = [f"“{old}” to “{new}”{', upper half' * half}" for old, new, half in EDITS]
    rows = [_row(f"“{prompt}”, four seeds", shapes([Asked(prompt, "", ())] * COLUMNS)) for prompt in PROMPTS]
    rows.append(_row("a picture of a held-out asset, and the shape made of it alone", _seen(held[:2])))
    rows.append(_row("a sketch, and the shape made of it alone", _sketched(held[2:])))
    rows.append(_row("redrawn: " + "; ".join(edits), [each for edit in EDITS for each in _edited(*edit)]))
    doubted = [_one(text, SEED + number) for text, number in DOUBTED]
    rows.append(_row("the two of 200 held-out texts whose uprightness the evaluation's check doubts", doubted))
    sheet = Image.new("RGB", (COLUMNS * SIDE, len(rows) * (SIDE + CAPTION)), BACKDROP)
    for place, row in enumerate(rows):
        sheet.paste(row, (0, place * (SIDE + CAPTION)))
    path = Path(__file__).parent / "pictures" / "shapes.jpg"
    sheet.save(path, quality=88)
    print(path)


def shapes(asked: Sequence[Asked]) -> list[Image.Image]:
    """What the model draws, with seeds 0, 1, …."""
    model = ready_model()
    made = fields(model, draw(model, asked, range(len(asked))), asked)
    return [_poster(field_asset(field, 1.0, CELLS, "shape")) for field in made]


def _one(text: str, seed: int) -> Image.Image:
    model, asked = ready_model(), [Asked(text, "", ())]
    (field,) = fields(model, draw(model, asked, [seed]), asked)
    return _poster(field_asset(field, 1.0, CELLS, "shape"))


def _seen(held: Sequence[Truth]) -> list[Image.Image]:
    made = shapes([by_picture(truth.example) for truth in held])
    return [each for truth, shape in zip(held, made, strict=True) for each in (_shown(truth.example.pictures), shape)]


def _sketched(held: Sequence[Truth]) -> list[Image.Image]:
    made = shapes([by_sketch(truth.example) for truth in held])
    return [each for truth, shape in zip(held, made, strict=True) for each in (_shown(truth.example.sketches), shape)]


def _shown(pictures: U8) -> Image.Image:
    return Image.fromarray(pictures[UNKNOWN]).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _edited(old: str, new: str, half: bool) -> list[Image.Image]:
    truth = truth_of_prompt(old, 1)
    assert truth is not None
    region = upper_half(truth.asset).text() if half else ""
    return [_poster(truth.asset), _poster(shape_edit(truth.asset, ShapeEditOptions(new, region=region)))]


def _poster(asset: Asset) -> Image.Image:
    return Image.open(io.BytesIO(thumbnail(asset, ThumbnailOptions(size=SIDE))))


def _row(caption: str, cells: Sequence[Image.Image]) -> Image.Image:
    drawn = Image.new("RGB", (COLUMNS * SIDE, SIDE + CAPTION), BACKDROP)
    for place, cell in enumerate(cells):
        drawn.paste(cell, (place * SIDE, 0))
    ImageDraw.Draw(drawn).text((8, SIDE + 4), caption, (29, 29, 27), ImageFont.load_default(14))
    return drawn


if __name__ == "__main__":
    main()
