"""TRELLIS.2, 4 billion parameters: a picture to a mesh with base colour, metallic, roughness and alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from ml.asset import Material
from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.frames import to_house
from ml.generators.pretrained.raw import RawMesh, from_trimesh, linear_colors, to_numpy
from ml.generators.pretrained.seeds import global_seed
from ml.generators.pretrained.trellis import NVIDIA

BOX = [[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]]
MOST_FACES = 16_777_216  # nvdiffrast's limit, example.py


@dataclass(frozen=True)
class Trellis2Options(PretrainedOptions):
    """Resolution, and where its colours are kept."""

    resolution: Literal["512", "1024", "1024_cascade", "1536_cascade"] = "1024_cascade"
    appearance: Literal["texture", "vertices"] = "texture"  # `vertices` does without nvdiffrast, and without metallic
    texture: int = field(default=2048, metadata={"min": 256, "max": 8192, "help": "pixels of the texture's side"})
    faces: int = field(default=1_000_000, metadata={"min": 1000, "max": MOST_FACES, "help": "left by its simplifier"})
    max_tokens: int = field(default=49_152, metadata={"min": 1024, "max": 1_000_000, "help": "above, it goes coarser"})


class Trellis2(Pretrained):
    """One picture a call. Over `max_tokens` it lowers its resolution and says so on stdout alone: it is asked for the
    latents, whose third member is the resolution, and the ledger keeps it. Two repositories that it loads by name are
    gated, which shows only after the download of the rest (its issue 38)."""

    card: ClassVar[ModelCard] = ModelCard(
        title="TRELLIS.2",
        source="microsoft/TRELLIS.2",
        revision="5565d240c4a494caaf9ece7a554542b76ffa36d3",
        packages=("torch", "trellis2", "o_voxel", "cumesh", "flex_gemm", "transformers"),
        licences=(Licence("MIT"), NVIDIA),
        weights=(
            Weights("microsoft/TRELLIS.2-4B", gigabytes=16.0),
            Weights("facebook/dinov3-vitl16-pretrain-lvd1689m", gigabytes=1.2, gated=True, by_name=True),
            Weights("briaai/RMBG-2.0", gigabytes=0.9, gated=True, by_name=True),
        ),
        vram_gb=24.0,
        batch=1,
        seeds="global",
        up="+y",  # to_glb has turned it
        front="+z",
        output="pbr",
    )
    name: ClassVar[str] = "trellis2"

    @classmethod
    def licences(cls, options: Any) -> tuple[Licence, ...]:
        """nvdiffrast's terms hold where a texture is baked."""
        return tuple(each for each in cls.card.licences if each is not NVIDIA or options.appearance == "texture")

    def load(self) -> Any:
        """Trellis2ImageTo3DPipeline; it keeps most of itself on the CPU unless its file says low_vram = false."""
        import torch
        from trellis2.pipelines import Trellis2ImageTo3DPipeline  # type: ignore[import-not-found]

        pipeline = Trellis2ImageTo3DPipeline.from_pretrained(str(self.weights_folder()))
        pipeline.to(torch.device(self.device))
        return pipeline

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> RawMesh | None:
        with global_seed(item.request.seed) as seed:
            meshes, latents = self.model.run(
                item.shown(),
                seed=seed,
                pipeline_type=self.options.resolution,
                return_latent=True,
                max_num_tokens=self.options.max_tokens,
            )
        mesh, made_at = meshes[0], int(latents[2])
        if not len(mesh.faces):
            return None
        raw = self._textured(mesh) if self.options.appearance == "texture" else _coloured(mesh)
        return (
            None
            if raw is None
            else RawMesh(raw.vertices, raw.faces, raw.colors, raw.uv, raw.material, self._said(made_at))
        )

    def _said(self, made_at: int) -> dict[str, str]:
        asked = int(self.options.resolution.split("_")[0])
        lowered = {"resolution_lowered": f"{asked} → {made_at}: more than {self.options.max_tokens} tokens"}
        return {"resolution": str(made_at), **(lowered if made_at < asked else {})}

    def _textured(self, mesh: Any) -> RawMesh | None:
        import o_voxel  # type: ignore[import-not-found]

        mesh.simplify(MOST_FACES)
        baked = o_voxel.postprocess.to_glb(
            vertices=mesh.vertices,
            faces=mesh.faces,
            attr_volume=mesh.attrs,
            coords=mesh.coords,
            attr_layout=mesh.layout,
            voxel_size=mesh.voxel_size,
            aabb=BOX,
            decimation_target=self.options.faces,
            texture_size=self.options.texture,
            remesh=True,
            remesh_band=1,
            remesh_project=0,
        )
        return from_trimesh(baked)


def _coloured(mesh: Any) -> RawMesh:
    """Base colour and alpha at the vertices, one metallic and roughness for the whole, turned as to_glb turns."""
    values = to_numpy(mesh.query_vertex_attrs())
    channels = {name: values[:, where] for name, where in mesh.layout.items()}
    colors = linear_colors(np.concatenate([channels["base_color"], channels["alpha"]], axis=1), "srgb")
    seen = bool((colors[:, 3] < 248).mean() > 0.001)
    material = Material(
        name="generated",
        base_color=(1.0, 1.0, 1.0, 1.0),
        metallic=float(np.clip(channels["metallic"].mean(), 0.0, 1.0)),
        roughness=float(np.clip(channels["roughness"].mean(), 0.0, 1.0)),
        alpha_mode="BLEND" if seen else "OPAQUE",
    )
    turned = to_numpy(mesh.vertices).astype(np.float64) @ to_house("+z", "-y").T
    return RawMesh(turned, mesh.faces, colors, material=material)
