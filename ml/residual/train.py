"""Training of the residual model: patches in, float16 weights out, minutes on one CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.asset import F32
from ml.residual.network import CONDITIONS, DILATIONS, TIMES, WIDTH, time_features
from ml.residual.patches import SIDE, USUAL, height_conditions, procedural_pair, random_mask
from ml.residual.perceptual import looks_apart

SCALES = (1, 2, 4)  # pixels over which the shaded pictures of the loss are averaged
STEEP = 1.0  # slope of a unit step of the residual in those pictures
MOST = 4.0  # of the residual's size: what is farther off is cut
Pair = tuple[F32, F32]  # conditions (SIDE, SIDE, CONDITIONS), residual (SIDE, SIDE) of unit size


class ResidualNetwork(nn.Module):
    """The network of ml.residual.network in torch; weights have the same names and shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1 + CONDITIONS, WIDTH, 3, padding=1)
        self.time = nn.Linear(TIMES, WIDTH * len(DILATIONS))
        self.layers = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=d, dilation=d) for d in DILATIONS)
        self.last = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, noisy: Tensor, conditions: Tensor, times: Tensor) -> Tensor:
        """(b, 1, h, w) residuals in `noisy`, given conditions (b, CONDITIONS, h, w) and time features (b, TIMES)."""
        hidden = functional.silu(self.first(torch.cat([noisy, conditions], dim=1)))
        shifts = self.time(times).view(len(noisy), len(DILATIONS), WIDTH, 1, 1)
        for k, layer in enumerate(self.layers):
            hidden = hidden + functional.silu(layer(hidden) + shifts[:, k])
        drawn: Tensor = self.last(hidden)
        return drawn


def train(real: list[Pair], steps: int, batch: int = 16, seed: int = 0) -> Iterator[tuple[float, dict[str, F32]]]:
    """(loss, weights by name) every 50 steps and at the end; half of each batch are `real` pairs where there are any.

    The loss is MSE + L1 of the residual, L1 of its shaded pictures at three scales, and how different pictures of it
    look to a perceptual network (`looks_apart`).
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    random, network = np.random.default_rng(seed), ResidualNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps, pct_start=0.1)
    mean = 0.0
    for step in range(1, steps + 1):
        conditions, truth, noisy, times = _batch(real, batch, random)
        loss = residual_loss(network(noisy, conditions, times), truth, conditions[:, -1:])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        now = float(loss.detach())
        mean = now if step == 1 else 0.95 * mean + 0.05 * now
        if step % 50 == 0 or step == steps:
            yield mean, {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}


def residual_loss(found: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Scalar loss of (b, 1, h, w) residuals within their mask."""
    apart = (found - truth) * mask
    share = mask.mean().clamp_min(1e-6)
    total = (apart.square().mean() + apart.abs().mean()) / share
    for scale in SCALES:
        pictures = [functional.avg_pool2d(_shaded(x * mask), scale) for x in (found, truth)]
        total = total + (pictures[0] - pictures[1]).abs().mean() / share
    return total + looks_apart(found * mask, truth * mask) / share


def _shaded(relief: Tensor) -> Tensor:
    """(b, 2, h − 1, w − 1) pictures of a relief lit from two sides: x and y of its unit normals."""
    across = STEEP * (relief[..., :-1, 1:] - relief[..., :-1, :-1])
    down = STEEP * (relief[..., 1:, :-1] - relief[..., :-1, :-1])
    return torch.cat([across, down], dim=1) / torch.sqrt(1.0 + across.square() + down.square())


def _batch(real: list[Pair], batch: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    pairs = [real[random.integers(len(real))] if real and k % 2 else _made(random) for k in range(batch)]
    conditions = torch.from_numpy(np.stack([pair[0] for pair in pairs]).transpose(0, 3, 1, 2).copy())
    truth = torch.from_numpy(np.stack([pair[1] for pair in pairs])[:, None])
    t = random.uniform(0.02, 1.0, batch).astype(np.float32)
    times = torch.from_numpy(np.stack([time_features(float(level)) for level in t]))
    noise = torch.from_numpy(random.standard_normal(truth.shape).astype(np.float32))
    level = torch.from_numpy(t)[:, None, None, None]
    mask = conditions[:, -1:]
    return conditions, truth, ((1.0 - level) * truth + level * noise) * mask, times


def _made(random: np.random.Generator) -> Pair:
    """A procedural pair, large where its coarse surface is rough and small where that is smooth."""
    coarse, residual = procedural_pair(random)
    conditions = height_conditions(coarse, random_mask(random))
    return conditions, np.clip(residual * conditions[..., -1] / USUAL, -MOST, MOST).astype(np.float32)


def normalised(conditions: F32, residual: F32) -> Pair:
    """A whole atlas' pair with a residual of unit size within the mask: `amount` says how large it becomes."""
    mask = conditions[..., -1]
    size = float(np.sqrt((residual**2 * mask).sum() / max(float(mask.sum()), 1.0)))
    return conditions, np.clip(residual * mask / max(size, 1e-6), -MOST, MOST).astype(np.float32)


def patches(conditions: F32, residual: F32, least: float = 0.4) -> list[Pair]:
    """Patches of SIDE pixels, half overlapping, of a whole atlas, where at least that share is covered.

    The atlas' residual has unit size, not each patch's: where it is large and where small is for the network to tell.
    """
    found, residual = [], normalised(conditions, residual)[1]
    for y in range(0, len(residual) - SIDE + 1, SIDE // 2):
        for x in range(0, residual.shape[1] - SIDE + 1, SIDE // 2):
            place = (slice(y, y + SIDE), slice(x, x + SIDE))
            if conditions[place][..., -1].mean() >= least:
                found.append((conditions[place], residual[place]))
    return found


Half = npt.NDArray[np.float16]


def halves(weights: dict[str, F32]) -> dict[str, Half]:
    """The weights as they are shipped."""
    return {name: value.astype(np.float16) for name, value in weights.items()}
