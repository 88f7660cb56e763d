"""The field that is optimised: a start, and what a hash grid and two small networks change about it, where they may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.distill.hash_grid import HashGrid

# Corners of a tetrahedron: differences over four points give a gradient where six would along the axes.
TETRAHEDRON = ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0))
Where = Callable[[Tensor], Tensor]  # (n,) weights of (n, 3) points
CHANGE = 0.1  # of the distance network's output: at its start a step of Adam moves the surface by about 1 % of the ball


class Start(Protocol):
    """What a field is before anything was learnt."""

    def __call__(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) signed distances, negative inside, and (n, 3) logits of sRGB of (n, 3) points."""
        ...


@dataclass(frozen=True)
class Ball:
    """A grey ball around the origin."""

    radius: float = 0.5

    def __call__(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The ball's."""
        return points.norm(dim=1) - self.radius, torch.zeros_like(points)


class Volume(nn.Module):
    """Distances and colours at the nodes of a grid over [−1, 1]³, linear in between, such as those of an asset."""

    def __init__(self, distance: Tensor, logits: Tensor) -> None:
        """(r, r, r) signed distances and (r, r, r, 3) logits, indexed z, y, x."""
        super().__init__()
        self.register_buffer("values", torch.cat([distance[None], logits.movedim(-1, 0)])[None], persistent=False)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Beyond the cube, the border's values and the way there."""
        values: Tensor = self.values  # type: ignore[assignment]
        found = interpolated(values, points)
        beyond = (points - points.clamp(-1.0, 1.0)).norm(dim=1)
        return found[:, 0] + beyond, found[:, 1:]


def interpolated(values: Tensor, points: Tensor) -> Tensor:
    """(n, c) of (1, c, r, r, r) nodes over [−1, 1]³ at (n, 3) points."""
    grid = points[None, :, None, None, :]
    found: Tensor = functional.grid_sample(values, grid, "bilinear", "border", align_corners=True)
    return found[0, :, :, 0, 0].T


class Field(nn.Module):
    """Signed distance and colour over the unit ball, which is `start` until something is learnt.

    `where` gives (n,) weights of (n, 3) points: how much of the change counts there. Where it is 0 the field stays
    `start` to the last digit, whatever is learnt.
    """

    def __init__(self, grid: HashGrid, start: Start, hidden: int = 32, where: Where | None = None) -> None:
        super().__init__()
        self.grid, self.start, self.where = grid, start, where
        self.distance_layers = _layers(3 + grid.width, hidden, 1)
        self.colour_layers = _layers(3 + grid.width, hidden, 3)

    def distance(self, points: Tensor) -> Tensor:
        """(n,) signed distances of (n, 3) points, negative inside."""
        return self.start(points)[0] + self.distance_change(points)

    def distance_change(self, points: Tensor) -> Tensor:
        """(n,) what was learnt about the distance."""
        return self._limited(self._distance(self._inputs(points)), points)

    def read(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(n,) signed distances and (n, 3) sRGB, 0–1."""
        distance, logits = self.start(points)
        inputs = self._inputs(points)
        found: Tensor = self.colour_layers(inputs)
        colour = (logits + self._limited(found, points)).sigmoid()
        return distance + self._limited(self._distance(inputs), points), colour

    def gradient(self, points: Tensor) -> Tensor:
        """(n, 3) gradients of the distance by differences over a cell of the finest open level (Li et al. 2023,
        'Neuralangelo', section 3.1): they reach several cells, so that what is learnt from them is smooth."""
        corners = torch.tensor(TETRAHEDRON, dtype=points.dtype, device=points.device)
        step = self.grid.cell / 3.0**0.5
        moved = (points[None] + step * corners[:, None]).flatten(0, 1)
        found: Tensor = torch.einsum("kn,kd->nd", self.distance(moved).reshape(4, -1), corners)
        return found.div(4.0 * step)

    def _distance(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.distance_layers(inputs)
        return CHANGE * found[:, 0]

    def _inputs(self, points: Tensor) -> Tensor:
        return torch.cat([points, self.grid(points)], dim=1)

    def _limited(self, change: Tensor, points: Tensor) -> Tensor:
        if self.where is None:
            return change
        weights = self.where(points)
        return change * (weights if change.ndim == 1 else weights[:, None])


def _layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    last = nn.Linear(hidden, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), last)
