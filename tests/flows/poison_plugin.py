"""A generator for tests that does to its process what bad native code does; listed through MESHMILL_PLUGINS."""

import ctypes
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from ml.asset import Asset
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import InputKind, Refusal, Request
from ml.generators.registry import GENERATORS
from tasks.steps import STEPS


@dataclass(frozen=True)
class PoisonOptions:
    """Where to note that a row was made, so that tests can count, and how long each takes at least."""

    log: str = ""
    pace: float = 0.0


def hang() -> None:
    ctypes.PyDLL(None).sleep(600)


def segfault() -> None:
    ctypes.string_at(0)


def balloon() -> None:
    hoard = [np.empty(20_000_000) for _ in range(1000)]
    print(len(hoard), file=sys.stderr)


DEEDS = {"hang": hang, "segfault": segfault, "balloon": balloon}


class Poison:
    """Does the deed its row's category names; makes the procedural asset otherwise."""

    name: ClassVar[str] = "poison"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: PoisonOptions = PoisonOptions()) -> None:
        self.options = options
        self.inner = Procedural(ProceduralOptions())

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Asset | Refusal:
        deed = DEEDS.get(request.category)
        if deed:
            print(f"about to {request.category}", file=sys.stderr, flush=True)
            deed()
        note(self.options.log, "generate", request.id)
        time.sleep(self.options.pace)
        made = self.inner.generate([request])[0]
        return replace(made, name=request.id) if isinstance(made, Asset) else made


@dataclass(frozen=True)
class DwellOptions:
    """Where to note that a chain ran, and how long it takes at least."""

    log: str = ""
    pace: float = 0.0


def dwell(asset: Asset, options: DwellOptions = DwellOptions()) -> Asset:
    """The asset as it is, after a while: a step that a kill can meet."""
    note(options.log, "process", asset.name)
    time.sleep(options.pace)
    return asset


def note(log: str, what: str, id: str) -> None:
    """One line, written whole whoever else writes; none without a log."""
    if log:
        with Path(log).open("ab", buffering=0) as stream:
            stream.write(f"{what} {id} {time.time():.3f}\n".encode())


GENERATORS["poison"] = (Poison, PoisonOptions)
STEPS["dwell"] = (dwell, DwellOptions)
