"""Tags an asset by zero-shot classification of its pictures: a column for every data set, a measure for its filters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ml.alignment.model import OpenClipAlignment, load_alignment
from ml.alignment.zero_shot import chances, class_features
from ml.asset import F32, Asset, InputError
from tasks.portraits import portraits

# Name of the tag and what is asked: traits that Objaverse++ (Lin et al. 2025) and Step1X-3D sort by, then kinds.
TAGS = {
    "figure": "a human figure or character",
    "animal": "an animal",
    "vehicle": "a vehicle",
    "building": "a building",
    "scene": "a scene with several objects",
    "furniture": "a piece of furniture",
    "plant": "a plant",
    "food": "food",
    "clothing": "a piece of clothing",
    "weapon": "a weapon",
    "machine": "a machine or mechanical part",
    "vessel": "a vase, cup or pot",
    "text": "letters or a logo",
    "abstract": "an abstract shape",
}
NAME = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True)
class TagOptions:
    """Which model of open_clip looks, and what it tells apart."""

    model: str = field(default="", metadata={"help": "open_clip's NAME@FILE.safetensors or local-dir:FOLDER"})
    tags: tuple[str, ...] = field(default=(), metadata={"help": "NAME=what is asked, each; empty for the shipped ones"})

    def __post_init__(self) -> None:
        for each in self.tags:
            name, _, asked = each.partition("=")
            if not NAME.fullmatch(name) or not asked.strip():
                raise ValueError(f"tags: {each!r} is not NAME=what is asked, as figure=a human figure")


def tag(asset: Asset, options: TagOptions = TagOptions()) -> Asset:
    """The asset with the likeliest tag noted (`tag`) and `tag.NAME`, the probability of each, measured.

    A profile's rule on `tag.figure` makes it a filter. Without weights the note is `none: weights.missing` and nothing
    is measured, so that a rule on a tag says it could not be judged. The shipped alignment model knows the 48
    categories of the generator and does not tag: of 15 public meshes the nearest of these told the kind of 2 (animals
    and figures are mushrooms to it). Raises InputError as `portraits`.
    """
    wanted = dict(each.split("=", 1) for each in options.tags) or TAGS
    try:
        model, classes = _classes(options.model, tuple(wanted.values()))
    except InputError as error:
        return asset.noted(tag=f"none: {error.code}")
    found = chances(model, model.images(portraits(asset.source or asset, model.side)), classes)
    names = [*wanted]
    measured = {f"tag.{name}": float(chance) for name, chance in zip(names, found, strict=True)}
    return asset.noted(tag=names[int(np.argmax(found))]).measured(measured)


@lru_cache(maxsize=2)
def _classes(name: str, asked: tuple[str, ...]) -> tuple[OpenClipAlignment, F32]:
    """The model and the features of what is asked; raises InputError `weights.missing`."""
    if not name:
        raise InputError("weights.missing", "no open_clip model is named")
    try:
        model = load_alignment(name)
    except InputError as error:
        raise InputError("weights.missing", error.message) from error
    if not isinstance(model, OpenClipAlignment):
        raise InputError("weights.missing", f"{name} is the factory's own model, which knows no such words")
    return model, class_features(model, asked)
