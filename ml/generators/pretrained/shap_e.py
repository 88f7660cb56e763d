"""Shap-E, from words or a picture, as diffusers runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.pictures import on_paper
from ml.generators.pretrained.raw import RawMesh, linear_colors, to_numpy
from ml.generators.pretrained.seeds import generators
from ml.generators.protocol import InputKind, Refusal, Request

WHITE = 255
EMPTY = "non-empty list of Tensors"  # what torch says where the renderer colours the vertices of no surface
GUIDANCE_WORDS, GUIDANCE_PICTURE = 15.0, 3.0  # of diffusers' two examples


@dataclass(frozen=True)
class ShapEOptions(PretrainedOptions):
    """How a shape is sampled."""

    steps: int = field(default=64, metadata={"min": 1, "max": 256, "help": "denoising steps"})


class ShapEText(Pretrained):
    """Words → vertex colours. One prompt a call: an item of a batch differs from the same one alone by 2e-4."""

    card: ClassVar[ModelCard] = ModelCard(
        title="Shap-E",
        source="diffusers",
        revision="0.42.1",
        packages=("torch", "diffusers", "transformers"),
        licences=(Licence("MIT"),),
        weights=(Weights("openai/shap-e", gigabytes=2.0),),
        vram_gb=6.0,
        batch=1,
        seeds="each",
        up="+z",
        front="-y",
        output="colours",
        on_cpu=True,
    )
    name: ClassVar[str] = "shap-e"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))

    def load(self) -> Any:
        """ShapEPipeline."""
        from diffusers import ShapEPipeline

        return _ready(ShapEPipeline, self)

    def item(self, request: Request) -> Item | Refusal:
        """The words."""
        if request.prompt is None:
            return Refusal("input.missing", "shap-e needs a prompt; shap-e-image takes pictures")
        return Item(request, request.prompt.text)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [_decoded(self.model, self, item, item.text, GUIDANCE_WORDS) for item in items]


class ShapEImage(ShapEText):
    """A picture → vertex colours. Never a list of pictures: of one, all but the first are ignored (diffusers 13593)."""

    card: ClassVar[ModelCard] = replace(
        ShapEText.card, title="Shap-E image", weights=(Weights("openai/shap-e-img2img", gigabytes=2.0),)
    )
    name: ClassVar[str] = "shap-e-image"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("image", "prompt"))

    def load(self) -> Any:
        """ShapEImg2ImgPipeline."""
        from diffusers import ShapEImg2ImgPipeline

        return _ready(ShapEImg2ImgPipeline, self)

    def item(self, request: Request) -> Item | Refusal:
        """The picture."""
        return Pretrained.item(self, request)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [_decoded(self.model, self, item, on_paper(item.shown(), WHITE), GUIDANCE_PICTURE) for item in items]


def _ready(made: Any, adapter: Pretrained) -> Any:
    pipeline = made.from_pretrained(str(adapter.weights_folder())).to(adapter.device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _decoded(pipeline: Any, adapter: Pretrained, item: Item, shown: Any, guidance: float) -> RawMesh | None:
    """A mesh with its vertices' channels, which diffusers has made linear already; None for an empty shape, which it
    fails to colour."""
    try:
        made = pipeline(
            shown,
            num_inference_steps=adapter.options.steps,
            generator=generators([item.request.seed], adapter.device)[0],
            guidance_scale=guidance,
            output_type="mesh",
        ).images[0]
    except ValueError as error:
        if EMPTY in str(error):
            return None
        raise
    channels = np.stack([to_numpy(made.vertex_channels[name]) for name in "RGB"], axis=1)
    return RawMesh(made.verts, made.faces, linear_colors(channels, "linear"))
