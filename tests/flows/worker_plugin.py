"""A model for the tests of the warm worker: it notes its process, and crashes, hangs, leaks or refuses on demand."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from ml.asset import Asset
from ml.generators.noop import TRIANGLE
from ml.generators.pretrained.batches import Batches
from ml.generators.protocol import Answer, InputKind, Refusal, Request
from ml.generators.registry import GENERATORS

HOARD: list[object] = []


def hold_gpu(size: int) -> None:
    """Let a stand-in for torch say that so many bytes more are reserved."""
    held = getattr(sys.modules.get("torch"), "held", 0) + size
    cuda = SimpleNamespace(is_initialized=lambda: True, is_available=lambda: False, memory_reserved=lambda: held)
    sys.modules["torch"] = SimpleNamespace(cuda=cuda, held=held)  # type: ignore[assignment]


@dataclass(frozen=True)
class TrialOptions:
    """Seconds a batch, the most rows that its memory takes, and where to note calls."""

    seconds: float = 0.0
    most: int = 64
    log: str = ""


class Trial:
    """Does what a row's category says."""

    name: ClassVar[str] = "trial"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt", "image"))
    gpus: ClassVar[float] = 1.0

    def __init__(self, options: TrialOptions = TrialOptions()) -> None:
        self.options = options
        self.batches = Batches(8)

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """The triangle, with the process that made it."""
        return self.batches.run(requests, self._made)

    def _made(self, requests: Sequence[Request]) -> list[Answer]:
        if self.options.log:
            with Path(self.options.log).open("a") as stream:
                stream.write(f"{len(requests)}\n")
        if len(requests) > self.options.most:
            raise RuntimeError("CUDA out of memory")
        time.sleep(self.options.seconds)
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Answer:
        if request.category == "crash":
            os._exit(9)
        if request.category == "lost":
            raise RuntimeError("CUDA error: device-side assert triggered")
        if request.category == "leak-gpu":
            hold_gpu(1 << 30)
        if request.category == "leak":
            HOARD.append(np.ones(50 << 17))  # 50 MiB
        if request.category == "refuse":
            return Refusal("trial.no", "no")
        size = len(request.image.read()) if request.image else 0
        made: Asset = replace(TRIANGLE, name=request.id)
        return made.noted(pid=str(os.getpid()), size=str(size))


GENERATORS[Trial.name] = (Trial, TrialOptions)
