"""The `distill` generator: a prompt to a solid by score distillation from a text-to-image model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from ml.asset import Asset, InputError
from ml.generators.pretrained.shelf import accelerator_gb
from ml.generators.procedural import named_category
from ml.generators.protocol import Answer, InputKind, Refusal, Request
from ml.parametric.sizes import likely_extent
from ml.prompt import Prompt

MODEL = "model_index.json"  # what a folder of a diffusers pipeline is told by


@dataclass(frozen=True)
class DistillOptions:
    """Which model is asked, how, and for how long. The guidance of 100 is DreamFusion's; for VSD say 7.5."""

    digest_when_set: ClassVar[bool] = True

    model: str = field(default="", metadata={"help": "folder of a diffusers text-to-image pipeline", "file": MODEL})
    method: Literal["sds", "vsd"] = field(default="sds", metadata={"help": "vsd learns a second score on the way"})
    guidance: float = field(default=100.0, metadata={"min": 0.0, "max": 500.0, "help": "how hard the prompt pulls"})
    negative: str = field(default="blurry, low quality, deformed", metadata={"help": "what no picture is to show"})
    steps: int = field(default=2000, metadata={"min": 1, "max": 100_000, "help": "of the optimiser"})
    batch_pictures: int = field(default=4, metadata={"min": 1, "max": 64, "help": "pictures a step"})
    side: int = field(default=64, metadata={"min": 16, "max": 512, "help": "pixels of a render"})
    finest: int = field(default=256, metadata={"min": 16, "max": 2048, "help": "cells of the finest grid of features"})
    resolution: int = field(default=192, metadata={"min": 32, "max": 512, "help": "cells the surface is cut at"})
    device: str = field(default="auto", metadata={"help": "auto, cuda, cuda:N or cpu"})

    @property
    def gpus(self) -> float:
        """Of the whole machine: renders and the model share one."""
        return 0.0 if self.device == "cpu" else 1.0


class Distill:
    """Prompt → solid, minutes to hours an asset: what has no model of shapes has one of pictures."""

    name: ClassVar[str] = "distill"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset({"prompt"})
    gpus: ClassVar[float] = 1.0

    def __init__(self, options: DistillOptions = DistillOptions()) -> None:
        self.options = options

    @property
    def device(self) -> str:
        """Where everything runs."""
        if self.options.device != "auto":
            return self.options.device
        return "cpu" if accelerator_gb() is None else "cuda"

    @cached_property
    def pipeline(self) -> Any:
        """The warm pipeline; raises InputError `model.missing-weights`, `model.missing-package`."""
        return load_pipeline(self.options.model, self.device)

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer a request, one after the other; raises InputError `model.missing-…` and
        `distill.unsupported-pipeline`, answers `distill.diverged` and `field.*`."""
        assert self.pipeline is not None
        return [self._tried(request) for request in requests]

    def _tried(self, request: Request) -> Answer:
        prompt = request.prompt
        if prompt is None or not any(letter.isalnum() for letter in prompt.text):
            return Refusal("prompt.empty", "distill needs words")
        try:
            return self._one(request, prompt)
        except InputError as error:
            if error.code == "distill.unsupported-pipeline":
                raise
            return error

    def _one(self, request: Request, prompt: Prompt) -> Asset:
        import torch

        from ml.distill.distillation import Distillation, distil
        from ml.distill.extraction import field_surface, standing
        from ml.distill.field import Ball, Field
        from ml.distill.hash_grid import HashGrid

        options, seed = self.options, request.seed % 2**62
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = Field(HashGrid(8, 16, options.finest, 19), Ball(), hidden=64).to(self.device)
            prior, own = scores(self.pipeline, prompt, options)
        how = Distillation(steps=options.steps, batch=options.batch_pictures, side=options.side)
        distil(made, prior, how, seed, own, self.device)
        category = named_category(prompt, request.category)
        metres = likely_extent("" if isinstance(category, Refusal) else category, prompt.attributes)
        shape = field_surface(made, 0.0, 1.0, options.resolution, request.id)
        return standing(shape, metres).noted(distilled=f"{options.method}, {options.steps} steps")


def scores(pipeline: Any, prompt: Prompt, options: DistillOptions) -> tuple[Any, Any]:
    """The prior of a prompt and, for VSD, the second score; raises InputError `distill.unsupported-pipeline`."""
    from ml.distill.diffusion_prior import DiffusionPrior
    from ml.distill.low_rank import LowRankScore

    unwanted = ", ".join(filter(None, (*prompt.negatives, options.negative)))
    words = ", ".join(filter(None, (prompt.text, "one object, plain background")))
    prior = DiffusionPrior(pipeline, words, unwanted, options.guidance)
    return prior, LowRankScore(prior) if options.method == "vsd" else None


def load_pipeline(folder: str, device: str) -> Any:
    """A diffusers pipeline from a folder, in bfloat16 on a GPU: its gradients do not overflow as those of float16 do.

    Raises InputError `model.missing-weights` where the folder holds none, `model.missing-package` without diffusers.
    """
    if not folder or not (Path(folder) / MODEL).is_file():
        text = f"{folder or 'no folder'}: name a diffusers pipeline with model = '…' (a folder with {MODEL})"
        raise InputError("model.missing-weights", text)
    try:
        import torch
        from diffusers import DiffusionPipeline
    except ImportError as error:
        raise InputError("model.missing-package", f"distill needs the extra 'learned': {error}") from error
    load: Any = DiffusionPipeline.from_pretrained  # untyped
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    pipeline = load(folder, dtype=dtype, safety_checker=None).to(device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
