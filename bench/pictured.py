"""One picture of an asset: the `shapes` generator against `inflate`, and what either takes of things it never saw.

Held-out assets are shown by the picture and by the sketch of an unknown direction; `inflate`, which knows no other
side than the one it sees, also gets the view from the front and the better of its two answers counts. Things never seen
are the real meshes of bench/meshes.py, from two directions.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from meshes import real

from ml.asset import U8, Asset, InputError, Material, make_part
from ml.generators.inflate import Inflate
from ml.generators.protocol import Refusal, Request
from ml.generators.shapes import Shapes, ShapesOptions
from ml.sources import Source
from tasks.shape_body import Body, make_body
from tasks.shape_figures import volume_iou
from tasks.shape_pictures import pictures_and_sketches
from tasks.shape_truths import Truth, truths

SAMPLES = int(os.environ.get("SAMPLES", "48"))
SEED, POINTS = 3_000_000, 20_000
SHOWN, SIDE, CELLS = 96, 384, 128  # pixels of a drawing and of the file, cells of a shape
FRONT, UNKNOWN = 0, 4  # pictures of an example
STRANGE = ((25.0, 15.0), (-40.0, 20.0))  # azimuth and elevation of real meshes, degrees
KNOWN = ("chair", "truck", "beetle", "teapot", "mug")  # real meshes of things that are in the vocabulary


@dataclass(frozen=True)
class Answer:
    """What both generators made of one asset's picture or sketch: volume IoU, and what the shape model took it for."""

    shapes: float | None  # None where it was refused
    inflated: float
    named: bool


def measure() -> Iterator[Figure]:
    """Held-out pictures and sketches, then strange ones."""
    held = [
        each
        for both in zip_longest(*(truths(SEED, SAMPLES // 2, s) for s in ("pairs", "region")))
        for each in both
        if each
    ]
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for kind in ("image", "sketch"):
            yield from compared(kind, [desk.answer(kind, truth) for truth in held])
        yield from strange(desk)


def compared(kind: str, answers: Sequence[Answer]) -> Iterator[Figure]:
    """Of the pictures that the shape model takes, and how many those are."""
    taken = [each for each in answers if each.shapes is not None]
    ours, theirs = (float(np.mean([getattr(each, name) for each in taken])) for name in ("shapes", "inflated"))
    what = f"{kind}: volume IoU where `shapes` is sure ({len(taken)} of {len(answers)})"
    yield Figure(what, ours, "", theirs, "higher", "inflate", theirs)
    yield Figure(
        f"{kind}: rightly named where it is sure", float(np.mean([each.named for each in taken])), "", 0.95, "higher"
    )


def strange(desk: Desk) -> Iterator[Figure]:
    """Real meshes of things that are not in the vocabulary, where there are any."""
    seen = refused = 0
    for name, points, faces in real():
        if any(word in name.lower() for word in KNOWN):
            continue
        clay = make_part(points, faces, material=Material(base_color=(0.5, 0.4, 0.3, 1.0)))
        pictures, sketches = pictures_and_sketches(Asset((clay,)), SHOWN, STRANGE)
        for kind, shown in (("image", pictures), ("sketch", sketches)):
            made = [desk.shapes.generate([desk.request(kind, each)])[0] for each in shown]
            seen, refused = seen + len(made), refused + sum(isinstance(each, Refusal) for each in made)
    if seen:
        what = f"refused of {seen} pictures and sketches of things never seen"
        yield Figure(what, refused / seen, "", None, "higher")


class Desk:
    """Both generators, and a folder for the pictures they are given."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder, count()
        self.shapes, self.inflate = Shapes(ShapesOptions(resolution=CELLS)), Inflate()

    def answer(self, kind: str, truth: Truth) -> Answer:
        """Of the unknown view; `inflate` may see the front as well."""
        drawings = truth.example.pictures if kind == "image" else truth.example.sketches
        first, front = (self.request(kind, drawings[view]) for view in (UNKNOWN, FRONT))
        made = self.shapes.generate([first])[0]
        inflated = max(self._inflated(each, truth.body) for each in (first, front))
        if isinstance(made, Refusal):
            return Answer(None, inflated, False)
        named = made.notes.get("category") == truth.category
        return Answer(volume_iou(truth.body, body_of(made), POINTS), inflated, named)

    def _inflated(self, request: Request, true: Body) -> float:
        try:
            return volume_iou(true, body_of(self.inflate.generate([request])[0]), POINTS)
        except InputError:  # no closed outline
            return 0.0

    def request(self, kind: str, picture: U8) -> Request:
        """A row's, with the picture as a file of the size that people send."""
        path = self.folder / f"{next(self.files)}.png"
        Image.fromarray(picture).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(path)
        source = Source(str(path), str(self.folder))
        return Request("shown", 7, None, image=source) if kind == "image" else Request("shown", 7, None, sketch=source)


def body_of(asset: Asset | Refusal) -> Body:
    """An asset for `volume_iou`; its looks are not asked for."""
    assert isinstance(asset, Asset)
    points, faces, _ = asset.merged()
    return make_body(points, faces, lambda points: np.zeros((len(points), 8), np.float32))


if __name__ == "__main__":
    main(measure, __doc__ or "")
