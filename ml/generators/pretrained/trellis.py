"""TRELLIS: a picture, several, or words to a mesh with a baked colour texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from PIL import Image

from ml.asset import InputError, decode_image
from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.pictures import cut_out
from ml.generators.pretrained.raw import RawMesh, from_trimesh
from ml.generators.pretrained.seeds import global_seed
from ml.generators.protocol import InputKind, Refusal, Request

NVIDIA = Licence(
    "nvidia-source-code", "nvdiffrast, which bakes the texture, is for research and evaluation only", of="code"
)


@dataclass(frozen=True)
class TrellisOptions(PretrainedOptions):
    """What is made of the decoded shape."""

    texture: int = field(default=1024, metadata={"min": 256, "max": 4096, "help": "pixels of the baked texture's side"})
    kept_faces: float = field(default=0.05, metadata={"min": 0.01, "max": 1.0, "help": "share left by its simplifier"})


class Trellis(Pretrained):
    """One picture, or several of one object, a call. It seeds the whole process, which is undone here; the guidance
    w = 7.5 of its configuration is classifier-free guidance of 8.5, as its sampler adds 1."""

    card: ClassVar[ModelCard] = ModelCard(
        title="TRELLIS",
        source="microsoft/TRELLIS",
        revision="6b0d64751ad54d9c32d7b05fec482eb29178f56f",
        packages=("torch", "trellis", "spconv", "nvdiffrast"),
        licences=(Licence("MIT"), NVIDIA),
        weights=(Weights("microsoft/TRELLIS-image-large", gigabytes=3.3),),
        vram_gb=16.0,
        batch=1,
        seeds="global",
        up="+y",  # to_glb has turned it: the mesh before is Z up
        front="+z",
        output="texture",
    )
    name: ClassVar[str] = "trellis"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("image", "images", "prompt"))

    def load(self) -> Any:
        """TrellisImageTo3DPipeline; it also loads DINOv2 through torch.hub, once, from the network."""
        from trellis.pipelines import TrellisImageTo3DPipeline  # type: ignore[import-not-found]

        return self.placed(TrellisImageTo3DPipeline.from_pretrained(str(self.weights_folder())))

    def placed(self, pipeline: Any) -> Any:
        """On the device; its `to` returns nothing."""
        import torch

        pipeline.to(torch.device(self.device))
        return pipeline

    def item(self, request: Request) -> Item | Refusal:
        """The picture; of several views the first stands for the request."""
        if request.images and request.image is None:
            return super().item(replace(request, image=request.images[0]))
        return super().item(request)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> RawMesh | None:
        with global_seed(item.request.seed) as seed:
            made = self.run(item, seed)
            if not made["mesh"][0].success:
                return None
            return self._baked(made)

    def run(self, item: Item, seed: int) -> Any:
        """The decoded shape as mesh and as Gaussians, whose pictures the texture is baked from."""
        formats = ["mesh", "gaussian"]
        if len(item.request.images) > 1:
            return self.model.run_multi_image(self._views(item.request), seed=seed, formats=formats)
        return self.model.run(item.shown(), seed=seed, formats=formats)

    def _views(self, request: Request) -> list[Image.Image]:
        return [cut_out(decode_image(each.read()), self.options.background) for each in request.images]

    def _baked(self, made: Any) -> RawMesh | None:
        from trellis.utils import postprocessing_utils  # type: ignore[import-not-found]

        baked = postprocessing_utils.to_glb(
            made["gaussian"][0],
            made["mesh"][0],
            simplify=1.0 - self.options.kept_faces,
            texture_size=self.options.texture,
            verbose=False,
        )
        return from_trimesh(baked)


class TrellisText(Trellis):
    """Words → mesh with a baked texture."""

    card: ClassVar[ModelCard] = replace(
        Trellis.card, title="TRELLIS text", weights=(Weights("microsoft/TRELLIS-text-xlarge", gigabytes=5.0),)
    )
    name: ClassVar[str] = "trellis-text"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))

    def load(self) -> Any:
        """TrellisTextTo3DPipeline."""
        from trellis.pipelines import TrellisTextTo3DPipeline

        return self.placed(TrellisTextTo3DPipeline.from_pretrained(str(self.weights_folder())))

    def item(self, request: Request) -> Item | Refusal:
        """The words."""
        if request.prompt is None:
            return Refusal("input.missing", "trellis-text needs a prompt; trellis takes pictures")
        return Item(request, request.prompt.text)

    def run(self, item: Item, seed: int) -> Any:
        """The decoded shape."""
        if not item.text:
            raise InputError("prompt.empty", "the prompt is empty")
        return self.model.run(item.text, seed=seed, formats=["mesh", "gaussian"])
