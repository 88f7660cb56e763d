"""Hunyuan3D: 2mini-turbo and 2.1, geometry from a picture, under Tencent's licences and outside their barred places."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import OUTSIDE_TENCENT, Licence, ModelCard, Weights
from ml.generators.pretrained.raw import RawMesh, from_trimesh
from ml.generators.pretrained.seeds import generators
from ml.generators.pretrained.shelf import models_folder

TERMS = (
    "not in the EU, the UK or South Korea, outputs included; a licence of Tencent's own above 1 million monthly users; "
    "outputs may not improve other AI models"
)
FOLDERS = "HY3DGEN_MODELS"  # where its loader looks before it asks the hub: <folder>/<owner>/<name>/<subfolder>


@dataclass(frozen=True)
class HunyuanMiniOptions(PretrainedOptions):
    """How a shape is sampled and cut."""

    steps: int = field(default=5, metadata={"min": 1, "max": 100, "help": "denoising steps"})
    guidance: float = field(default=5.0, metadata={"min": 0.0, "max": 20.0})
    octree: int = field(default=380, metadata={"min": 64, "max": 512, "help": "cells a side"})
    chunk: int = field(default=20_000, metadata={"min": 1000, "max": 1_000_000, "help": "points decoded at once"})


@dataclass(frozen=True)
class HunyuanOptions(HunyuanMiniOptions):
    """How a shape is sampled and cut."""

    steps: int = field(default=50, metadata={"min": 1, "max": 100, "help": "denoising steps"})
    octree: int = field(default=384, metadata={"min": 64, "max": 512, "help": "cells a side"})
    chunk: int = field(default=8000, metadata={"min": 1000, "max": 1_000_000, "help": "points decoded at once"})


class HunyuanMini(Pretrained):
    """A list of pictures a call, a generator each; an item whose surface fails comes back as None.

    Loaded by its hub's name and never by a path: `enable_flashvdm` finds the turbo decoder by the name's last part and
    would else keep the slow one without a word.
    """

    card: ClassVar[ModelCard] = ModelCard(
        title="Hunyuan3D-2mini-turbo",
        source="Tencent-Hunyuan/Hunyuan3D-2",
        revision="9bcf3028145311cbea5c127aed19717833b3a35f",
        packages=("torch", "hy3dgen", "trimesh"),
        licences=(Licence("tencent-hunyuan-3d-2.0-community", TERMS, OUTSIDE_TENCENT),),
        weights=(
            Weights(
                "tencent/Hunyuan3D-2mini",
                ("hunyuan3d-dit-v2-mini-turbo/*", "hunyuan3d-vae-v2-mini-turbo/*"),
                gigabytes=4.0,
            ),
        ),
        vram_gb=6.0,
        batch=4,
        seeds="each",
        up="+y",
        front="+z",
        output="geometry",
    )
    name: ClassVar[str] = "hunyuan3d-2mini-turbo"

    def load(self) -> Any:
        """Hunyuan3DDiTFlowMatchingPipeline with the turbo decoder."""
        os.environ[FOLDERS] = str(models_folder())
        from hy3dgen.shapegen import Hunyuan3DDiTFlowMatchingPipeline  # type: ignore[import-not-found]

        pipeline = self._loaded(Hunyuan3DDiTFlowMatchingPipeline, "hunyuan3d-dit-v2-mini-turbo")
        pipeline.enable_flashvdm(topk_mode="merge")
        return pipeline

    def _loaded(self, pipeline: Any, subfolder: str) -> Any:
        repository = self.card.weights[0].repository
        return pipeline.from_pretrained(repository, subfolder=subfolder, use_safetensors=False, device=self.device)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call for all."""
        meshes = self.model(
            image=[item.shown() for item in items],
            num_inference_steps=self.options.steps,
            guidance_scale=self.options.guidance,
            octree_resolution=self.options.octree,
            num_chunks=self.options.chunk,
            generator=generators([item.request.seed for item in items], self.device),
            output_type="trimesh",
            enable_pbar=False,
        )
        return [from_trimesh(mesh) for mesh in meshes]


class Hunyuan21(HunyuanMini):
    """The same call with 3.3 billion parameters; our chain textures what it makes."""

    card: ClassVar[ModelCard] = replace(
        HunyuanMini.card,
        title="Hunyuan3D-2.1",
        source="Tencent-Hunyuan/Hunyuan3D-2.1",
        revision="5e3ec6def57591d22ff44722cfe9bea1266084b0",
        packages=("torch", "hy3dshape", "trimesh"),
        licences=(Licence("tencent-hunyuan-3d-2.1-community", TERMS, OUTSIDE_TENCENT),),
        weights=(Weights("tencent/Hunyuan3D-2.1", ("hunyuan3d-dit-v2-1/*", "hunyuan3d-vae-v2-1/*"), gigabytes=7.5),),
        vram_gb=10.0,
        batch=2,
    )
    name: ClassVar[str] = "hunyuan3d-2.1"

    def load(self) -> Any:
        """Hunyuan3DDiTFlowMatchingPipeline."""
        os.environ[FOLDERS] = str(models_folder())
        from hy3dshape.pipelines import Hunyuan3DDiTFlowMatchingPipeline  # type: ignore[import-not-found]

        return self._loaded(Hunyuan3DDiTFlowMatchingPipeline, "hunyuan3d-dit-v2-1")
