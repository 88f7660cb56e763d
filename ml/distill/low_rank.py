"""The second score of VSD: the prior's own network with low-rank changes, which learns what the renders look like."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ml.asset import InputError
from ml.distill.diffusion_prior import DiffusionPrior
from ml.distill.schedules import Shot

RANK = 4  # of the changes, as ProlificDreamer's code has it
ADAPTED = ("to_q", "to_k", "to_v", "to_out.0")  # layers of attention (Hu et al. 2021, section 4.2)
POSE = 12  # numbers of a camera: rotation and position


class LowRankScore(nn.Module):
    """The prior at guidance 1, told the camera, plus B·A to each layer of its attention (Hu et al. 2021, 'LoRA').

    At the start B and the camera's part are zero, so that it is the prior. The prior itself stays what it is: changes
    count only while this score is asked.
    """

    def __init__(self, prior: DiffusionPrior, rank: int = RANK) -> None:
        """Raises InputError `distill.unsupported-pipeline` for a denoiser without layers of attention."""
        super().__init__()
        self.prior = prior
        named = prior.denoiser.named_modules()
        self.layers: list[nn.Linear] = [m for n, m in named if isinstance(m, nn.Linear) and n.endswith(ADAPTED)]
        if not self.layers:
            raise InputError("distill.unsupported-pipeline", "the denoiser has no layers of attention to adapt")
        shapes = [(layer.in_features, layer.out_features) for layer in self.layers]
        device = prior.device
        downs = (torch.randn(rank, inputs, device=device) / math.sqrt(inputs) for inputs, _ in shapes)
        self.down = nn.ParameterList(nn.Parameter(values) for values in downs)
        self.up = nn.ParameterList(nn.Parameter(torch.zeros(outputs, rank, device=device)) for _, outputs in shapes)
        words = prior.calls["front"].others.get("encoder_hidden_states")
        self.camera = nn.Linear(POSE, 0 if words is None else words.shape[-1], bias=False, device=device)
        nn.init.zeros_(self.camera.weight)

    def noise(self, noisy: Tensor, times: Tensor, shots: Sequence[Shot]) -> Tensor:
        """The noise in (b, c, h, w) z_t, differentiable in this module's parameters."""
        poses = torch.stack([torch.tensor(shot.view.pose[:3].ravel(), dtype=torch.float32) for shot in shots])
        seen = self.camera(poses.to(noisy.device))[:, None] if self.camera.out_features else None
        with self._adapted():
            return self.prior.predicted(noisy, times, shots, 1, seen)

    @contextmanager
    def _adapted(self) -> Iterator[None]:
        hooks = [
            layer.register_forward_hook(_adds(down, up))
            for layer, down, up in zip(self.layers, self.down, self.up, strict=True)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _adds(down: Tensor, up: Tensor) -> Any:
    def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + (inputs[0].to(down.dtype) @ down.T @ up.T).to(output.dtype)

    return hook
