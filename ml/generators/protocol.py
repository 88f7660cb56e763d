"""The protocol every generator follows: what it takes, what it returns, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from ml.asset import Asset, InputError
from ml.prompt import Prompt
from ml.sources import Source

# What the options of a generator with an environment of its own say of Ray's actors.
IN_ACTOR = "start Ray's actor with that interpreter: it needs the same Python and Ray, and no files are exchanged"
IMAGE = "container image to start Ray's actor in (needs podman on the node, and this checkout and Ray in the image)"

InputKind = Literal["prompt", "image", "images", "sketch", "mesh"]


@dataclass(frozen=True)
class Request:
    """One asset to make. Everything a generator may depend on is here: same request, same asset."""

    id: str
    seed: int
    prompt: Prompt | None = None
    image: Source | None = None
    images: tuple[Source, ...] = ()
    sketch: Source | None = None
    mesh: Source | None = None
    category: str = ""
    style: str = ""


@dataclass(frozen=True)
class Refusal:
    """A request the generator declines, with a coded reason (`prompt.unknown-noun`); data, not an error."""

    code: str
    message: str
    hints: tuple[str, ...] = field(default=())


Answer = Asset | Refusal | InputError  # an error as a value: one item of a batch that came to nothing


class Generator(Protocol):
    """A backend. Built once per warm worker from its options dataclass; `generate` answers in request order.

    One that makes the same asset for every seed says so with `uses_seed: ClassVar[bool] = False`.
    """

    name: ClassVar[str]
    version: ClassVar[str]  # part of every key: change it when the same request would give another asset
    inputs: ClassVar[frozenset[InputKind]]
    gpus: ClassVar[float]  # 0 for CPU generators; these run in a guarded child, so hostile input cannot hurt a worker

    def generate(self, requests: Sequence[Request]) -> Sequence[Answer]:
        """One answer a request, in order; raises InputError for an unusable input where none can be told apart."""
        ...
