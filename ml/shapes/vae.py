"""The shape autoencoder: surface points to a set of latent tokens, and tokens to the planes of an implicit field.

Two sets of points are read, uniform and salient, as in Dora (Chen et al. 2025). Unlike 3DShape2VecSet (Zhang et al.
2023) a token stands for a cell of one of three planes from the beginning: points are averaged over the cells they
project to, as in Convolutional Occupancy Networks (Peng et al. 2020), instead of found by attention. With attention
over 128 free tokens, 400 steps of 128 shapes had learnt no colour yet (12 dB); and a token's place is known to masks.
Tokens become planes once, so that a query costs 18 kFLOP instead of attention over all tokens, 1.5 MFLOP.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.plane_field import REACH
from ml.shapes.blocks import POINT, Block, Norm, fourier
from ml.shapes.field import AXES, FieldReader, Planes
from ml.shapes.recipe import VaeConfig

NORMAL, LOOKS = 3, 8
POOLED = 95  # channels of the cells that points are averaged over; with their count 96
MIDDLE, FINE = 64, 48  # channels of planes at half of their resolution, and at the whole of it


class ShapeVae(nn.Module):
    """`encode` to a normal distribution over tokens, `decode` to planes, `distance` and `looks` at points."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = PointEncoder(config)
        self.decoder = PlaneDecoder(config)
        self.reader = FieldReader(config.geometry, config.looks, config.hidden)

    def encode(
        self, surface: Tensor, normals: Tensor, looks: Tensor, edges: Tensor, edge_normals: Tensor, extents: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, (b, n, c) each, of (b, s, 3) points with normals and (b, s, 8) looks, (b, e, 3)
        points on sharp edges with normals, and (b, 3) extents."""
        spread = torch.cat([fourier(surface), normals, looks], dim=-1)
        sharp = torch.cat([fourier(edges), edge_normals], dim=-1)
        mean, spread = self.encoder((surface, spread), (edges, sharp), extents).float().chunk(2, dim=-1)
        return mean, spread.clamp(-12.0, 4.0)

    def decode(self, latent: Tensor, extents: Tensor) -> Planes:
        """The planes of (b, n, c) tokens and (b, 3) extents."""
        return Planes(*self.decoder(latent, extents).split((self.config.geometry, self.config.looks), dim=2))

    def distance(self, planes: Planes, points: Tensor) -> Tensor:
        """(b, q) signed distances, isotropic units, of (b, q, 3) points in the box frame."""
        return self.reader.distance(planes, points)

    def looks(self, planes: Planes, points: Tensor) -> Tensor:
        """(b, q, 8) looks at (b, q, 3) points in the box frame."""
        return self.reader.looks(planes, points)


def token_places(side: int) -> Tensor:
    """(3·side², 3) middle of each token's cell in the box frame, 0 along the axis its plane has not; row by row."""
    middles = (torch.arange(side) + 0.5) * (2.0 * REACH / side) - REACH
    rows, columns = torch.meshgrid(middles, middles, indexing="ij")
    places = torch.zeros(3, side * side, 3)
    for plane, (across, up) in enumerate(AXES):
        places[plane, :, across], places[plane, :, up] = columns.flatten(), rows.flatten()
    return places.flatten(0, 1)


class PointEncoder(nn.Module):
    """Points to cells of three planes, cells to tokens at twice the resolution, and those four by four to tokens."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        width, heads, fine = config.width, config.heads, 2 * config.side
        self.side = config.side
        self.points, self.sharp = CellPooling(POINT + NORMAL + LOOKS, 2 * fine), CellPooling(POINT + NORMAL, 2 * fine)
        self.mix = nn.Conv2d(2 * POOLED + 2, 2 * POOLED + 2, 3, padding=1)
        self.join = nn.Conv2d(2 * POOLED + 2, width, 2, 2)
        self.places, self.extents = nn.Parameter(torch.randn(3 * fine * fine, width) * 0.1), nn.Linear(3, width)
        self.fine_blocks = nn.ModuleList(Block(width, heads) for _ in range(config.encoder_fine))
        self.merge = nn.Linear(4 * width, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(config.encoder_layers))
        self.norm, self.out = Norm(width), nn.Linear(width, 2 * config.channels)

    def forward(self, spread: tuple[Tensor, Tensor], sharp: tuple[Tensor, Tensor], extents: Tensor) -> Tensor:
        """(b, n, 2·c) from places and features of both sets of points."""
        count, fine = len(extents), 2 * self.side
        cells = torch.cat([self.points(*spread), self.sharp(*sharp)], dim=-1).flatten(0, 1).permute(0, 3, 1, 2)
        joined = self.join(functional.silu(self.mix(cells)))
        x = joined.permute(0, 2, 3, 1).reshape(count, 3 * fine * fine, -1)
        x = x + self.places.to(x.dtype) + self.extents(extents.log2())[:, None]
        for block in self.fine_blocks:
            x = block(x)
        x = x.reshape(count * 3, self.side, 2, self.side, 2, -1).transpose(2, 3)
        x = self.merge(x.reshape(count, 3 * self.side * self.side, -1))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.out(self.norm(x))
        return out


class CellPooling(nn.Module):
    """Points to the mean of their features over each cell of three planes, and how many there are."""

    def __init__(self, features: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.layers = nn.Sequential(nn.Linear(features, 2 * POOLED), nn.SiLU(), nn.Linear(2 * POOLED, POOLED))

    def forward(self, points: Tensor, features: Tensor) -> Tensor:
        """(b, 3, side, side, POOLED + 1) of (b, s, 3) points and (b, s, f) features; rows along the second axis."""
        count, size = len(points), self.side**2
        values = self.layers(features).float()
        values = torch.cat([values, torch.ones_like(values[..., :1])], dim=-1)
        cells = ((points / REACH + 1.0) * (0.5 * self.side)).long().clamp(0, self.side - 1)
        planes = torch.arange(3 * count, device=points.device).reshape(count, 3, 1) * size
        index = torch.stack([cells[..., up] * self.side + cells[..., across] for across, up in AXES], dim=1) + planes
        summed = torch.zeros((3 * count * size, values.shape[-1]), device=points.device)
        every = values[:, None].expand(-1, 3, -1, -1).reshape(-1, values.shape[-1])
        summed = summed.index_add(0, index.flatten(), every)
        many = summed[:, -1:]
        pooled = torch.cat([summed[:, :-1] / many.clamp_min(1.0), many.log1p()], dim=-1)
        return pooled.reshape(count, 3, self.side, self.side, -1)


class PlaneDecoder(nn.Module):
    """Tokens to three planes: tokens talk, each splits into four, those talk and unfold into 8 × 8 samples each."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        width, heads, tokens = config.width, config.heads, config.tokens
        self.side = config.side
        self.latent, self.extents = nn.Linear(config.channels, width), nn.Linear(3, width)
        self.places = nn.Parameter(torch.randn(tokens, width) * 0.1)
        self.fine_places = nn.Parameter(torch.randn(4 * tokens, width) * 0.1)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(config.decoder_layers))
        self.split = nn.Linear(width, 4 * width)
        self.fine_blocks = nn.ModuleList(Block(width, heads) for _ in range(config.decoder_fine))
        self.norm, self.unfold = Norm(width), nn.Linear(width, 16 * MIDDLE)
        self.middle_norm, self.middle_1, self.middle_2 = (
            Norm(MIDDLE),
            _conv(MIDDLE, MIDDLE),
            _conv(MIDDLE, MIDDLE),
        )
        self.finer = nn.Linear(MIDDLE, 4 * FINE)
        self.out = _conv(FINE, config.geometry + config.looks)

    def forward(self, latent: Tensor, extents: Tensor) -> Tensor:
        """(b, 3, channels, 16·side, 16·side) of (b, n, c) tokens; channels lie together in memory, as convolutions and
        bilinear reads want them."""
        count, side = len(latent), self.side
        x = self.latent(latent)
        x = x + self.places.to(x.dtype) + self.extents(extents.log2())[:, None]
        for block in self.blocks:
            x = block(x)
        x = _unfolded(self.split(x).reshape(3 * count, side, side, -1), 2)
        x = x.reshape(count, 12 * side * side, -1) + self.fine_places.to(x.dtype)
        for block in self.fine_blocks:
            x = block(x)
        y = _unfolded(self.unfold(self.norm(x)).reshape(3 * count, 2 * side, 2 * side, -1), 4)
        z = functional.silu(self.middle_norm(y)).permute(0, 3, 1, 2)
        z = self.middle_2(functional.silu(self.middle_1(z))).permute(0, 2, 3, 1)
        y = _unfolded(self.finer(y + z), 2).permute(0, 3, 1, 2)
        planes: Tensor = self.out(functional.silu(y))
        return planes.reshape(count, 3, *planes.shape[1:])


def _unfolded(x: Tensor, times: int) -> Tensor:
    """(b, h·times, w·times, c) of (b, h, w, times²·c): every place becomes a square of places."""
    b, h, w, _ = x.shape
    return x.reshape(b, h, w, times, times, -1).transpose(2, 3).reshape(b, h * times, w * times, -1)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
