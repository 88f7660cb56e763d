"""The `reconstruct` generator: views with known cameras to a solid, by a field that is fitted to all their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ml.asset import Asset, InputError
from ml.generators.pretrained.shelf import LEARNED, Missing, missing_cuda, missing_modules
from ml.generators.protocol import Answer, InputKind, Request
from ml.generators.visual_hull import hull_bounds, read_shots

MOST_VIEWS = 256
MARGIN = 1.05  # of the ball around the hull's box: the surface must not touch the ball that rays are cut to


@dataclass(frozen=True)
class ReconstructOptions:
    """How long the field is fitted, to pictures of which size, and how finely its surface is cut."""

    steps: int = field(default=600, metadata={"min": 10, "max": 100_000, "help": "of the optimiser"})
    rays: int = field(default=512, metadata={"min": 64, "max": 65_536, "help": "pixels a step"})
    side: int = field(default=192, metadata={"min": 16, "max": 2048, "help": "pixels a view is reduced to"})
    finest: int = field(default=96, metadata={"min": 16, "max": 1024, "help": "cells of the finest grid of features"})
    resolution: int = field(default=192, metadata={"min": 32, "max": 512, "help": "cells the surface is cut at"})
    device: str = field(default="cpu", metadata={"help": "cpu, cuda or cuda:N"})

    @property
    def gpus(self) -> float:
        """Of the whole machine."""
        return 0.0 if self.device == "cpu" else 1.0

    def lacks(self) -> list[Missing]:
        """What it lacks on this machine."""
        return [*missing_modules(("torch",), LEARNED), *missing_cuda(self.device)]


class Reconstruct:
    """Views → solid, without a prior: what no view shows is filled smoothly, and colours are as they were lit."""

    name: ClassVar[str] = "reconstruct"
    version: ClassVar[str] = "2"
    inputs: ClassVar[frozenset[InputKind]] = frozenset({"images"})
    gpus: ClassVar[float] = 0.0
    batch: ClassVar[int] = 1

    def __init__(self, options: ReconstructOptions = ReconstructOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """One asset a request, in the world of its cameras; an unusable one is answered with its InputError
        `images.*`, `image.*`, `input.*`, `field.*`."""
        return [self._tried(request) for request in requests]

    def _tried(self, request: Request) -> Answer:
        try:
            return self._one(request)
        except InputError as error:
            return error

    def _one(self, request: Request) -> Asset:
        import torch

        from ml.distill.extraction import field_surface
        from ml.distill.field import Ball, Field
        from ml.distill.hash_grid import HashGrid
        from ml.distill.rays import framed_view
        from ml.distill.reconstruction import Fitting, all_pixels, fit

        shots = read_shots(request.images, MOST_VIEWS, self.options.side)
        low, high = hull_bounds(shots)
        centre, radius = 0.5 * (low + high), 0.5 * MARGIN * float(np.linalg.norm(high - low))
        views = [framed_view(shot.view, centre, radius) for shot in shots]
        pictures = [
            torch.from_numpy(np.dstack([shot.pixels[..., :3] / 255.0, shot.mask]).astype(np.float32)) for shot in shots
        ]
        seed = request.seed % 2**63
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = Field(HashGrid(7, 8, self.options.finest, 18), Ball()).to(self.options.device)
        pixels = all_pixels(views, pictures, self.options.device)
        fit(made, pixels, Fitting(steps=self.options.steps, rays=self.options.rays), seed)
        asset = field_surface(made, centre, radius, self.options.resolution, "reconstruction")
        return asset.noted(views=str(len(shots)), cell_m=f"{2.1 * radius / self.options.resolution:.6g}")
