"""A generator that says which interpreter it runs in, and whether torch is there."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ml.asset import Asset
from ml.generators.protocol import InputKind, Request
from ml.generators.registry import GENERATORS


@dataclass(frozen=True)
class WhereOptions:
    """The interpreter of its actor."""

    python: str = ""
    in_actor: bool = True


class Where:
    """Refuses nothing."""

    name: ClassVar[str] = "where"
    version: ClassVar[str] = "1"
    inputs: ClassVar[frozenset[InputKind]] = frozenset(("prompt",))
    gpus: ClassVar[float] = 0.5

    def __init__(self, options: WhereOptions = WhereOptions()) -> None:
        self.options = options

    def generate(self, requests: Sequence[Request]) -> list[Asset]:
        """Fails with what it found: the message stands in the ledger."""
        torch = importlib.util.find_spec("torch") is not None
        raise RuntimeError(f"{sys.executable} torch={torch}")


GENERATORS[Where.name] = (Where, WhereOptions)
