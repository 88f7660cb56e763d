"""Three models of bench/scheduling.py that sleep as long as real ones compute, and kill their actor at some rows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ml.asset import Asset
from ml.generators.noop import TRIANGLE
from ml.generators.protocol import InputKind, Request
from ml.generators.registry import GENERATORS


@dataclass(frozen=True)
class SimulatedOptions:
    """What a model costs, and where to note what it did."""

    log: str = ""
    seconds: float = 1.0  # a row
    gpus: float = 1.0
    batch: int = 1
    load: float = 1.0  # seconds, once an actor


class Simulated:
    """A row of the category `crash` ends its actor in the middle of its first try."""

    name: ClassVar[str] = "simulated"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))
    gpus: ClassVar[float] = 1.0

    def __init__(self, options: SimulatedOptions = SimulatedOptions()) -> None:
        self.options = options
        if options.log:
            time.sleep(options.load)

    def generate(self, requests: Sequence[Request]) -> list[Asset]:
        """The triangle for each, after a while."""
        began, span = time.time(), self.options.seconds * len(requests)
        folder = Path(self.options.log)
        for request in requests:
            mark = folder / f"crashed-{request.id}"
            if request.category == "crash" and not mark.exists():
                mark.touch()
                time.sleep(0.5 * span)
                os._exit(9)
        time.sleep(span)
        line = {"model": self.name, "began": began, "ended": time.time(), "gpus": self.options.gpus}
        with (folder / f"{os.getpid()}.jsonl").open("a") as stream:
            stream.write(json.dumps({**line, "rows": [request.id for request in requests]}) + "\n")
        return [TRIANGLE for _ in requests]


class Turbo(Simulated):
    """A small model: two share a GPU."""

    name: ClassVar[str] = "sim-turbo"


class Shape(Simulated):
    """A large one, a row at a time."""

    name: ClassVar[str] = "sim-shape"


class Batch(Simulated):
    """One that takes four rows at once."""

    name: ClassVar[str] = "sim-batch"


for made in (Turbo, Shape, Batch):
    GENERATORS[made.name] = (made, SimulatedOptions)
