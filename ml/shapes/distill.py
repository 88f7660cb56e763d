"""Distils the flow: a student learns in one step what the guided teacher does in several, so that few steps suffice."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ml.shapes.conditions import draw_conditions, no_conditions
from ml.shapes.losses import encoded
from ml.shapes.recipe import DistilConfig
from ml.shapes.transformer import Context, ShapeFlow, whole_latent
from ml.shapes.vae import ShapeVae

Terms = dict[str, Tensor]


def distil_loss(
    teacher: ShapeFlow, vae: ShapeVae, how: DistilConfig, student: ShapeFlow, batch: Mapping[str, Tensor], step: int
) -> tuple[Tensor, Terms]:
    """How far the student's step is from the teacher's walk over the same stretch of time, both from a noised latent.

    Source: Salimans and Ho 2022, progressive distillation, for rectified flow and with Meng et al. 2023's guided
    teacher. All conditions are drawn as in the flow's own training. No negative prompt can act on the student.
    """
    wanted = draw_conditions(batch, step)
    with torch.no_grad():
        mean, _ = encoded(vae, batch)
        target = teacher.standardise(whole_latent(mean, batch["extents"]))
        noise = torch.randn_like(target)
        time = torch.randint(how.steps, (len(target),), device=target.device) / how.steps
        begin = noise + time[:, None, None] * (target - noise)
        nothing = no_conditions(len(target), target.device)
        contexts = teacher.conditions(wanted), teacher.conditions(nothing)
        goal = (walked(teacher, begin, time, contexts, how) - begin) * how.steps
    velocity = student(begin, time, student.conditions(wanted)).float()
    loss = (velocity - goal).square().mean()
    return loss, {"step": loss}


@torch.no_grad()
def walked(
    teacher: ShapeFlow, latent: Tensor, time: Tensor, contexts: tuple[Context, Context], how: DistilConfig
) -> Tensor:
    """(b, n + 1, c) latents one step of the student after (b,) `time`, in the guided teacher's substeps: the first is
    Euler's, the others two-step Adams–Bashforth's, as the sampler's are."""
    length = 1.0 / (how.steps * how.substeps)
    before = None
    for at in range(how.substeps):
        velocity = guided(teacher, latent, time + at * length, contexts, how)
        latent = latent + length * (velocity if before is None else 1.5 * velocity - 0.5 * before)
        before = velocity
    return latent


def guided(
    teacher: ShapeFlow, latent: Tensor, time: Tensor, contexts: tuple[Context, Context], how: DistilConfig
) -> Tensor:
    """(b, n + 1, c) velocities at (b,) times, guided where the interval holds the time."""
    wanted, away = (teacher(latent, time, context).float() for context in contexts)
    strength = torch.where((time >= how.start) & (time < how.end), how.guidance, 1.0)
    velocity: Tensor = away + strength[:, None, None] * (wanted - away)
    return velocity
