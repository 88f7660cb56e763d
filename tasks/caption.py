"""Captions an asset at three lengths: by a vision-language model where its weights are there, else from metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ml.alignment.model import SHIPPED, Alignment, load_alignment, pooled
from ml.asset import F32, Asset, InputError
from ml.captioner import PACKAGES, QUESTIONS, Captioner, is_pinned, load_captioner, weights_folder
from ml.generators.pretrained.shelf import LEARNED, Missing, missing_cuda, missing_modules
from tasks.caption_words import metadata_captions
from tasks.portraits import portraits

LENGTHS = ("short", "medium", "long")


@dataclass(frozen=True)
class CaptionOptions:
    """Who looks, who ranks what is said, and how many words at once."""

    model: str = field(
        default="", metadata={"help": "a folder, or OWNER/NAME@COMMIT of the hub's cache; empty for metadata alone"}
    )
    alignment: str = field(
        default=SHIPPED, metadata={"help": "ranks the candidates: meshmill, or open_clip's NAME@FILE.safetensors"}
    )
    size: int = field(default=384, metadata={"min": 64, "max": 2048, "help": "pixels a side of what the model sees"})
    batch: int = field(default=3, metadata={"min": 1, "max": 64, "help": "pictures that are captioned at once"})
    device: str = field(default="cpu", metadata={"help": "cpu, cuda or cuda:N"})

    def __post_init__(self) -> None:
        if not is_pinned(self.model):
            raise ValueError("model: pin a revision, OWNER/NAME@COMMIT with its 40 digits")

    def lacks(self) -> list[Missing]:
        """What the model that it names lacks on this machine: nothing that stands in a run's way."""
        if not self.model:
            return []
        absent = [*missing_modules(PACKAGES, LEARNED), *missing_cuda(self.device)]
        try:
            weights_folder(self.model)
        except InputError as error:
            absent.append(Missing("model.missing-weights", error.message))
        return [each.done_without("captions are made of metadata") for each in absent]


def caption(asset: Asset, options: CaptionOptions = CaptionOptions()) -> Asset:
    """The asset with the notes `caption_short`, `caption_medium`, `caption_long` and `caption_by`.

    Each of three views of the asset, as it came with its textures, is asked for each length; of the three answers the
    one that the alignment model finds nearest to the renders stays (as Cap3D does, Luo et al. 2023), its cosine is
    `caption.cosine`. What metadata says is always noted too (`caption_metadata`), and is the caption where no weights
    are: `caption_by` then holds the code, `metadata: weights.missing`, or `none: caption.nothing-known`.
    Raises InputError as `portraits` and `load_alignment` do.
    """
    known = metadata_captions(asset)
    if known:
        asset = asset.noted(caption_metadata=known[2])
    if not options.model:
        return _from_metadata(asset, known, "")
    try:
        captioner = load_captioner(options.model, options.batch, options.device)
    except InputError as error:
        return _from_metadata(asset, known, error.code)
    said, cosine = _looked_at(asset, captioner, options)
    if not all(said):
        return _from_metadata(asset, known, "caption.empty")
    asset = asset.noted(caption_by=options.model, **_named(said))
    return asset.measured({"caption.metadata": 0.0, **cosine})


def _looked_at(asset: Asset, captioner: Captioner, options: CaptionOptions) -> tuple[list[str], dict[str, float]]:
    """The best answer at each length, and the mean cosine of those that could be ranked."""
    shown = asset.source or asset
    judge = load_alignment(options.alignment)
    seen = pooled(judge.images(portraits(shown, judge.side)))
    pictures = portraits(shown, options.size)
    ranked = [best_of(captioner.answers(pictures, question), seen, judge) for question in QUESTIONS]
    cosines = [cosine for _, cosine in ranked if cosine is not None]
    return [text for text, _ in ranked], {"caption.cosine": float(np.mean(cosines))} if cosines else {}


def best_of(texts: Sequence[str], seen: F32, judge: Alignment) -> tuple[str, float | None]:
    """The text whose features are nearest to those of the pictures, (d,), and its cosine.

    Texts that the model cannot judge (the shipped one knows the factory's categories) come last; where it can judge
    none of them, the first view's stands.
    """
    able = [text for text in texts if judge.knows(text)]
    if not able:
        return next((text for text in texts if text), ""), None
    cosines = judge.texts(able) @ seen
    best = int(cosines.argmax())
    return able[best], float(cosines[best])


def _from_metadata(asset: Asset, known: tuple[str, str, str] | None, code: str) -> Asset:
    """The captions that metadata gives, and why nobody looked."""
    asset = asset.measured({"caption.metadata": 1.0})
    if known is None:
        return asset.noted(caption_by="none: caption.nothing-known" + (f", {code}" if code else ""))
    return asset.noted(caption_by=f"metadata: {code}" if code else "metadata", **_named(known))


def _named(said: Sequence[str]) -> dict[str, str]:
    return {f"caption_{length}": text for length, text in zip(LENGTHS, said, strict=True)}
