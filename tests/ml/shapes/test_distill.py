"""The teacher's walk is guided where it should be, ends where its velocity leads, and is what the student learns."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ml.shapes.distill import guided, walked
from ml.shapes.recipe import DistilConfig
from ml.shapes.transformer import Context, ShapeFlow

NONE = torch.zeros(0)


def teacher(velocity: float, growth: float) -> ShapeFlow:
    """A flow whose velocity at time t is its context's number times `velocity + growth · t`."""

    def flow(latent: Tensor, time: Tensor, context: Context) -> Tensor:
        return context[0] * (velocity + growth * time)[:, None, None] * torch.ones_like(latent)

    return cast(ShapeFlow, flow)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.integers(2, 16), st.floats(-2, 2))
def test_a_steady_velocity_is_walked_exactly(steps: int, substeps: int, velocity: float) -> None:
    how = DistilConfig(steps, substeps, guidance=3.0, end=2.0)
    latent, time = torch.randn(3, 2, 4), torch.arange(3) % steps / steps
    contexts = ((torch.tensor(1.0), NONE), (torch.tensor(0.5), NONE))
    end = walked(teacher(velocity, 0.0), latent, time, contexts, how)
    assert torch.allclose(end, latent + velocity * (0.5 + 3.0 * 0.5) / steps, atol=1e-5)


def test_more_substeps_come_nearer_to_the_integral() -> None:
    contexts = ((torch.tensor(1.0), NONE), (torch.tensor(0.0), NONE))
    latent, time = torch.zeros(1, 1, 1), torch.zeros(1)
    ends = [
        float(walked(teacher(0.0, 2.0), latent, time, contexts, DistilConfig(2, substeps, 1.0)).squeeze())
        for substeps in (1, 4, 16)
    ]
    errors = [abs(end - 0.25) for end in ends]  # the integral of 2t to a half
    assert errors[0] > 4 * errors[1] > 16 * errors[2]


def test_guidance_acts_within_its_interval_alone() -> None:
    how = DistilConfig(4, guidance=3.0, start=0.25, end=0.75)
    contexts = ((torch.tensor(2.0), NONE), (torch.tensor(1.0), NONE))
    found = guided(teacher(1.0, 0.0), torch.zeros(4, 1, 1), torch.tensor([0.0, 0.25, 0.5, 0.75]), contexts, how)
    assert found.flatten().tolist() == pytest.approx([2.0, 4.0, 4.0, 2.0])
