"""Score distillation: what a diffusion model would change about a picture, as a gradient of that picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ml.distill.schedules import Shot, Weighting, weights


class Prior(Protocol):
    """A diffusion model of pictures z_t = α(t) z + σ(t) ε, which is told how each was shot."""

    def encode(self, pictures: Tensor) -> Tensor:
        """(b, c, h', w') z of (b, 3, h, w) pictures in 0–1, differentiable: latents, or the pictures in the model's own
        range and size."""
        ...

    def levels(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """(b, 1, 1, 1) α and σ at (b,) times in 0–1."""
        ...

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        """The noise that the model sees in (b, c, h', w') z_t, guided by its prompt."""
        ...


class RenderScore(Protocol):
    """The second score of variational score distillation: that of the renders themselves, learnt along the way."""

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        """The noise in z_t, differentiable in `parameters`."""
        ...

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """What is learnt."""
        ...


def guided(negative: Tensor, positive: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance away from the negative prompt (Ho & Salimans 2022, eq. 6); 1 is the prompt alone."""
    return negative + scale * (positive - negative)


def distillation_loss(
    prior: Prior,
    clean: Tensor,
    shots: Sequence[Shot],
    times: Tensor,
    noise: Tensor,
    weighting: Weighting = "variance",
    own: RenderScore | None = None,
) -> Tensor:
    """A number whose gradient in the field is that of the distillation, for (b, c, h', w') z of its pictures.

    Without `own` it is DreamFusion's SDS (Poole et al. 2022, eq. 3), ∇θ = w(t) (ε̂(z_t; y, t) − ε) ∂z/∂θ; with it,
    ProlificDreamer's VSD (Wang et al. 2023, eq. 9), where the noise that `own` predicts stands in place of ε. Both are
    means over all values of z, so that neither the batch nor the model's size changes the scale; the model itself is
    not differentiated.
    """
    with torch.no_grad():
        alpha, sigma = prior.levels(times)
        noisy = alpha * clean + sigma * noise
        expected = noise if own is None else own.noise(noisy, times, shots)
        gradient = weights(weighting, alpha, sigma) * (prior.noise(noisy, times, shots) - expected)
    return (gradient * clean).mean()


def render_score_loss(
    prior: Prior, own: RenderScore, clean: Tensor, shots: Sequence[Shot], times: Tensor, noise: Tensor
) -> Tensor:
    """The denoising loss that teaches `own` what the renders look like (Wang et al. 2023, eq. 10)."""
    alpha, sigma = prior.levels(times)
    return functional.mse_loss(own.noise(alpha * clean + sigma * noise, times, shots), noise)
