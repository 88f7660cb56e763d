"""From noise to latents in a few steps, guided by what is asked and away from what is not wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ml.shapes.transformer import Context, ShapeFlow

Hold = Callable[[Tensor, float], Tensor]  # standardised latents at a time, to the same with some tokens set


@dataclass(frozen=True)
class SamplerOptions:
    """How a latent is drawn."""

    steps: int = field(default=10, metadata={"min": 1, "max": 100, "help": "evaluations of the flow"})
    guidance: float = field(default=3.0, metadata={"min": 1.0, "max": 20.0, "help": "how hard conditions pull"})
    start: float = field(default=0.0, metadata={"min": 0.0, "max": 1.0, "help": "time from which guidance acts"})
    end: float = field(default=0.8, metadata={"min": 0.0, "max": 1.0, "help": "time until which guidance acts"})
    order: int = field(default=2, metadata={"min": 1, "max": 2, "help": "1: Euler's steps, as distilled flows take"})


def seeded_noise(flow: ShapeFlow, seeds: Sequence[int]) -> Tensor:
    """(b, n + 1, c) noise, each row from its own seed, so that no row depends on its batch; made on the CPU."""
    shape = flow.middle.shape
    rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed % 2**63)) for seed in seeds]
    return torch.stack(rows).to(flow.middle.device)


@torch.no_grad()
def sample(
    flow: ShapeFlow,
    wanted: Context,
    unwanted: Context,
    noise: Tensor,
    options: SamplerOptions = SamplerOptions(),
    since: float = 0.0,
    hold: Hold | None = None,
) -> Tensor:
    """(b, n + 1, c) latents, restored to the autoencoder's scale.

    `unwanted` are the conditions of the row's negative prompt, or of nothing: guidance goes from their velocity to that
    of `wanted` (Ho and Salimans 2022), between `start` and `end` only (Kynkäänniemi et al. 2024). `noise` is what there
    is at time `since`: noise at 0, a noised latent when an asset is edited; `hold` then puts back what is to stay after
    each step (Lugmayr et al. 2022, RePaint). Two-step Adams–Bashforth: second order at
    one evaluation a step.
    """
    times = torch.linspace(since, 1.0, options.steps + 1, device=noise.device)
    latent, before, last = noise, None, 0.0
    for now, then in pairwise(times):
        time = now.expand(len(latent))
        velocity = flow(latent, time, wanted).float()
        if options.guidance != 1.0 and options.start <= float(now) < options.end:
            away = flow(latent, time, unwanted).float()
            velocity = away + options.guidance * (velocity - away)
        length = float(then - now)
        bend = 0.0 if before is None or options.order == 1 else 0.5 * length / last * (velocity - before)
        step = velocity + bend
        latent, before, last = latent + length * step, velocity, length
        latent = latent if hold is None else hold(latent, float(then))
    return flow.restore(latent)
