"""The shape autoencoder: surface points to a set of latent tokens, and tokens to the planes of an implicit field.

After 3DShape2VecSet (Zhang et al. 2023) and Dora's two attentions (Chen et al. 2025): uniform and salient points.
Ours: the tokens' anchors are fixed, so that a token always speaks of the same place and a mask can choose tokens; and
tokens become planes once, so that a query costs 18 kFLOP instead of attention over all tokens, 1.5 MFLOP.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.shapes.blocks import POINT, Attention, Block, FeedForward, ReadingBlock, fourier, spread_points
from ml.shapes.field import FieldReader, Planes
from ml.shapes.recipe import VaeConfig

NORMAL, LOOKS = 3, 8
MIDDLE = 64  # channels of the planes at half resolution


class ShapeVae(nn.Module):
    """`encode` to a normal distribution over tokens, `decode` to planes, `distance` and `looks` at points."""

    anchors: Tensor

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("anchors", spread_points(config.tokens))
        self.encoder = PointEncoder(config)
        self.decoder = PlaneDecoder(config)
        self.reader = FieldReader(config.geometry, config.looks, config.hidden)

    def encode(
        self, surface: Tensor, normals: Tensor, looks: Tensor, edges: Tensor, edge_normals: Tensor, extents: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, (b, n, c) each, of (b, s, 3) points with normals and (b, s, 8) looks, (b, e, 3)
        points on sharp edges with normals, and (b, 3) extents."""
        points = torch.cat([fourier(surface), normals, looks], dim=-1)
        sharp = torch.cat([fourier(edges), edge_normals], dim=-1)
        mean, spread = self.encoder(points, sharp, self.anchors, extents).float().chunk(2, dim=-1)
        return mean, spread.clamp(-12.0, 4.0)

    def decode(self, latent: Tensor, extents: Tensor) -> Planes:
        """The planes of (b, n, c) tokens and (b, 3) extents."""
        planes = self.decoder(latent, self.anchors, extents)
        return Planes(*planes.split((self.config.geometry, self.config.looks), dim=2))

    def distance(self, planes: Planes, points: Tensor) -> Tensor:
        """(b, q) signed distances, isotropic units, of (b, q, 3) points in the box frame."""
        return self.reader.distance(planes, points)

    def looks(self, planes: Planes, points: Tensor) -> Tensor:
        """(b, q, 8) looks at (b, q, 3) points in the box frame."""
        return self.reader.looks(planes, points)


class PointEncoder(nn.Module):
    """Tokens at anchors that read two sets of points."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        self.points, self.sharp = nn.Linear(POINT + NORMAL + LOOKS, width), nn.Linear(POINT + NORMAL, width)
        self.place = AnchorEmbedding(config)
        self.query_norm, self.points_norm, self.sharp_norm = (nn.LayerNorm(width) for _ in range(3))
        self.read_points, self.read_sharp = Attention(width, heads), Attention(width, heads)
        self.forward_norm, self.forward_layer = nn.LayerNorm(width), FeedForward(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(config.encoder_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 2 * config.channels)

    def forward(self, points: Tensor, sharp: Tensor, anchors: Tensor, extents: Tensor) -> Tensor:
        """(b, n, 2·c) from (b, s, f) and (b, e, g) features of points."""
        x = self.place(anchors, extents)
        query = self.query_norm(x)
        x = x + self.read_points(query, self.points_norm(self.points(points)))
        x = x + self.read_sharp(query, self.sharp_norm(self.sharp(sharp)))
        x = x + self.forward_layer(self.forward_norm(x))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.out(self.norm(x))
        return out


class AnchorEmbedding(nn.Module):
    """What a token knows before it reads: its place, and how the box is stretched."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.place, self.extents = nn.Linear(POINT, config.width), nn.Linear(3, config.width)
        self.own = nn.Parameter(torch.randn(config.tokens, config.width) * 0.02)

    def forward(self, anchors: Tensor, extents: Tensor) -> Tensor:
        """(b, n, w) of (n, 3) anchors and (b, 3) extents."""
        still: Tensor = self.place(fourier(anchors)) + self.own
        stretched: Tensor = self.extents(extents.log2())
        return still + stretched[:, None]


class PlaneDecoder(nn.Module):
    """Tokens to three planes: tokens talk, plane tokens read them, and each unfolds into 8 × 8 samples."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        width, heads, side = config.width, config.heads, config.plane_tokens
        channels = config.geometry + config.looks
        self.side = side
        self.latent, self.place = nn.Linear(config.channels, width), AnchorEmbedding(config)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(config.decoder_layers))
        self.plane_places = nn.Parameter(torch.randn(3 * side * side, width) * 0.5)
        self.plane_blocks = nn.ModuleList(ReadingBlock(width, heads) for _ in range(config.plane_layers))
        self.norm = nn.LayerNorm(width)
        self.unfold = nn.Linear(width, 16 * MIDDLE)
        self.mix = nn.Sequential(_norm(), nn.SiLU(), _conv(MIDDLE, MIDDLE), _norm(), nn.SiLU(), _conv(MIDDLE, MIDDLE))
        self.finer = nn.Conv2d(MIDDLE, 4 * MIDDLE, 1)
        self.out = nn.Sequential(nn.SiLU(), _conv(MIDDLE, channels))

    def forward(self, latent: Tensor, anchors: Tensor, extents: Tensor) -> Tensor:
        """(b, 3, channels, 8·side, 8·side) of (b, n, c) tokens."""
        x = self.latent(latent) + self.place(anchors, extents)
        for block in self.blocks:
            x = block(x)
        y = self.plane_places.expand(len(x), -1, -1).to(x.dtype)
        for block in self.plane_blocks:
            y = block(y, x)
        y = self.unfold(self.norm(y)).reshape(3 * len(x), self.side, self.side, -1).permute(0, 3, 1, 2)
        y = functional.pixel_shuffle(y, 4)
        y = y + self.mix(y)
        y = functional.pixel_shuffle(self.finer(y), 2)
        planes: Tensor = self.out(y)
        return planes.reshape(len(x), 3, *planes.shape[1:])


def _norm() -> nn.GroupNorm:
    return nn.GroupNorm(8, MIDDLE)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
