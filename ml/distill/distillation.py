"""The loop of score distillation: shoot, ask the model, move the field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ml.asset import InputError
from ml.distill.field import Field
from ml.distill.losses import eikonal_loss
from ml.distill.rays import picture_rays
from ml.distill.rendering import Rendered, Samples, render
from ml.distill.schedules import Cameras, NoiseLevels, Shot, Weighting, geometric
from ml.distill.score import Prior, RenderScore, distillation_loss, render_score_loss

HALF_OPEN = 0.5  # of the run, after which all levels of the grid are open


@dataclass(frozen=True)
class Distillation:
    """How long, how large and by which schedules."""

    steps: int = 2000
    batch: int = 4  # pictures a step
    side: int = 64  # pixels of a render; the prior enlarges it to its own size
    rate: float = 0.01  # Adam's, at the start; a tenth of it at the end
    own_rate: float = 1e-4  # of the second score (Wang et al. 2023, table 2)
    samples: Samples = field(default_factory=lambda: Samples(24, 16))
    sharpness: tuple[float, float] = (12.0, 120.0)
    cameras: Cameras = field(default_factory=Cameras)
    levels: NoiseLevels = field(default_factory=NoiseLevels)
    weighting: Weighting = "variance"
    eikonal: float = 0.1
    eikonal_points: int = 1024
    sparsity: float = 0.001  # of opacity: fog is no object (Poole et al. 2022, appendix A.2)


def distil(
    made: Field, prior: Prior, how: Distillation, seed: int, own: RenderScore | None = None, device: str = "cpu"
) -> None:
    """Change the field until its pictures are likely under the prior: by SDS, or by VSD with a second score `own`.

    Raises InputError `distill.diverged` when the field is no longer a number.
    """
    here = torch.Generator().manual_seed(seed)  # cameras and times come from the CPU: the same on every device
    chance = torch.Generator(device=device).manual_seed(seed + 1)
    optimiser = torch.optim.Adam(made.parameters(), lr=how.rate, betas=(0.9, 0.99), eps=1e-15)
    own_optimiser = torch.optim.AdamW(own.parameters(), lr=how.own_rate) if own is not None else None
    for step in range(how.steps):
        progress = step / max(how.steps - 1, 1)
        for group in optimiser.param_groups:
            group["lr"] = how.rate * 0.1**progress
        made.grid.open_levels(0.5 + 0.5 * min(1.0, progress / HALF_OPEN))
        shots = how.cameras.draw(how.batch, progress, here)
        pictures, seen = photographed(made, shots, how.side, geometric(how.sharpness, progress), how.samples, chance)
        times = how.levels.draw(how.batch, progress, here).to(device)
        clean = prior.encode(pictures)
        noise = torch.randn(clean.shape, generator=chance, device=device)
        loss = distillation_loss(prior, clean, shots, times, noise, how.weighting, own)
        loss = loss + _shape_loss(made, seen, how, chance)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        if not bool(loss.isfinite()):
            raise InputError("distill.diverged", f"the field is not a number after {step} steps: lower the rate")
        if own is not None and own_optimiser is not None:
            times = how.levels.draw(how.batch, 0.0, here).to(device)
            noise = torch.randn(clean.shape, generator=chance, device=device)
            own_optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(render_score_loss(prior, own, clean.detach(), shots, times, noise))
            own_optimiser.step()


def photographed(
    made: Field, shots: Sequence[Shot], side: int, sharpness: float, samples: Samples, chance: torch.Generator
) -> tuple[Tensor, list[Rendered]]:
    """(b, 3, side, side) pictures of the field, and what their rays met."""
    device = str(chance.device)
    seen, pictures = [], []
    for shot in shots:
        found = render(made, picture_rays(shot.view, side, side, device), sharpness, samples, chance, shot.light)
        seen.append(found)
        pictures.append(found.over(shot.background.to(device)).T.reshape(3, side, side))
    return torch.stack(pictures), seen


def _shape_loss(made: Field, seen: Sequence[Rendered], how: Distillation, chance: torch.Generator) -> Tensor:
    places = torch.cat([each.near_surface for each in seen])
    opacity = torch.cat([each.opacity for each in seen])
    sparse = (opacity.square() + 0.01).sqrt().mean()
    return how.eikonal * eikonal_loss(made, places, how.eikonal_points, chance) + how.sparsity * sparse
