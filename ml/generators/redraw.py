"""A procedural asset drawn again with its prompt revised, everything that was left to chance staying as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from ml.asset import Asset, InputError
from ml.generators.procedural import Procedural, ProceduralOptions
from ml.generators.protocol import Refusal, Request
from ml.parametric.chance import Remembered
from ml.parametric.revise import Revision, revise
from ml.prompt import Prompt


@dataclass(frozen=True)
class Drawing:
    """A drawn asset, and how many it has of each part that comes in numbers."""

    asset: Asset
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Redrawn:
    """One instruction carried out on a drawing."""

    first: Asset  # as the seed and the prompt alone give it
    before: Drawing  # with the earlier instructions
    after: Drawing
    revision: Revision


def redraw(request: Request, options: ProceduralOptions, earlier: Sequence[str], text: str) -> Redrawn | None:
    """The drawing of `request` with `earlier` instructions carried out, and then `text`.

    None where words of a prompt cannot say what `text` asks; raises InputError with a generator's refusal.
    """
    prompt = request.prompt
    if prompt is None:
        return None
    chance = Remembered(request.seed)
    first = before = _drawn(request, options, prompt, chance)
    for each in earlier:
        prompt, before = _revised(request, options, prompt, each, chance)
    revision = revise(prompt, text)
    if revision is None:
        return None
    chance.again()
    return Redrawn(first.asset, before, _drawn(request, options, revision.prompt, chance), revision)


def _revised(
    request: Request, options: ProceduralOptions, prompt: Prompt, text: str, chance: Remembered
) -> tuple[Prompt, Drawing]:
    revision = revise(prompt, text)
    if revision is None:  # it was understood once, by a version of the house that knew other words
        raise InputError("instruction.unknown", f"{text[:80]!r}, an earlier instruction, is not understood any more")
    chance.again()
    return revision.prompt, _drawn(request, options, revision.prompt, chance)


def _drawn(request: Request, options: ProceduralOptions, prompt: Prompt, chance: Remembered) -> Drawing:
    # Chance answers the four questions that builders ask of a numpy generator.
    found = Procedural(options).draw(replace(request, prompt=prompt), cast(np.random.Generator, chance))
    if isinstance(found, Refusal):
        raise InputError(found.code, found.message)
    return Drawing(*found)
