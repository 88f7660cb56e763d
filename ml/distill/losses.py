"""What fitting a field minimises beside its pictures: that it is a distance, and that it agrees with masks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ml.distill.field import Field


def eikonal_loss(field: Field, near_surface: Tensor, count: int, chance: torch.Generator) -> Tensor:
    """Mean (|∇f| − 1)² at `count` points, half of them anywhere in the ball (Gropp et al. 2020, eq. 3)."""
    kind = {"dtype": near_surface.dtype, "device": near_surface.device}
    anywhere = 2.0 * torch.rand(count // 2, 3, generator=chance, **kind) - 1.0  # type: ignore[call-overload]
    rows = torch.randint(len(near_surface), (count - count // 2,), generator=chance, device=near_surface.device)
    points = torch.cat([anywhere, near_surface[rows]])
    off: Tensor = field.gradient(points).norm(dim=1) - 1.0
    return off.square().mean()


def mask_loss(opacity: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy of (n,) opacities against (n,) masks of 0 and 1."""
    return functional.binary_cross_entropy(opacity.clamp(1e-4, 1.0 - 1e-4), mask)
