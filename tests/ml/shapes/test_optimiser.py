"""Muon's updates are near orthogonal, do not depend on their neighbours, and stay out where gradients are broken."""

from __future__ import annotations

import torch
from torch import nn

from ml.shapes.optimiser import MuonAdamW, orthogonalised


class Two(nn.Module):
    """Two matrices that Muon moves, one that is too small, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(64, 96), nn.Linear(96, 64)])
        self.small = nn.Linear(64, 2)


def stepped(model: Two, gradients: list[torch.Tensor], broken: float = 0.0, steps: int = 1) -> None:
    optimiser = MuonAdamW(model, 0.01, 0.1, 0.98)
    for _ in range(steps):
        for weight, gradient in zip(model.parameters(), gradients, strict=True):
            weight.grad = gradient.clone()
        optimiser.found_inf = torch.tensor(broken)  # type: ignore[attr-defined]
        optimiser.step()


def test_singular_values_come_near_one_and_vectors_stay() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(3, 64, 96)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    found = orthogonalised(matrices)
    values = torch.linalg.svdvals(found)
    assert float(values.min()) > 0.3
    assert float(values.max()) < 1.3
    turned = left.mT @ found @ right.mT
    assert torch.allclose(turned, torch.diag_embed(turned.diagonal(dim1=1, dim2=2)), atol=1e-3)


def test_matrices_of_one_shape_move_as_each_alone() -> None:
    torch.manual_seed(0)
    model = Two()
    before = [weight.detach().clone() for weight in model.parameters()]
    gradients = [torch.randn_like(weight) for weight in before]
    stepped(model, gradients)
    for at in (0, 2):  # 96 × 64 and its transpose's shape, moved in one stack
        nesterov = gradients[at] * 0.05 + 0.95 * 0.05 * gradients[at]
        wide = nesterov.T if at == 0 else nesterov
        update = orthogonalised(wide[None])[0] * (0.6 * 96**0.5) * 0.01
        expected = before[at] * (1 - 0.01 * 0.1) - (update.T if at == 0 else update)
        assert torch.allclose(list(model.parameters())[at], expected, atol=1e-5)
    assert not torch.equal(model.small.weight, before[4])


def test_nothing_moves_where_gradients_are_broken() -> None:
    torch.manual_seed(0)
    model = Two()
    before = [weight.detach().clone() for weight in model.parameters()]
    stepped(model, [torch.full_like(weight, torch.nan) for weight in before], broken=1.0, steps=2)
    assert all(torch.equal(*each) for each in zip(model.parameters(), before, strict=True))
