"""Requests' conditions to shape fields by the shape model: batches in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ml.alignment.tokens import tokenize, vocabulary
from ml.asset import F32
from ml.plane_field import REACH
from ml.shapes.asked import Asked, pictures_of
from ml.shapes.conditions import Conditions, no_conditions
from ml.shapes.field import AXES
from ml.shapes.model import ShapeModel, load_model
from ml.shapes.sampler import SamplerOptions
from ml.shapes.shipped import WEIGHTS
from ml.vocabulary import CATEGORIES

PLACES = 3
LOOKS = 8  # ways in which the guess at pictures is noised
# How far the guess at one picture is noised, and the guidance of the step back: under its own name, and under words.
# Without guidance words tell nothing more: IoU 0.667 and with it 0.690, on 46 held-out assets whose pictures alone give
# 0.668.
SHOWN, TOLD = (0.6, 1.0), (0.7, 2.0)
THREADS = 1  # of torch: assets run in parallel already


def ready_model(folder: str = "") -> ShapeModel:
    """The shipped model, or one in another folder, on one thread; raises InputError `weights.*`."""
    torch.set_num_threads(THREADS)
    return load_model(Path(folder) if folder else WEIGHTS)


def draw(
    model: ShapeModel,
    asked: Sequence[Asked],
    seeds: Sequence[int],
    options: SamplerOptions = SamplerOptions(),
    start: Tensor | None = None,
    strength: float = 1.0,
    kept: Tensor | None = None,
) -> Tensor:
    """(b, n + 1, c) latents, one an asset; `start`, `strength` and `kept` as `ShapeModel.generate` has them.

    Where nothing else is begun with, pictures are guessed at first (`_from_guesses`). Assets with something unwanted,
    and with pictures, are drawn apart: the model draws them in another way, which must not depend on the batch.
    """
    drawn: dict[int, Tensor] = {}
    for kind in product((False, True), repeat=2):
        rows = [row for row, each in enumerate(asked) if (bool(each.unwanted), bool(each.pictures)) == kind]
        if not rows:
            continue
        refusing, pictured = kind
        some = [asked[row] for row in rows]
        away = no_conditions(len(rows))._replace(tokens=_tokens([each.unwanted for each in some])) if refusing else None
        own = [seeds[row] for row in rows]
        if pictured and start is None:
            from ml.shapes.filling import filled  # brings numba, which texts do not need
            from ml.shapes.outlines import outline_of

            guesses = guessed(model, some)
            if guesses:
                made = _from_guesses(model, some, own, guesses, options, away)
            else:
                made = model.generate(conditions(some), own, options, away)
            shown = [[outline_of(*picture) for picture in each.pictures] for each in some]
            made = torch.stack([filled(model, latent, each) for latent, each in zip(made, shown, strict=True)])
        else:
            known = None if start is None else start[rows]
            made = model.generate(conditions(some), own, options, away, known, strength, kept)
        drawn.update(zip(rows, made, strict=True))
    return torch.stack([drawn[row] for row in range(len(asked))])


def _from_guesses(
    model: ShapeModel,
    asked: Sequence[Asked],
    seeds: Sequence[int],
    guesses: Sequence[Guess],
    options: SamplerOptions,
    away: Conditions | None,
) -> Tensor:
    """(b, n + 1, c) latents: the guess noised in LOOKS ways, each led back in one step, and the mean of all.

    What is shown is one shape and not any of its kind: one draw of ten steps gives IoU 0.57, their mean 0.59–0.60 on 48
    held-out pictures at the cost of eight evaluations. A better guess, from more pictures, is noised less.
    """
    begun = torch.stack([guess.latent for guess in guesses])
    named = [replace(each, text=each.text or guess.category) for each, guess in zip(asked, guesses, strict=True)]
    made = begun.clone()
    kinds = [(len(each.pictures), each.text != guess.category) for each, guess in zip(named, guesses, strict=True)]
    for count, told in set(kinds):
        rows = [row for row, kind in enumerate(kinds) if kind == (count, told)]
        wanted = conditions([named[row] for row in rows])
        unwanted = None if away is None else Conditions(*(each[rows] for each in away))
        forgotten, guidance = TOLD if told else SHOWN
        noised = forgotten / count**0.5
        once = replace(options, steps=1, guidance=options.guidance if away else guidance)
        looks = [
            model.generate(wanted, [LOOKS * seeds[row] + k for row in rows], once, unwanted, begun[rows], noised)
            for k in range(LOOKS)
        ]
        made[rows] = torch.stack(looks).mean(dim=0)
    return made


@dataclass(frozen=True)
class Guess:
    """What an asset's pictures show at first sight."""

    category: str
    latent: Tensor  # (n + 1, c)
    probability: float  # of the category among all that it knows
    runner_up: str  # the second likeliest category


@torch.no_grad()
def guessed(model: ShapeModel, asked: Sequence[Asked]) -> list[Guess]:
    """One guess an asset, all of which have pictures: the mean of what each picture tells; empty where the model has
    no network for it."""
    guess = model.guess
    if guess is None:
        return []
    names = sorted(set(CATEGORIES.values()) & set(vocabulary()))
    columns = [vocabulary()[name] for name in names]
    found = []
    for each in asked:
        shown = conditions([each])
        words, parts = guess(*(values[0].to(model.device) for values in (shown.pictures, shown.kinds, shown.views)))
        likely = words[:, columns].log_softmax(dim=1).mean(dim=0).softmax(dim=0)
        (first, second), probability = likely.topk(2).indices.tolist(), float(likely.max())
        latent = model.flow.restore(guess.latent(parts.mean(dim=0, keepdim=True)))[0]
        found.append(Guess(names[first], latent, probability, names[second]))
    return found


def tokens_outside(model: ShapeModel, inside: Callable[[F32], npt.NDArray[np.bool_]]) -> Tensor:
    """(n + 1,) the tokens in whose columns, along the axis that their plane has not, no place is `inside`, and the one
    of the extents; `inside` is asked of (m, 3) points of the box frame, PLACES along a side of a token's cell."""
    side = model.vae.config.side
    line = ((np.arange(side * PLACES) + 0.5) * (2.0 / (side * PLACES)) - 1.0) * REACH
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    found = np.any(inside(points).reshape([side, PLACES] * 3), axis=(1, 3, 5))  # (x, y, z) cells
    columns = [found.any(axis=3 - across - up).T for across, up in AXES]  # rows along the plane's second axis
    return torch.from_numpy(np.append(~np.stack(columns).reshape(-1), True))


def conditions(asked: Sequence[Asked]) -> Conditions:
    """Of b assets; pictures as floats in 0–1."""
    shown, kinds, views = pictures_of(asked)
    numbers = [torch.tensor(each, dtype=torch.int64).reshape(shown.shape[:2]) for each in (kinds, views)]
    return Conditions(_tokens([each.text for each in asked]), torch.from_numpy(shown).float() / 255.0, *numbers)


def _tokens(texts: Sequence[str]) -> Tensor:
    """(b, CONTEXT) token numbers, zeros for ""."""
    numbers = torch.from_numpy(tokenize(texts))
    numbers[[not text for text in texts]] = 0
    return numbers
