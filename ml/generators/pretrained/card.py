"""What an adapter declares of its model: source, licence, weights, memory, batches, seeds, frame and output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]

# The member states of the European Union (ISO 3166-1), the United Kingdom and South Korea: where Tencent's licences of
# Hunyuan3D give no rights (their section 1, 'Territory').
COUNTRIES = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE GB KR"
OUTSIDE_TENCENT = frozenset(COUNTRIES.split())


@dataclass(frozen=True)
class Licence:
    """The terms of a model's weights or of code it cannot run without; `name` is SPDX where SPDX knows it."""

    name: str
    limits: str = ""  # what it forbids, in a few words; such a licence has to be accepted by name
    barred: frozenset[str] = frozenset()  # ISO 3166-1 codes of where it gives no rights
    of: Literal["model", "code"] = "model"  # code's terms do not stand before a download of weights


@dataclass(frozen=True)
class Weights:
    """One repository of a model hub that a model loads from."""

    repository: str
    files: tuple[str, ...] = ("*",)  # patterns
    gigabytes: float = 0.0  # about: published parameters times their bytes; `models pull` asks for the real figure
    gated: bool = False  # access has to be asked for by name
    by_name: bool = False  # the source names it itself, so that it has to lie in the hub's own cache


@dataclass(frozen=True)
class ModelCard:
    """A pretrained model as an adapter uses it."""

    title: str
    source: str  # owner/name of the code's repository, or the package that holds it
    revision: str  # commit, or version of the package, at which the calls were checked (signatures.json)
    packages: tuple[str, ...]  # modules that have to be importable
    licences: tuple[Licence, ...]
    weights: tuple[Weights, ...]
    vram_gb: float  # as published for the default options
    batch: int  # most requests a call takes; 1 where the source takes one
    seeds: Literal["each", "global", "none"]  # a generator a request; the process's own; no chance at all
    up: Axis
    front: Axis  # what the picture shows
    output: Literal["geometry", "colours", "texture", "pbr"]
    on_cpu: bool = False  # runs without a GPU in bearable time
