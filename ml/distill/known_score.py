"""A diffusion model whose score is known in closed form: what shows without any weights that distillation works."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ml.distill.schedules import Shot


@dataclass(frozen=True)
class KnownScore:
    """Pictures are normal around the one that `picture_of` a shot gives, (3, h, w) in 0–1, with deviation `spread`.

    z is 2x − 1 and z_t = cos(πt/2) z + sin(πt/2) ε, so that z_t is normal around α μ with variance α² τ² + σ², and the
    noise expected in it is −σ ∇ log p(z_t) = σ (z_t − α μ) / (α² τ² + σ²).
    """

    picture_of: Callable[[Shot], Tensor]
    spread: float = 0.1

    def encode(self, pictures: Tensor) -> Tensor:
        """In −1 … 1."""
        return 2.0 * pictures - 1.0

    def levels(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """A quarter of a circle."""
        angle = 0.5 * math.pi * times[:, None, None, None]
        return angle.cos(), angle.sin()

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        """The expected noise."""
        mean = self.encode(torch.stack([self.picture_of(shot) for shot in shots]).to(noisy))
        return self.noise_around(mean, noisy, times)

    def noise_around(self, mean: Tensor, noisy: Tensor, times: Tensor) -> Tensor:
        """The same around other (b, 3, h, w) means, such as those that a second score has learnt."""
        alpha, sigma = self.levels(times)
        return sigma * (noisy - alpha * mean) / (alpha.square() * self.spread**2 + sigma.square())
