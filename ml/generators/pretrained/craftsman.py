"""CraftsMan3D: coarse geometry from a picture in about 5 seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.raw import RawMesh
from ml.generators.pretrained.seeds import global_seed


@dataclass(frozen=True)
class CraftsManOptions(PretrainedOptions):
    """How a shape is sampled and cut."""

    steps: int = field(default=50, metadata={"min": 1, "max": 200, "help": "denoising steps"})
    guidance: float = field(default=7.5, metadata={"min": 0.0, "max": 20.0})
    depth: int = field(default=8, metadata={"min": 6, "max": 9, "help": "2 to this many cells a side"})


class CraftsMan(Pretrained):
    """One picture a call. Its `seed` makes a generator on cuda whatever the device, so chance comes from the process's
    state instead; a failed item is a mesh of None and None, of which its trimesh output would make an empty one."""

    card: ClassVar[ModelCard] = ModelCard(
        title="CraftsMan3D",
        source="wyysf-98/CraftsMan3D",
        revision="16266757c6b4e76c9a7c35a4d4cc560b8e56612c",
        packages=("torch", "craftsman", "rembg", "skimage"),
        licences=(Licence("MIT"),),
        weights=(Weights("craftsman3d/craftsman-DoraVAE", ("config.yaml", "model.ckpt"), gigabytes=6.0),),
        vram_gb=10.0,
        batch=1,
        seeds="global",
        up="+y",
        front="+z",
        output="geometry",
    )
    name: ClassVar[str] = "craftsman3d"

    def load(self) -> Any:
        """CraftsManPipeline in bfloat16."""
        import torch
        from craftsman import CraftsManPipeline  # type: ignore[import-not-found]

        dtype = torch.bfloat16 if self.device.startswith("cuda") else torch.float32
        return CraftsManPipeline.from_pretrained(str(self.weights_folder()), device=self.device, torch_dtype=dtype)

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item, as arrays."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> RawMesh | None:
        with global_seed(item.request.seed):
            vertices, faces = self.model(
                item.shown(),
                num_inference_steps=self.options.steps,
                guidance_scale=self.options.guidance,
                mc_depth=self.options.depth,
                output_type="np",
            ).meshes[0]
        return None if vertices is None else RawMesh(vertices, faces)
