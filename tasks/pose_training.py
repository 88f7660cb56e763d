"""Trains the network of ml.canonical_pose on procedural assets: `python -m tasks.pose_training`, 9 CPU-minutes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.alignment.captions import draw
from ml.alignment.examples import parts_of_categories
from ml.asset import F32
from ml.canonical_pose import SIDE, WEIGHTS, pose_grid, sources
from tasks.procedural_examples import category_at, drawn_asset
from tasks.sampling import uniform_samples

ASSETS, STEPS, BATCH, WIDTH, RATE = 14_400, 4000, 48, 80, 3e-3
POINTS = 2048
DROPPED = 0.1  # share of the cells that an example loses, so that no single one decides
ALIKE = 0.25  # of the mass at half the cells: turns that move less leave a shape as it was, a vase is right in four


def canonical_grid(seed: int, index: int) -> F32:
    """(SIDE³,) grid of a drawn asset as it was made, upright and facing +Z."""
    return pose_grid(canonical_points(seed, index, POINTS))


def canonical_points(seed: int, index: int, count: int) -> F32:
    """(count, 3) points on the surface of that asset."""
    random = np.random.default_rng([seed, index])
    category = category_at(seed, index)
    while True:
        asset = drawn_asset(draw(random, parts_of_categories(), category), category, int(random.integers(2**53)))
        if asset is not None:
            vertices, faces, _ = asset.merged()
            return uniform_samples(vertices, faces, count, index).points


def right_turns(grids: F32) -> Any:
    """(n, 24) which turns leave each shape (n, SIDE³) as it was, at half the resolution."""
    half = SIDE // 2

    def coarse(turned: F32) -> F32:
        cells: F32 = (turned**2).reshape(-1, half, 2, half, 2, half, 2).sum(axis=(2, 4, 6)).reshape(len(turned), -1)
        return cells

    still = coarse(grids)
    moved = [np.abs(coarse(grids[:, row]) - still).sum(axis=1) for row in sources()]
    return np.stack(moved, axis=1) < ALIKE * still.sum(axis=1, keepdims=True)


def train_pose(seed: int = 1) -> dict[str, F32]:
    """The weights: cross entropy of the 24 turns against those that are right.

    Each asset is seen through one of two samplings of its surface, with Gaussian noise on the cells and some lost.
    """
    import torch

    points = (canonical_points(seed, index, 2 * POINTS) for index in range(ASSETS))
    grids = np.stack([[pose_grid(each[0::2]), pose_grid(each[1::2])] for each in points])
    right = torch.tensor(right_turns(grids[:, 0]), dtype=torch.float32)
    right, cells = right / right.sum(dim=1, keepdim=True), torch.tensor(grids)
    torch.manual_seed(seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(SIDE**3, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1, bias=False)
    )
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    places = torch.tensor(sources())
    for _ in range(STEPS):
        rows = torch.randint(ASSETS, (BATCH,))
        kept = torch.rand(BATCH, SIDE**3) > DROPPED
        seen = cells[rows, torch.randint(2, (BATCH,))]
        noisy = seen * (1.0 + 0.1 * torch.randn(BATCH, SIDE**3)) * kept
        scores = network(noisy[:, places]).squeeze(-1)
        loss = -(right[rows] * torch.log_softmax(scores, 1)).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    first, bias, second = (value.detach().numpy() for value in network.parameters())
    return {
        "first": first.T.astype(np.float16),
        "bias": bias.astype(np.float16),
        "second": second[0].astype(np.float16),
    }


if __name__ == "__main__":
    np.savez(WEIGHTS, **train_pose())  # type: ignore[arg-type]
