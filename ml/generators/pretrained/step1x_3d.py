"""Step1X-3D: geometry from a picture, with labels for symmetry and edges, and a texture in a second pass."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.raw import RawMesh, from_trimesh
from ml.generators.pretrained.seeds import generators, global_seed, plain_seed

PLAIN, LABELLED, TEXTURE = "Step1X-3D-Geometry-1300m", "Step1X-3D-Geometry-Label-1300m", "Step1X-3D-Texture"


@dataclass(frozen=True)
class Step1X3DOptions(PretrainedOptions):
    """How a shape is sampled, and whether it is textured."""

    steps: int = field(default=50, metadata={"min": 1, "max": 200, "help": "denoising steps"})
    guidance: float = field(default=7.5, metadata={"min": 0.0, "max": 20.0})
    octree: int = field(default=384, metadata={"min": 64, "max": 512, "help": "cells a side"})
    symmetry: Literal["", "x", "asymmetry"] = ""  # a label loads the model that was trained with labels
    edges: Literal["", "sharp", "normal", "smooth"] = ""
    texture: bool = field(default=True, metadata={"help": "the second model, which takes most of its 152 s"})


class Step1X3D(Pretrained):
    """One picture a call, by path: its check of the input refuses the pictures that its signature promises to take.
    Its own decimation to 200,000 faces and its smooth shading are left out; our chain does both."""

    card: ClassVar[ModelCard] = ModelCard(
        title="Step1X-3D",
        source="stepfun-ai/Step1X-3D",
        revision="20b5de2b583d5898538c7cfde2fedd72a3f6a1c1",
        packages=("torch", "diffusers", "step1x3d_geometry", "step1x3d_texture", "trimesh"),
        licences=(Licence("Apache-2.0"),),
        weights=(Weights("stepfun-ai/Step1X-3D", gigabytes=20.0),),
        vram_gb=29.0,
        batch=1,
        seeds="each",
        up="+y",
        front="+z",
        output="texture",
    )
    name: ClassVar[str] = "step1x-3d"

    def load(self) -> Any:
        """The geometry pipeline and, where wanted, the texture pipeline."""
        from step1x3d_geometry.models.pipelines.pipeline import (  # type: ignore[import-not-found]
            Step1X3DGeometryPipeline,
        )

        folder = str(self.weights_folder())
        part = LABELLED if self._label else PLAIN
        shapes = Step1X3DGeometryPipeline.from_pretrained(folder, subfolder=part).to(self.device)
        if not self.options.texture:
            return shapes, None
        from step1x3d_texture.pipelines.step1x_3d_texture_synthesis_pipeline import (  # type: ignore[import-not-found]
            Step1X3DTexturePipeline,
        )

        return shapes, Step1X3DTexturePipeline.from_pretrained(folder, subfolder=TEXTURE)

    @property
    def _label(self) -> dict[str, str]:
        given = {"symmetry": self.options.symmetry, "edge_type": self.options.edges}
        return (
            {"symmetry": "asymmetry", "edge_type": "normal", **{k: v for k, v in given.items() if v}}
            if any(given.values())
            else {}
        )

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> RawMesh | None:
        shapes, textures = self.model
        with tempfile.TemporaryDirectory(prefix="meshmill-") as folder:
            path = str(Path(folder) / "picture.png")
            item.shown().save(path)
            mesh = self._shape(shapes, path, item.request.seed)
            if mesh is None or textures is None or not len(mesh.faces):
                return from_trimesh(mesh)
            with global_seed(item.request.seed) as seed:
                return from_trimesh(textures(path, mesh, remove_bg=False, seed=seed))

    def _shape(self, shapes: Any, path: str, seed: int) -> Any:
        try:
            made = shapes(
                path,
                label=self._label or None,
                guidance_scale=self.options.guidance,
                num_inference_steps=self.options.steps,
                octree_resolution=self.options.octree,
                generator=generators([plain_seed(seed)], self.device)[0],
                do_reduce_face=False,
                do_shade_smooth=False,
            )
        except AttributeError as error:  # of None.verts, where its surface extraction failed
            if "NoneType" in str(error):
                return None
            raise
        return made.mesh[0]
