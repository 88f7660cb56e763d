"""TripoSR: a picture in, vertex colours out, in under a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.pictures import on_paper
from ml.generators.pretrained.raw import RawMesh, from_trimesh

GREY = 128  # the backdrop it was trained on: run.py composes over 0.5


@dataclass(frozen=True)
class TripoSROptions(PretrainedOptions):
    """How finely the surface is cut."""

    resolution: int = field(default=256, metadata={"min": 32, "max": 512, "help": "cells along a side"})


class TripoSR(Pretrained):
    """Deterministic: no seed has an effect. Its camera looks at the object from +X (tsr/utils.py, azimuth 0), Z is up;
    what its demo applies for its viewer turns the back to +Z."""

    card: ClassVar[ModelCard] = ModelCard(
        title="TripoSR",
        source="VAST-AI-Research/TripoSR",
        revision="d26e33181947bbbc4c6fc0f5734e1ec6c080956e",
        packages=("torch", "tsr.system", "trimesh"),
        licences=(Licence("MIT"),),
        weights=(Weights("stabilityai/TripoSR", ("config.yaml", "model.ckpt"), gigabytes=1.7),),
        vram_gb=6.0,
        batch=8,
        seeds="none",
        up="+z",
        front="+x",
        output="colours",
        on_cpu=True,
    )
    name: ClassVar[str] = "triposr"
    uses_seed: ClassVar[bool] = False

    def load(self) -> Any:
        """TSR."""
        from tsr.system import TSR  # type: ignore[import-not-found]

        model = TSR.from_pretrained(str(self.weights_folder()), config_name="config.yaml", weight_name="model.ckpt")
        model.renderer.set_chunk_size(8192)  # run.py's: 131,072 would need 4 GB more
        return model.to(self.device)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One pass for all, one surface each: an empty density makes marching cubes give nothing, not an error."""
        import torch

        with torch.no_grad():
            codes = self.model([on_paper(item.shown(), GREY) for item in items], device=self.device)
        meshes = self.model.extract_mesh(codes, True, resolution=self.options.resolution)
        return [from_trimesh(mesh) for mesh in meshes]
