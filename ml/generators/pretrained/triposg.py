"""TripoSG, 1.5 billion parameters: geometry from a picture, or from a sketch with words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions, sketch_item
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.pictures import on_paper
from ml.generators.pretrained.raw import RawMesh
from ml.generators.pretrained.seeds import generators
from ml.generators.protocol import InputKind, Refusal, Request

WHITE = 255
SOURCE, REVISION = "VAST-AI-Research/TripoSG", "fc5c40990181e2a756c4e0b1c2f4d6b5202faf8c"


@dataclass(frozen=True)
class TripoSGOptions(PretrainedOptions):
    """How a shape is sampled and cut."""

    steps: int = field(default=50, metadata={"min": 1, "max": 200, "help": "denoising steps"})
    guidance: float = field(default=7.0, metadata={"min": 0.0, "max": 20.0})
    tokens: int = field(default=2048, metadata={"min": 64, "max": 8192, "help": "latent tokens of a shape"})
    octree_depth: int = field(default=9, metadata={"min": 6, "max": 10, "help": "2 to this many cells a side"})


class TripoSG(Pretrained):
    """One picture a call: its surface extraction returns the first item of a batch alone (inference_utils.py)."""

    card: ClassVar[ModelCard] = ModelCard(
        title="TripoSG",
        source=SOURCE,
        revision=REVISION,
        packages=("torch", "diffusers", "triposg", "diso"),
        licences=(Licence("MIT"),),
        weights=(Weights("VAST-AI/TripoSG", gigabytes=7.0),),
        vram_gb=8.0,
        batch=1,
        seeds="each",
        up="+y",
        front="+z",
        output="geometry",
    )
    name: ClassVar[str] = "triposg"

    def load(self) -> Any:
        """TripoSGPipeline in half precision."""
        import torch
        from triposg.pipelines.pipeline_triposg import TripoSGPipeline  # type: ignore[import-not-found]

        return TripoSGPipeline.from_pretrained(str(self.weights_folder())).to(self.device, torch.float16)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> RawMesh | None:
        return samples(
            self.model,
            image=on_paper(item.shown(), WHITE),
            generator=generators([item.request.seed], self.device)[0],
            num_inference_steps=self.options.steps,
            guidance_scale=self.options.guidance,
            num_tokens=self.options.tokens,
            flash_octree_depth=self.options.octree_depth,
        )


@dataclass(frozen=True)
class ScribbleOptions(PretrainedOptions):
    """How far the lines and the words are followed."""

    steps: int = field(default=16, metadata={"min": 1, "max": 100, "help": "denoising steps"})
    sketch_confidence: float = field(default=0.4, metadata={"min": 0.0, "max": 1.0, "help": "0.3 to 0.5 for drawings"})
    prompt_confidence: float = field(default=1.0, metadata={"min": 0.0, "max": 1.0})
    octree_depth: int = field(default=8, metadata={"min": 6, "max": 9, "help": "2 to this many cells a side"})


class TripoSGScribble(TripoSG):
    """A sketch and a prompt. Its guidance is distilled, so none is applied; the flash decoder breaks at the box."""

    card: ClassVar[ModelCard] = replace(
        TripoSG.card,
        title="TripoSG scribble",
        weights=(Weights("VAST-AI/TripoSG-scribble", gigabytes=5.0),),
        packages=("torch", "diffusers", "triposg", "skimage"),
    )
    name: ClassVar[str] = "triposg-scribble"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("sketch",))

    def load(self) -> Any:
        """TripoSGScribblePipeline in half precision."""
        import torch
        from triposg.pipelines.pipeline_triposg_scribble import (  # type: ignore[import-not-found]
            TripoSGScribblePipeline,
        )

        return TripoSGScribblePipeline.from_pretrained(str(self.weights_folder())).to(self.device, torch.float16)

    def item(self, request: Request) -> Item | Refusal:
        """The lines, and the words that say what they are."""
        if request.prompt is None:
            return Refusal("prompt.empty", "triposg-scribble needs a prompt beside the sketch")
        return sketch_item(request)

    def _one(self, item: Item) -> RawMesh | None:
        weights = {
            "cross_attention_scale": self.options.prompt_confidence,
            "cross_attention_2_scale": self.options.sketch_confidence,
        }
        return samples(
            self.model,
            image=item.drawing,
            prompt=item.text,
            generator=generators([item.request.seed], self.device)[0],
            num_inference_steps=self.options.steps,
            guidance_scale=0.0,
            attention_kwargs=weights,
            use_flash_decoder=False,
            dense_octree_depth=self.options.octree_depth,
            hierarchical_octree_depth=self.options.octree_depth,
        )


def samples(pipeline: Any, **call: Any) -> RawMesh | None:
    """What the pipeline samples; None where it found no surface, of which it then fails to make a trimesh."""
    try:
        found = pipeline(**call).samples[0]
    except AttributeError as error:
        if "NoneType" in str(error):
            return None
        raise
    return None if found is None or found[0] is None else RawMesh(found[0], found[1])
