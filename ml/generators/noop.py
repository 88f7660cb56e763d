"""The generator that makes one shared triangle for every row: what the line itself costs, measured without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ml.asset import Asset, make_part
from ml.generators.protocol import InputKind, Refusal, Request

TRIANGLE = Asset((make_part([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]),), name="noop")


@dataclass(frozen=True)
class NoopOptions:
    """Nothing to set."""


class Noop:
    """Takes anything, returns the same triangle."""

    name: ClassVar[str] = "noop"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt", "image", "images", "sketch", "mesh"))
    gpus: ClassVar[float] = 0.0

    def __init__(self, options: NoopOptions = NoopOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset | Refusal]:
        """The triangle, once a request."""
        return [TRIANGLE for _ in requests]
