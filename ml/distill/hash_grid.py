"""A multiresolution hash grid in plain torch: features of points from grids of growing fineness."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PRIMES = (1, 2654435761, 805459861)  # of the spatial hash (Teschner et al. 2003), as in Müller et al. 2022, eq. 4
START = 1e-4  # features start in ±this (Müller et al. 2022, section 4)


class HashGrid(nn.Module):
    """Features over the cube [−1, 1]³ (Müller et al. 2022, 'Instant neural graphics primitives').

    Level l has round(coarsest · b^l) cells a side, the last `finest`. A level of no more than 2^`log2_size` nodes is a
    volume, which torch interpolates itself (1 µs a point and eight levels on one core; hashed levels take 4); nodes of
    the finer ones share 2^`log2_size` rows by a hash. Points outside the cube have the features of its border.
    """

    def __init__(self, levels: int, coarsest: int, finest: int, log2_size: int, features: int = 2) -> None:
        super().__init__()
        growth = (finest / coarsest) ** (1.0 / max(levels - 1, 1))
        self.cells = [round(coarsest * growth**level) for level in range(levels)]
        self.size, self.features, self.open = 1 << log2_size, features, levels
        dense = [cells for cells in self.cells if (cells + 1) ** 3 <= self.size]
        hashed = self.cells[len(dense) :]
        self.volumes = nn.ParameterList(START * (2.0 * torch.rand(1, features, *[c + 1] * 3) - 1.0) for c in dense)
        self.table = nn.Parameter(START * (2.0 * torch.rand(len(hashed) * self.size, features) - 1.0))
        self.register_buffer("hashed", torch.tensor(hashed, dtype=torch.int64), persistent=False)

    @property
    def width(self) -> int:
        """Features a point."""
        return len(self.cells) * self.features

    @property
    def cell(self) -> float:
        """Side of a cell of the finest open level."""
        return float(2.0 / self.cells[self.open - 1])

    def open_levels(self, share: float) -> None:
        """Let only the coarsest `share` of the levels count, at least one; the others give zeros (Li et al. 2023)."""
        self.open = min(len(self.cells), max(1, round(share * len(self.cells))))

    def forward(self, points: Tensor) -> Tensor:
        """(n, width) features of (n, 3) points."""
        points = points.clamp(-1.0, 1.0)
        grid = points[None, :, None, None, :]  # a volume is indexed z, y, x
        found = []
        for volume in self.volumes[: self.open]:
            values = functional.grid_sample(volume, grid, "bilinear", "border", align_corners=True)
            found.append(values[0, :, :, 0, 0].T)
        count = self.open - len(found)
        if count > 0:
            found.append(self._hashed_features(0.5 * points + 0.5, count))
        features = torch.cat(found, dim=1)
        return functional.pad(features, (0, self.width - features.shape[1]))

    def _hashed_features(self, places: Tensor, count: int) -> Tensor:
        """(n, count · features) of the first hashed levels; `places` lie in [0, 1]."""
        hashed: Tensor = self.hashed[:count]  # type: ignore[index]
        scaled = places[:, None, :] * hashed[:, None]
        low = torch.minimum(scaled.detach().floor().long(), hashed[:, None] - 1)
        share = scaled - low
        keys = torch.stack([low, low + 1], dim=-1) * torch.tensor(PRIMES, device=places.device)[:, None]
        x, y, z = keys[:, :, 0, :, None, None], keys[:, :, 1, None, :, None], keys[:, :, 2, None, None, :]
        rows = ((x ^ y ^ z) & (self.size - 1)).flatten(2)
        rows = rows + self.size * torch.arange(count, device=places.device)[:, None]
        ends = torch.stack([1.0 - share, share], dim=-1)
        weights = ends[:, :, 0, :, None, None] * ends[:, :, 1, None, :, None] * ends[:, :, 2, None, None, :]
        values = self.table.index_select(0, rows.flatten()).reshape(*rows.shape, self.features)
        return torch.einsum("nlcf,nlc->nlf", values, weights.flatten(2)).flatten(1)
