"""The row of bench/batch.py as a generator of ours: a while of CPU, a line in a log, and a crash where the row asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from batch_row import make_row

from ml.asset import Asset
from ml.generators.noop import TRIANGLE
from ml.generators.protocol import InputKind, Refusal, Request
from ml.generators.registry import GENERATORS


@dataclass(frozen=True)
class PacedOptions:
    """Where to note each row that is begun."""

    log: str = ""


class Paced:
    """Every row costs the same; the prompt `crash` reads address 0."""

    name: ClassVar[str] = "paced"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: PacedOptions = PacedOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        for request in requests:
            make_row(request.id, request.category == "crash", self.options.log)
        return [TRIANGLE for _ in requests]


GENERATORS["paced"] = (Paced, PacedOptions)
