"""Transformer layers shared by all shape networks: attention with normalised queries and keys; Fourier features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

RATIO = 4  # of a block's hidden width to its own
POINT = 3 + 48  # Fourier features of a place


class Norm(nn.RMSNorm):
    """Root-mean-square norm in the type of what comes in: under autocast torch's own layers go through float32, which
    moved a third of all bytes of a training step."""

    def __init__(self, width: int, scaled: bool = True) -> None:
        super().__init__(width, eps=1e-6, elementwise_affine=scaled)

    def forward(self, x: Tensor) -> Tensor:
        """(…, w) to (…, w)."""
        weight = None if self.weight is None else self.weight.to(x.dtype)
        return functional.rms_norm(x, self.normalized_shape, weight, self.eps)


class Attention(nn.Module):
    """Multi-head attention of `x` over `context`; queries and keys are normalised, which keeps bfloat16 stable at high
    learning rates (Dehghani et al. 2023, Scaling Vision Transformers to 22 Billion Parameters)."""

    def __init__(self, width: int, heads: int, context: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.pair = nn.Linear(context or width, 2 * width, bias=False)
        self.query_norm, self.key_norm = Norm(width // heads), Norm(width // heads)
        self.out = nn.Linear(width, width)
        nn.init.normal_(self.out.weight, std=0.3 * width**-0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """(b, n, w) from (b, n, w) and (b, m, c); `mask` (b, m) is True where there is something to see."""
        q = self._split(self.query(x))
        k, v = (self._split(each) for each in self.pair(context).chunk(2, dim=-1))
        q, k = self.query_norm(q), self.key_norm(k)
        seen = None if mask is None else mask[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), x.shape[1], self.heads, -1).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear layers around a GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rise, self.fall = nn.Linear(width, RATIO * width), nn.Linear(RATIO * width, width)
        nn.init.normal_(self.fall.weight, std=0.3 * (RATIO * width) ** -0.5)
        nn.init.zeros_(self.fall.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(…, w) to (…, w)."""
        out: Tensor = self.fall(functional.gelu(self.rise(x), approximate="tanh"))
        return out


class Block(nn.Module):
    """Self-attention and feed-forward, each added to what comes in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.attention = Norm(width), Attention(width, heads)
        self.forward_norm, self.forward_layer = Norm(width), FeedForward(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(b, n, w) to (b, n, w); `mask` (b, n) is True where there is a token."""
        inner = self.attention_norm(x)
        x = x + self.attention(inner, inner, mask)
        out: Tensor = x + self.forward_layer(self.forward_norm(x))
        return out


def fourier(points: Tensor, octaves: int = 8) -> Tensor:
    """(…, 3 + 6·octaves) sines and cosines of (…, 3) points at π, 2π, 4π, … and the points themselves."""
    angles = points[..., None, :] * (torch.pi * 2.0 ** torch.arange(octaves, device=points.device))[:, None]
    return torch.cat([points, angles.sin().flatten(-2), angles.cos().flatten(-2)], dim=-1)
