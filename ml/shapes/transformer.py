"""The rectified-flow transformer over latent tokens, conditioned by cross-attention on a set of condition tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.shapes.blocks import POINT, Attention, FeedForward, Norm, fourier
from ml.shapes.conditions import ConditionEncoder, Conditions
from ml.shapes.example import THINNEST
from ml.shapes.recipe import FlowConfig, VaeConfig
from ml.shapes.vae import token_places

TIME = 256  # sines and cosines of a time
FLOOR = 0.3  # of a channel's spread over all tokens, below which a single token's spread is noise of the encoder
Context = tuple[Tensor, Tensor]


def whole_latent(tokens: Tensor, extents: Tensor) -> Tensor:
    """(b, n + 1, c): the tokens and one that repeats the (b, 3) extents' base-2 logarithms over its channels."""
    channels = tokens.shape[-1]
    repeated = extents.log2().repeat(1, channels // 3 + 1)[:, :channels]
    return torch.cat([tokens, repeated[:, None].to(tokens.dtype)], dim=1)


def split_latent(latent: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens (b, n, c) and extents (b, 3), the longest 1, of a whole latent."""
    tokens, last = latent[:, :-1], latent[:, -1]
    copies = last.shape[-1] // 3
    logs = last[:, : 3 * copies].reshape(-1, copies, 3).mean(dim=1)
    return tokens, (logs - logs.amax(dim=1, keepdim=True)).exp2().clamp(THINNEST, 1.0)


class ShapeFlow(nn.Module):
    """Velocity of latent tokens at a time between noise (0) and shape (1)."""

    anchors: Tensor
    middle: Tensor
    spread: Tensor

    def __init__(self, config: FlowConfig, vae: VaeConfig) -> None:
        super().__init__()
        width = config.width
        self.register_buffer("anchors", token_places(vae.side), persistent=False)
        self.register_buffer("middle", torch.zeros(vae.tokens + 1, vae.channels))
        self.register_buffer("spread", torch.ones(vae.tokens + 1, vae.channels))
        self.condition_encoder = ConditionEncoder(config)
        self.latent, self.place = nn.Linear(vae.channels, width), nn.Linear(POINT, width)
        self.own = nn.Parameter(torch.randn(vae.tokens + 1, width) * 0.02)
        self.time = nn.Sequential(nn.Linear(TIME, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.shared = nn.Linear(width, 6 * width)
        self.context_norm = Norm(width)
        self.blocks = nn.ModuleList(FlowBlock(width, config.heads) for _ in range(config.layers))
        self.norm, self.out = Norm(width), nn.Linear(width, vae.channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def conditions(self, asked: Conditions) -> Context:
        """Condition tokens and their mask, made once for all steps of a sampling."""
        tokens, mask = self.condition_encoder(asked)
        return self.context_norm(tokens), mask

    def forward(self, latent: Tensor, time: Tensor, context: Context) -> Tensor:
        """(b, n + 1, c) velocities of standardised latents at (b,) times."""
        known = self.place(fourier(self.anchors))
        x = self.latent(latent)
        x = x + self.own.to(x.dtype)
        x = torch.cat([x[:, :-1] + known, x[:, -1:]], dim=1)
        pace = self.shared(self.time(waves(time).to(x.dtype))).unflatten(1, (6, -1))
        for block in self.blocks:
            x = block(x, pace, context)
        out: Tensor = self.out(self.norm(x))
        return out

    def standardise(self, latent: Tensor) -> Tensor:
        """Latents with mean 0 and spread about 1."""
        return (latent - self.middle) / self.spread

    def restore(self, latent: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return latent * self.spread + self.middle

    @torch.no_grad()
    def learn_scale(self, latents: Tensor) -> None:
        """Take mean and spread from (k, n + 1, c) latents; a spread is at least FLOOR of its channel's."""
        tokens = latents[:, :-1]
        channel = tokens.std(dim=(0, 1))
        spread = torch.maximum(tokens.std(dim=0), FLOOR * channel)
        self.middle.copy_(latents.mean(dim=0))
        self.spread.copy_(torch.cat([spread, latents[:, -1:].std(dim=0) + 1e-3]))


class FlowBlock(nn.Module):
    """Self-attention, attention over the conditions and feed-forward; time scales, shifts and gates (Chen et al. 2024,
    PixArt-α: one layer of it for all blocks, and a table of each block's own)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(6, width) * 0.02)
        self.norm = Norm(width, scaled=False)
        self.attention, self.forward_layer = Attention(width, heads), FeedForward(width)
        self.reading_norm, self.reading = Norm(width), Attention(width, heads)

    def forward(self, x: Tensor, pace: Tensor, context: Context) -> Tensor:
        """(b, n, w) of (b, n, w), (b, 6, w) time modulation, and condition tokens with their mask."""
        shift, scale, gate, shift_2, scale_2, gate_2 = (pace + self.table.to(pace.dtype))[:, :, None].unbind(dim=1)
        inner = self.norm(x) * (1.0 + scale) + shift
        x = x + (1.0 + gate) * self.attention(inner, inner)
        x = x + self.reading(self.reading_norm(x), *context)
        inner = self.norm(x) * (1.0 + scale_2) + shift_2
        out: Tensor = x + (1.0 + gate_2) * self.forward_layer(inner)
        return out


def waves(time: Tensor) -> Tensor:
    """(b, TIME) sines and cosines of (b,) times in 0–1, with periods from 2π/1000 to 20π."""
    pitch = torch.logspace(3, -1, TIME // 2, device=time.device)
    angles = time.float()[:, None] * pitch
    return torch.cat([angles.sin(), angles.cos()], dim=1)
