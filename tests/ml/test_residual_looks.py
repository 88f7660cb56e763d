"""The perceptual term: the shipped tower's features, a gradient that is right, and an order of what one sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ml.alignment.model import SHIPPED, load_alignment
from ml.residual import train
from ml.residual.patches import SIDE, procedural_pair
from ml.residual.perceptual import lit, looks_apart, tower
from ml.residual.train import residual_loss

EQUAL = 0.1  # mean squared difference, of reliefs of unit size


def reliefs(count: int, seed: int = 1) -> Tensor:
    """(count, 1, SIDE, SIDE) rough ones of unit size."""
    random = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    while len(found) < count:
        residual = procedural_pair(random)[1].astype(np.float64)
        if residual.std() > 0.2:  # pixels: rough enough to be seen
            found.append(residual / residual.std())
    return torch.from_numpy(np.stack(found)[:, None])


def apart(found: Tensor, truth: Tensor) -> float:
    return float(looks_apart(found, truth))


def equally_off(found: Tensor, truth: Tensor) -> Tensor:
    """The same difference, made as large by its square as every other one here."""
    off = found - truth
    return truth + off * torch.sqrt(EQUAL / off.square().mean(dim=(1, 2, 3), keepdim=True))


def blurred(relief: Tensor, reach: int) -> Tensor:
    padded = torch.nn.functional.pad(relief, (reach,) * 4, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 2 * reach + 1, stride=1)


def test_features_are_those_of_the_shipped_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = load_alignment(SHIPPED), []
    whole: Any = type(model.network)._bottleneck  # type: ignore[attr-defined]

    def noted(*given: Any) -> Any:
        seen.append(whole(*given))
        return seen[-1]

    monkeypatch.setattr(type(model.network), "_bottleneck", noted)  # type: ignore[attr-defined]
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    model.images(pictures)
    ours = tower()(torch.from_numpy(pictures.transpose(0, 3, 1, 2) / np.float32(255.0)))
    assert [tuple(each.shape[1:]) for each in ours] == [(16, 32, 32), (64, 16, 16), (128, 8, 8)]
    for found, theirs in zip(ours[1:], seen, strict=False):
        np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), theirs, rtol=1e-3, atol=1e-3)


def test_its_gradient_is_that_of_differences_and_leaves_the_tower_alone() -> None:
    truth = reliefs(2)
    found = (truth + 0.3 * torch.randn_like(truth)).requires_grad_()
    looks_apart(found, truth).backward()  # type: ignore[no-untyped-call]
    slope = found.grad
    assert slope is not None
    assert (slope.abs() > 0.0).float().mean() > 0.99
    way = torch.randn_like(truth)
    with torch.no_grad():
        rise = (apart(found + 1e-6 * way, truth) - apart(found - 1e-6 * way, truth)) / 2e-6
    assert rise == pytest.approx(float((slope * way).sum()), rel=1e-3)
    assert list(tower().parameters()) == []


def test_what_is_seen_counts_and_not_how_far_off_it_is() -> None:
    """All of these are off by the same mean square: a step up is not seen at all, a slope hardly, a shift by a pixel
    somewhat, and grain that is gone or that was not there most."""
    truth, random = reliefs(24), torch.Generator().manual_seed(2)
    slope = torch.linspace(-1.0, 1.0, SIDE, dtype=truth.dtype).expand_as(truth)
    shifted = torch.roll(truth, 1, dims=3)
    shifted[..., 0] = truth[..., 0]
    grain = torch.randn(truth.shape, generator=random, dtype=truth.dtype)
    changed = (truth + 1.0, truth + slope, shifted, truth + grain, blurred(truth, 2))
    step, tilt, moved, noisy, smooth = (apart(equally_off(each, truth), truth) for each in changed)
    assert step == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < tilt < 0.2 * moved
    assert moved < 0.9 * min(noisy, smooth)


def test_more_of_a_distortion_is_seen_more() -> None:
    truth, random = reliefs(8), torch.Generator().manual_seed(3)
    grain = torch.randn(truth.shape, generator=random, dtype=truth.dtype)
    for steps in ([truth + s * grain for s in (0.0, 0.1, 0.3, 1.0)], [truth, *(blurred(truth, r) for r in (1, 2, 4))]):
        told = [apart(each, truth) for each in steps]
        assert told[0] == 0.0
        assert told == sorted(told)
        assert len(set(told)) == len(told)


def test_lights_stand_on_all_sides() -> None:
    """Any slope brightens one colour and darkens another; the flat is grey."""
    flat = lit(torch.zeros(1, 1, 4, 4))
    assert float(flat.std()) == pytest.approx(0.0, abs=1e-7)
    for angle in np.linspace(0.0, 2.0 * np.pi, 12):
        rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
        plane = 0.3 * (float(np.cos(angle)) * columns + float(np.sin(angle)) * rows)
        seen = lit(plane[None, None]).mean(dim=(0, 2, 3)) - flat.mean()
        assert float(seen.max()) > 0.05
        assert float(seen.min()) < -0.05


def test_the_loss_of_the_training_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, mask = reliefs(2).float(), torch.ones(2, 1, SIDE, SIDE)
    mask[..., : SIDE // 2] = 0.0
    found = truth + 0.1 * torch.randn_like(truth)
    whole = float(residual_loss(found, truth, mask))
    monkeypatch.setattr(train, "looks_apart", lambda *_: torch.zeros(()))
    assert whole - float(residual_loss(found, truth, mask)) == pytest.approx(2.0 * apart(found * mask, truth * mask))
