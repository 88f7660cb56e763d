"""What requests ask of the shape model, apart from torch: texts, what is unwanted, and framed pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.asset import U8
from ml.generators.protocol import Request
from ml.prompt import Prompt
from ml.shapes.example import PICTURE, SIDE, SKETCH
from ml.shapes.pictures import framed_photo, framed_sketch
from ml.views import View, find_views
from ml.vocabulary import PARTS

MOST_PICTURES = 4  # of an asset: more are never seen in training
NEAR = 20.0  # degrees that a camera may be off the front, right, back or left to be named so


@dataclass(frozen=True)
class Asked:
    """One asset's conditions; texts are "" where there are none."""

    text: str
    unwanted: str
    pictures: tuple[tuple[U8, int, int], ...]  # (SIDE, SIDE, 3), kind, view as `view_number`


def asked_of(request: Request, text: str) -> Asked:
    """The request's pictures framed, views first; raises InputError `image.*`, `images.cameras`, `input.*`."""
    found: list[tuple[U8, int, int]] = []
    if request.images:
        views = [view_number(view) for view in find_views(request.images)]
        order = sorted(range(len(views)), key=lambda at: (views[at] == 0, at))[:MOST_PICTURES]
        found += [(framed_photo(request.images[at].read()), PICTURE, views[at]) for at in order]
    if request.image is not None:
        found.append((framed_photo(request.image.read()), PICTURE, 0))
    if request.sketch is not None:
        found.append((framed_sketch(request.sketch.read()), SKETCH, 0))
    return Asked(text, unwanted(request.prompt) if text else "", tuple(found[-MOST_PICTURES:]))


def unwanted(prompt: Prompt | None) -> str:
    """What the prompt refuses as a prompt of its own: 'a chair, not metal, without arms' → 'metal chair with arms'."""
    if prompt is None or not prompt.negatives:
        return ""
    parts = [name for name in prompt.negatives if name.split(" ")[-1] in PARTS.values()]
    words = [name for name in prompt.negatives if name not in parts]
    return " ".join([*words, prompt.subject, *(["with", " and ".join(parts)] if parts else [])])


def view_number(view: View) -> int:
    """1–4 for a camera in front, on the right (+X), behind or on the left, near its height; else 0."""
    x, y, z = view.pose[:3, 2]
    azimuth, elevation = np.degrees(np.arctan2(x, z)) % 360.0, np.degrees(np.arcsin(np.clip(y, -1.0, 1.0)))
    turn = round(azimuth / 90.0)
    near = abs(azimuth - 90.0 * turn) <= NEAR and abs(elevation) <= NEAR + 10.0
    return turn % 4 + 1 if near else 0


def pictures_of(asked: Sequence[Asked]) -> tuple[U8, list[list[int]], list[list[int]]]:
    """(b, k, SIDE, SIDE, 3) pictures, and (b, k) kinds and views, 0 where an asset has fewer than others."""
    slots = max((len(each.pictures) for each in asked), default=0)
    shown = np.zeros((len(asked), slots, SIDE, SIDE, 3), np.uint8)
    kinds, views = ([[0] * slots for _ in asked] for _ in range(2))
    for row, each in enumerate(asked):
        for slot, (picture, kind, view) in enumerate(each.pictures):
            shown[row, slot], kinds[row][slot], views[row][slot] = picture, kind, view
    return shown, kinds, views
