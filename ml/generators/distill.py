"""The `distill` generator: a prompt to a solid by score distillation from a text-to-image model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from ml.asset import Asset, InputError
from ml.distill.settings import DistillSettings, device_of, distilled, load_pipeline
from ml.generators.procedural import named_category
from ml.generators.protocol import Answer, InputKind, Refusal, Request
from ml.parametric.sizes import likely_extent
from ml.prompt import Prompt


@dataclass(frozen=True)
class DistillOptions(DistillSettings):
    """Which model is asked, how, and for how long."""

    digest_when_set: ClassVar[bool] = True


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
        return device_of(self.options)

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
        from ml.distill.extraction import field_surface, standing
        from ml.distill.field import Ball

        options = self.options
        made = distilled(self.pipeline, prompt, options, request.seed % 2**62, Ball())
        category = named_category(prompt, request.category)
        metres = likely_extent("" if isinstance(category, Refusal) else category, prompt.attributes)
        shape = field_surface(made, 0.0, 1.0, options.resolution, request.id)
        return standing(shape, metres).noted(distilled=f"{options.method}, {options.steps} steps")
