"""The residual model: numpy runs what torch trained, few steps draw, and a hash grid holds a map at one cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.residual.field import fit_field
from ml.residual.network import WEIGHTS, denoised, draw_residual, shipped_weights, time_features
from ml.residual.patches import SIDE, _blurred, _noise, height_conditions, procedural_pair, random_mask
from ml.residual.train import ResidualNetwork, patches, residual_loss, train


def test_numpy_and_torch_say_the_same() -> None:
    torch.manual_seed(1)
    network, random = ResidualNetwork(), np.random.default_rng(0)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    noisy, conditions = (random.normal(size=shape).astype(np.float32) for shape in ((20, 24), (20, 24, 3)))
    seen = [torch.from_numpy(x.copy())[None] for x in (noisy[None], conditions.transpose(2, 0, 1), time_features(0.3))]
    theirs = network(*seen).detach().numpy()[0, 0]
    np.testing.assert_allclose(denoised(weights, noisy, conditions, 0.3), theirs, atol=1e-4)


def test_the_shipped_model_draws_relief_where_the_mask_is_and_the_same_for_the_same_seed() -> None:
    coarse, _ = procedural_pair(np.random.default_rng(3))
    mask = np.ones((SIDE, SIDE), np.float32)
    mask[:, 20:] = 0.0
    drawn = draw_residual(shipped_weights(), height_conditions(coarse, mask), 5)
    assert WEIGHTS.stat().st_size <= 300_000
    assert (drawn[:, 20:] == 0.0).all()
    assert 0.3 < drawn[:, :20].std() < 3.0
    np.testing.assert_array_equal(drawn, draw_residual(shipped_weights(), height_conditions(coarse, mask), 5))
    assert np.abs(drawn - draw_residual(shipped_weights(), height_conditions(coarse, mask), 6)).max() > 0.1


def test_the_shipped_model_knows_more_than_nothing_about_relief_it_has_not_seen() -> None:
    random, apart, still = np.random.default_rng(987), [], []
    for _ in range(12):
        coarse, truth = procedural_pair(random)
        truth = truth / truth.std()
        conditions = height_conditions(coarse, np.ones((SIDE, SIDE), np.float32))
        noisy = 0.5 * truth + 0.5 * random.standard_normal(truth.shape).astype(np.float32)
        apart.append(np.mean((denoised(shipped_weights(), noisy, conditions, 0.5) - truth) ** 2))
        still.append(np.mean((noisy - truth) ** 2))
    assert np.mean(apart) < 0.8 * np.mean(still)  # for white relief nothing beats 1


def test_the_shipped_model_draws_less_where_a_surface_is_smooth() -> None:
    random, mask, sizes = np.random.default_rng(55), np.ones((SIDE, SIDE), np.float32), {1.3: 0.0, 3.5: 0.0}
    for power in sizes:
        for seed in range(8):
            coarse = _blurred(1.5 * _noise(random, 2 * SIDE, power).astype(np.float64), 2.0)[:SIDE, :SIDE]
            sizes[power] += draw_residual(shipped_weights(), height_conditions(coarse, mask), seed).std() / 8
    assert sizes[3.5] < 0.5 * sizes[1.3]


@pytest.mark.slow
def test_training_lowers_the_loss_and_gives_what_it_gave() -> None:
    real = patches(
        np.ones((SIDE, 2 * SIDE, 3), np.float32), np.random.default_rng(0).random((SIDE, 2 * SIDE), np.float32)
    )
    assert len(real) == 3
    (first, _), (last, weights) = list(train(real, 100, batch=4))
    again = [weights for _, weights in train(real, 100, batch=4)][-1]
    assert last < 0.95 * first
    assert all((weights[name] == again[name]).all() for name in weights)


def test_the_loss_is_zero_for_the_truth_and_blind_beyond_the_mask() -> None:
    truth = torch.randn(2, 1, 16, 16)
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., :8] = 1.0
    other = truth.clone()
    other[..., 9:] += 5.0
    assert float(residual_loss(truth, truth, mask)) == 0.0
    assert float(residual_loss(other, truth, mask)) == 0.0
    assert float(residual_loss(truth + 1.0, truth, mask)) > 1.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([32, 64, 128]))
def test_a_field_holds_a_smooth_map(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    waves = random.uniform(-8.0, 8.0, (3, 2))
    truth = sum(np.sin(2 * np.pi * (a * x + b * y) * size / 128.0) for a, b in waves).astype(np.float32)
    mask = (random.random((size, size)) < 0.9).astype(np.float32)
    field = fit_field(truth, mask)
    uv = np.stack([(x + 0.5 / size).ravel(), (y + 0.5 / size).ravel()], axis=1).astype(np.float32)
    apart = (field.values(uv) - truth.ravel())[mask.ravel() > 0.0]
    assert np.sqrt(np.mean(apart**2)) < 0.1 * truth.std()
    outside = field.values(np.array([[-3.0, 0.5], [1.0, 1.0], [9.0, 9.0]], np.float32))
    assert np.isfinite(outside).all()


def test_a_large_map_fits_though_its_finest_grid_shares_entries() -> None:
    random = np.random.default_rng(2)
    truth = np.kron(random.normal(size=(64, 64)), np.ones((8, 8))).astype(np.float32)
    field = fit_field(truth, np.ones_like(truth))
    assert field.tables.shape[1] < 512 * 512
    centre = (np.stack(np.meshgrid(np.arange(64), np.arange(64)), axis=-1).reshape(-1, 2) + 0.5) / 64.0
    found = field.values(centre.astype(np.float32)).reshape(64, 64)
    assert np.sqrt(np.mean((found - truth[4::8, 4::8]) ** 2)) < 0.35


def test_masks_are_whole_or_half_planes() -> None:
    shares = [random_mask(np.random.default_rng(seed)).mean() for seed in range(40)]
    assert 5 < sum(share == 1.0 for share in shares) < 35
    assert min(shares) > 0.3
