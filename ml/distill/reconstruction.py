"""Views with known cameras to a field: colours, masks and the eikonal equation, without any prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from ml.distill.field import Field
from ml.distill.losses import eikonal_loss, mask_loss
from ml.distill.rays import Rays, picture_rays
from ml.distill.rendering import Samples, render
from ml.distill.schedules import geometric
from ml.views import View

SHARP = 0.6  # of the steps: while a surface is soft, thin things are seen through and grow fat to make up for it

REACH = 0.06  # of a picture's longer side


@dataclass(frozen=True)
class Fitting:
    """How long and how hard a field is fitted to pictures."""

    steps: int = 400
    rays: int = 512  # a step
    samples: Samples = field(default_factory=Samples)
    rate: float = 0.01  # Adam's, at the start; a tenth of it at the end
    sharpness: tuple[float, float] = (12.0, 300.0)  # at the start and from SHARP of the steps on, in between geometric
    mask: float = 0.5
    eikonal: float = 0.1
    eikonal_points: int = 512


@dataclass(frozen=True)
class Pixels:
    """All pixels of all views whose rays pass the ball."""

    rays: Rays
    colour: Tensor  # (n, 3) sRGB times the mask
    mask: Tensor  # (n,) 0 or 1
    near: Tensor  # (k,) those of the object, and as far around it as REACH

    def drawn(self, count: int, chance: torch.Generator) -> Pixels:
        """`count` of them, three quarters near the object, where both sides of its outline have the same chance: were
        the object's own pixels drawn more often, outlines would settle half a pixel outside."""
        device, anywhere = self.mask.device, count // 4
        rows = torch.randint(len(self.mask), (anywhere,), generator=chance, device=device)
        near = self.near[torch.randint(len(self.near), (count - anywhere,), generator=chance, device=device)]
        rows = torch.cat([rows, near])
        return Pixels(self.rays[rows], self.colour[rows], self.mask[rows], near)


def all_pixels(views: Sequence[View], pictures: Sequence[Tensor], device: str = "cpu") -> Pixels:
    """The pixels of (h, w, 4) pictures, sRGB and mask in 0–1, taken by `views` of the unit ball."""
    found = []
    for view, picture in zip(views, pictures, strict=True):
        height, width = picture.shape[:2]
        rays = picture_rays(view, width, height, device)
        mask = (picture[..., 3] > 0.5).float()
        reach = max(1, round(REACH * max(height, width)))
        near = functional.max_pool2d(mask[None], 2 * reach + 1, stride=1, padding=reach)
        values = torch.cat([picture[..., :3] * mask[..., None], mask[..., None], near[0, ..., None]], dim=2)
        columns = (
            rays.origins,
            rays.directions,
            rays.near[:, None],
            rays.far[:, None],
            values.reshape(-1, 5).to(device),
        )
        found.append(torch.cat(columns, dim=1)[rays.hits])
    every = torch.cat(found)
    rays = Rays(every[:, :3], every[:, 3:6], every[:, 6], every[:, 7])
    return Pixels(rays, every[:, 8:11], every[:, 11], torch.nonzero(every[:, 12])[:, 0])


def fit(made: Field, pixels: Pixels, how: Fitting, seed: int) -> None:
    """Make the field look like the pictures; it is changed in place."""
    device = pixels.mask.device
    chance = torch.Generator(device=device).manual_seed(seed)
    optimiser = torch.optim.Adam(made.parameters(), lr=how.rate, betas=(0.9, 0.99), eps=1e-15)
    for step in range(how.steps):
        progress = step / max(how.steps - 1, 1)
        for group in optimiser.param_groups:
            group["lr"] = how.rate * 0.1**progress
        made.grid.open_levels(0.5 + progress)
        sharpness = geometric(how.sharpness, min(1.0, progress / SHARP))
        shown = pixels.drawn(how.rays, chance)
        seen = render(made, shown.rays, sharpness, how.samples, chance)
        loss = (seen.colour - shown.colour).abs().mean() + how.mask * mask_loss(seen.opacity, shown.mask)
        loss = loss + how.eikonal * eikonal_loss(made, seen.near_surface, how.eikonal_points, chance)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
