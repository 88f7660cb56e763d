"""A model for the tests of the warm worker: it notes its process, and crashes, hangs, leaks or refuses on demand."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from ml.asset import Asset
from ml.generators.noop import TRIANGLE
from ml.generators.pretrained.batches import Batches
from ml.generators.protocol import Answer, InputKind, Refusal, Request
from ml.generators.registry import GENERATORS
from tasks.steps import STEPS

HOARD: list[object] = []


def hold_gpu(size: int) -> None:
    """Let a stand-in for torch say that so many bytes more are reserved."""
    held = getattr(sys.modules.get("torch"), "held", 0) + size
    cuda = SimpleNamespace(is_initialized=lambda: True, is_available=lambda: False, memory_reserved=lambda: held)
    sys.modules["torch"] = SimpleNamespace(cuda=cuda, held=held)  # type: ignore[assignment]


@contextmanager
def spanned(log: str, name: str) -> Iterator[None]:
    """Note in a line, where there is a log, from when to when this was in work."""
    began = time.time()
    yield
    if log:
        with Path(log).open("ab", buffering=0) as stream:
            stream.write(f"{name} {began:.4f} {time.time():.4f}\n".encode())


def gathered(log: str, many: int, seconds: float) -> None:
    """Wait until so many have come here, all of whom wait for one another, at most so long."""
    with Path(log).open("ab", buffering=0) as stream:
        stream.write(b".")
    deadline = time.time() + seconds
    while Path(log).stat().st_size < many and time.time() < deadline:
        time.sleep(0.02)


def most_share(log: Path, shares: Mapping[str, float]) -> float:
    """The largest sum of their shares that was in work at some moment."""
    spans = [line.split() for line in log.read_text().splitlines()]
    ends = [
        (float(at), way * shares[name])
        for name, *times in spans
        for at, way in zip(times, (1, -1), strict=True)
        if name in shares
    ]
    return max(accumulate(change for _, change in sorted(ends)))


def most_at_once(log: Path, *names: str) -> int:
    """How many of those were in work at some moment."""
    return int(most_share(log, dict.fromkeys(names, 1.0)))


@dataclass(frozen=True)
class TrialOptions:
    """Seconds a batch, the most rows that its memory takes, and where to note calls and when they were in work."""

    seconds: float = 0.0
    most: int = 64
    log: str = ""
    spans: str = ""
    gather: int = 0


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
        with spanned(self.options.spans, self.name):
            if self.options.gather:
                gathered(f"{self.options.spans}-{self.name}", self.options.gather, self.options.seconds)
            else:
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


class Patient(Trial):
    """The same without a model."""

    name: ClassVar[str] = "patient"
    gpus: ClassVar[float] = 0.0


@dataclass(frozen=True)
class RovingOptions(TrialOptions):
    """The same, and where."""

    device: str = "cpu"


class Roving(Trial):
    """Works on the CPU, and on a GPU only where its options say so, as `reconstruct` does."""

    name: ClassVar[str] = "roving"
    gpus: ClassVar[float] = 0.0


@dataclass(frozen=True)
class LookOptions:
    """Seconds a chain, where, and where to note when it was there."""

    seconds: float = 0.0
    device: str = "cpu"
    log: str = ""


def look(asset: Asset, options: LookOptions = LookOptions()) -> Asset:
    """The asset as it is: a step that names a device and no share of it, as `caption` does."""
    with spanned(options.log, "look"):
        time.sleep(options.seconds)
    return asset


@dataclass(frozen=True)
class DreamOptions:
    """Seconds a chain, the share of a GPU that it takes, and where to note when it had it."""

    seconds: float = 0.0
    gpus: float = 1.0
    log: str = ""


def dream(asset: Asset, options: DreamOptions = DreamOptions()) -> Asset:
    """The asset as it is: a step with a model, in the place of one that would load gigabytes."""
    with spanned(options.log, "dream"):
        time.sleep(options.seconds)
    return asset.noted(dreamt_in=str(os.getpid()))


GENERATORS["trial-free"] = (type("TrialFree", (Trial,), {"name": "trial-free"}), TrialOptions)
GENERATORS["patient-free"] = (type("PatientFree", (Patient,), {"name": "patient-free"}), TrialOptions)
GENERATORS[Trial.name] = (Trial, TrialOptions)
GENERATORS[Patient.name] = (Patient, TrialOptions)
GENERATORS[Roving.name] = (Roving, RovingOptions)
STEPS["look"] = (look, LookOptions)
STEPS["dream"] = (dream, DreamOptions)
