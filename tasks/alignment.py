"""Prompt alignment of an asset: the probability that its pictures show what the row's prompt says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.alignment.model import SHIPPED, load_alignment, pooled
from ml.alignment.scorer import read_scorer
from ml.asset import F32, Asset, InputError
from ml.captioner import is_pinned
from tasks.portraits import portraits

FEATURES = "alignment_features"  # the note with model and features of the asset, for figures over a whole run
QUALITY = "quality_features"  # the same of two models, which a scorer is fitted from where it is there
SECOND_SIDE = 224  # pixels: 16 patches of 14, which DINOv2 was trained at


@dataclass(frozen=True)
class AlignmentOptions:
    """Which model looks, who scores what it sees, and whether the gate rejects what it finds wrong."""

    model: str = field(default=SHIPPED, metadata={"help": "meshmill, a trained folder, or open_clip's NAME@WEIGHTS"})
    second: str = field(
        default="",
        metadata={"help": "DINOv2 or its like, a folder or OWNER/NAME@COMMIT, whose features the scorer also reads"},
    )
    scorer: str = field(default="", metadata={"help": "the file that `meshmill train scorer` wrote", "file": True})
    strict: bool = field(default=False, metadata={"help": "reject below the profile's limit, not only warn"})

    def __post_init__(self) -> None:
        if not is_pinned(self.second):
            raise ValueError("second: pin a revision, OWNER/NAME@COMMIT with its 40 digits")


def aligned(asset: Asset, prompt: str, options: AlignmentOptions = AlignmentOptions()) -> Asset:
    """The asset with `alignment.score` of its pictures against `prompt`, `quality.score` where a scorer is named, both
    0–1, and its features as a note.

    A prompt that the model cannot judge (the shipped one knows the factory's own categories) gets no score, with a
    note. 15 ms of CPU with the shipped model, 45 with 1K textures, most of it their decoding. Raises InputError
    `alignment.missing`, `weights.*` and `scorer.*`.
    """
    model = load_alignment(options.model)
    try:
        pictures = portraits(asset, model.side)
    except InputError as error:
        return asset.noted(alignment=f"not judged: {error.code}")
    features = model.images(pictures)
    seen = pooled(features)
    asset = asset.noted(**{FEATURES: f"{options.model} {as_text(seen)}"})
    judged = seen
    if options.second:
        judged = np.concatenate([seen, _second_features(asset, options.second)])
        asset = asset.noted(**{QUALITY: f"{options.model}+{options.second} {as_text(judged)}"})
    if options.scorer:
        asset = asset.measured({"quality.score": read_scorer(options.scorer).quality(judged)})
    if not prompt:
        return asset
    if not model.knows(prompt):
        return asset.noted(alignment="not judged: the prompt names nothing that the alignment model knows")
    metrics = {
        "alignment.score": model.score(features, prompt),
        "alignment.cosine": float(seen @ model.texts([prompt])[0]),
    }
    return asset.measured(metrics | ({"alignment.strict": 1.0} if options.strict else {}))


def _second_features(asset: Asset, name: str) -> F32:
    """(d,) unit features of the asset's pictures by a vision model that was trained without words."""
    from ml.image_features import load_image_features

    return pooled(load_image_features(name).images(portraits(asset, SECOND_SIDE)))


def as_text(features: F32) -> str:
    """(d,) features as base64 of float16, little-endian: 344 characters for the shipped model's 128."""
    return base64.b64encode(features.astype("<f2").tobytes()).decode()


def features_of(meta: Mapping[str, Any] | None, note: str = FEATURES) -> tuple[str, F32] | None:
    """(model, features) that a ledger row's meta holds, None where it holds none that can be read."""
    model, _, text = str((meta or {}).get(note, "")).rpartition(" ")
    try:
        features = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except ValueError:
        return None
    return (model, features) if model and len(features) and np.isfinite(features).all() else None
