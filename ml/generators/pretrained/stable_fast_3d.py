"""Stable Fast 3D: a picture to a mesh with base colour and normal textures in half a second."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.raw import RawMesh, from_trimesh

STABILITY = Licence(
    "stability-ai-community", "free below 1 million US dollars of yearly revenue, after registering for commercial use"
)


@dataclass(frozen=True)
class StableFast3DOptions(PretrainedOptions):
    """What is baked."""

    texture: int = field(default=1024, metadata={"min": 256, "max": 2048, "help": "pixels of the textures' side"})


class StableFast3D(Pretrained):
    """RGBA pictures in a list; a list of one comes back as a bare mesh. What it returns has its back to +Z: its camera
    stands on +X (sf3d/utils.py), which its two turns carry to −Z. Metallic and roughness are one number an asset, and
    each triangle has corners of its own."""

    card: ClassVar[ModelCard] = ModelCard(
        title="Stable Fast 3D",
        source="Stability-AI/stable-fast-3d",
        revision="ff21fc491b4dc5314bf6734c7c0dabd86b5f5bb2",
        packages=("torch", "sf3d.system", "texture_baker", "uv_unwrapper", "trimesh"),
        licences=(STABILITY,),
        weights=(
            Weights("stabilityai/stable-fast-3d", ("config.yaml", "model.safetensors"), gigabytes=1.0, gated=True),
        ),
        vram_gb=6.0,
        batch=4,
        seeds="none",
        up="+y",
        front="-z",
        output="texture",
    )
    name: ClassVar[str] = "stable-fast-3d"
    uses_seed: ClassVar[bool] = False

    def load(self) -> Any:
        """SF3D."""
        from sf3d.system import SF3D  # type: ignore[import-not-found]

        folder = str(self.weights_folder())
        model = SF3D.from_pretrained(folder, config_name="config.yaml", weight_name="model.safetensors")
        return model.to(self.device).eval()

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call for all, in bfloat16 on a GPU."""
        import torch

        half = torch.autocast("cuda", dtype=torch.bfloat16) if self.device.startswith("cuda") else nullcontext()
        with torch.no_grad(), half:
            made, _ = self.model.run_image(
                [item.shown() for item in items],
                bake_resolution=self.options.texture,
                remesh="none",
                vertex_count=-1,
            )
        meshes = made if isinstance(made, list) else [made]
        return [from_trimesh(mesh) if len(mesh.faces) else None for mesh in meshes]
