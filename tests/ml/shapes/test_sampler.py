"""The sampler's times: where its steps lie, and that an edit begins where it should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ml.shapes.recipe import FlowConfig, VaeConfig
from ml.shapes.sampler import SamplerOptions, sample
from ml.shapes.transformer import Context, ShapeFlow

VAE = VaeConfig(side=1, channels=8, width=32, heads=2, geometry=8, looks=8, hidden=16)


class Recorded(ShapeFlow):
    """Velocity 1 everywhere; keeps the times that it is asked at."""

    def __init__(self) -> None:
        super().__init__(FlowConfig(32, 2, 1, 1, 32, 1, 32), VAE)
        self.asked: list[float] = []

    def forward(self, latent: Tensor, time: Tensor, context: Context) -> Tensor:
        self.asked.append(float(time[0]))
        return torch.ones_like(latent)


@pytest.mark.parametrize("since", [0.0, 0.4])
def test_steps_lie_between_since_and_one(since: float) -> None:
    flow = Recorded()
    nothing: Context = (torch.zeros(1, 1, 32), torch.ones(1, 1, dtype=torch.bool))
    noise = torch.zeros(1, *flow.middle.shape)
    made = sample(flow, nothing, nothing, noise, SamplerOptions(8, guidance=1.0), since)
    assert flow.asked[0] == pytest.approx(since)
    steps = torch.tensor([*flow.asked, 1.0]).diff()
    assert torch.allclose(made, torch.full_like(made, 1.0 - since), atol=1e-5)
    assert torch.allclose(steps, torch.full_like(steps, (1.0 - since) / 8), atol=1e-5)
