"""A generator for tests that does to its process what bad native code does; listed through MESHMILL_PLUGINS."""

import ctypes
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ml.asset import Asset
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import InputKind, Refusal, Request
from ml.generators.registry import GENERATORS


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
    hoard = [np.ones(20_000_000) for _ in range(1000)]
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
        if self.options.log:
            note(Path(self.options.log), request.id)
        time.sleep(self.options.pace)
        return self.inner.generate([request])[0]


def note(log: Path, id: str) -> None:
    """One line, written whole whoever else writes."""
    with log.open("ab", buffering=0) as stream:
        stream.write(f"{id} {os.getpid()}\n".encode())


GENERATORS["poison"] = (Poison, PoisonOptions)
