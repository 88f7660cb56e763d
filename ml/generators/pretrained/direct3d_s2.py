"""Direct3D-S2: geometry from a picture at up to 1024 cells a side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ml.generators.pretrained.adapter import Item, Pretrained, PretrainedOptions
from ml.generators.pretrained.card import Licence, ModelCard, Weights
from ml.generators.pretrained.raw import RawMesh, from_trimesh
from ml.generators.pretrained.seeds import generators

RELEASE = "direct3d-s2-v-1-1"


@dataclass(frozen=True)
class Direct3DS2Options(PretrainedOptions):
    """How a shape is sampled and cut."""

    resolution: Literal[512, 1024] = 1024
    guidance: float = field(default=7.0, metadata={"min": 0.0, "max": 20.0})
    threshold: float = field(default=0.2, metadata={"min": 0.01, "max": 1.0, "help": "distance that its surface has"})


class Direct3DS2(Pretrained):
    """One picture a call: of a list only the first comes back. Pictures without alpha would load another network."""

    card: ClassVar[ModelCard] = ModelCard(
        title="Direct3D-S2",
        source="DreamTechAI/Direct3D-S2",
        revision="a1cf235b2881cff04a91900060a9546b40e7ee5d",
        packages=("torch", "direct3d_s2", "torchsparse", "trimesh"),
        licences=(Licence("MIT"),),
        weights=(Weights("wushuang98/Direct3D-S2", (f"{RELEASE}/*",), gigabytes=12.0),),
        vram_gb=24.0,
        batch=1,
        seeds="each",
        up="+y",
        front="+z",
        output="geometry",
    )
    name: ClassVar[str] = "direct3d-s2"

    def load(self) -> Any:
        """Direct3DS2Pipeline: of a folder it reads the files themselves, without the release's name."""
        from direct3d_s2.pipeline import Direct3DS2Pipeline  # type: ignore[import-not-found]

        pipeline = Direct3DS2Pipeline.from_pretrained(str(self.weights_folder() / RELEASE))
        pipeline.to(self.device)
        return pipeline

    def make(self, items: Sequence[Item]) -> list[RawMesh | None]:
        """One call an item."""
        return [from_trimesh(self._one(item)) for item in items]

    def _one(self, item: Item) -> Any:
        return self.model(
            item.shown(),
            sdf_resolution=self.options.resolution,
            generator=generators([item.request.seed], self.device)[0],
            mc_threshold=self.options.threshold,
            remove_interior=True,
            remesh=False,
        )["mesh"]
