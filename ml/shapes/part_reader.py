"""Which named part of its category each place of a shape belongs to, and which parts wear what is said of the whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.shapes.blocks import fourier

OCTAVES = 4  # of a place: parts are no finer than a sixteenth of the box
POINT = 3 + 6 * OCTAVES + 3 + 3  # features of a place: itself, its normal, the extents
NEVER = -1e4  # logit of a name that the category never has


@dataclass(frozen=True)
class PartsConfig:
    """Sizes, and what the network knows, in the order of its numbers."""

    width: int
    categories: tuple[str, ...]
    names: tuple[str, ...]


class PartReader(nn.Module):
    """Point-wise layers with one maximum over all points between them (PointNet, Qi et al. 2017), told the category.

    `known` (c, n) are the names that a category has, and `whole` (c, n) is how often a part wears the whole's words.
    """

    known: Tensor
    whole: Tensor

    def __init__(self, config: PartsConfig) -> None:
        super().__init__()
        width, counts = config.width, (len(config.categories), len(config.names))
        self.config = config
        self.register_buffer("known", torch.zeros(counts))
        self.register_buffer("whole", torch.zeros(counts))
        self.category = nn.Embedding(counts[0], width)
        self.local = nn.Sequential(nn.Linear(POINT, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.mix = nn.Linear(3 * width, width)
        self.out = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, counts[1]))

    def forward(self, points: Tensor, normals: Tensor, extents: Tensor, category: Tensor) -> Tensor:
        """(b, s, n) logits of (b, s, 3) places in the box frame with normals, (b, 3) extents and (b,) categories."""
        sides = extents.log2()[:, None].expand_as(points)
        local = self.local(torch.cat([fourier(points, OCTAVES), normals, sides], dim=-1))
        told = torch.cat([local.amax(dim=1), self.category(category)], dim=-1)[:, None].expand(-1, points.shape[1], -1)
        found: Tensor = self.out(self.mix(torch.cat([local, told], dim=-1)))
        return torch.where(self.known[category][:, None] > 0, found, NEVER)
