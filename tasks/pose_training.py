"""Trains the network of ml.canonical_pose on procedural assets, with examples that a killed training keeps."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from manifests.errors import RecipeError
from manifests.options import build_options
from ml.alignment.captions import draw
from ml.alignment.examples import parts_of_categories
from ml.asset import F32
from ml.canonical_pose import SIDE, pose_grid, sources
from tasks.procedural_examples import category_at, drawn_asset
from tasks.sampling import uniform_samples

POINTS = 2048
KEPT = 480  # assets a file of examples, 6.6 MB
ALIKE = 0.25  # of the mass at half the cells: turns that move less leave a shape as it was, a vase is right in four


@dataclass(frozen=True)
class PoseRecipe:
    """What `datasets/training/pose.toml` holds; the same recipe gives the same weights on the same machine."""

    seed: int = field(default=1, metadata={"min": 0, "help": "of the assets, the network and the order"})
    assets: int = field(default=14_400, metadata={"min": 1, "help": "as many of each of the 48 categories"})
    steps: int = field(default=4000, metadata={"min": 1})
    batch: int = field(default=48, metadata={"min": 1})
    width: int = field(default=80, metadata={"min": 1, "help": "of the one hidden layer"})
    rate: float = field(default=3e-3, metadata={"min": 0.0, "help": "peak of AdamW's one cycle"})
    decay: float = field(default=0.05, metadata={"min": 0.0})
    dropped: float = field(
        default=0.1, metadata={"min": 0.0, "max": 0.9, "help": "share of cells lost, so that no single one decides"}
    )
    noise: float = field(default=0.1, metadata={"min": 0.0, "help": "Gaussian, in shares of a cell's value"})


def read_pose_recipe(path: Path) -> PoseRecipe:
    """The recipe of a TOML file; raises RecipeError."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path.name}: {error}") from error
    return build_options(PoseRecipe, table, path.name)


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


def kept_grids(recipe: PoseRecipe, folder: Path, tell: Callable[[str], None]) -> F32:
    """(assets, 2, SIDE³): each asset through two samplings of its surface, made where the folder lacks them; 7 CPU-ms
    an asset."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for start in range(0, recipe.assets, KEPT):
        end = min(start + KEPT, recipe.assets)
        path = folder / f"{recipe.seed}-{start:08d}-{end:08d}.npy"
        if not path.exists():
            points = [canonical_points(recipe.seed, index, 2 * POINTS) for index in range(start, end)]
            temporary = path.with_suffix(".part.npy")
            np.save(temporary, np.stack([[pose_grid(each[0::2]), pose_grid(each[1::2])] for each in points]))
            temporary.replace(path)
            tell(f"{end}/{recipe.assets} examples")
        found.append(np.load(path, allow_pickle=False))
    return np.concatenate(found)


def train_pose(recipe: PoseRecipe, grids: F32, tell: Callable[[str], None] = lambda line: None) -> dict[str, F32]:
    """The weights, float16: cross entropy of the 24 turns of (assets, 2, SIDE³) grids against those that are right."""
    import torch

    torch.set_num_threads(1)
    right = torch.tensor(right_turns(grids[:, 0]), dtype=torch.float32)
    right, cells = right / right.sum(dim=1, keepdim=True), torch.tensor(grids)
    torch.manual_seed(recipe.seed)
    network = torch.nn.Sequential(
        torch.nn.Linear(SIDE**3, recipe.width), torch.nn.ReLU(), torch.nn.Linear(recipe.width, 1, bias=False)
    )
    optimiser = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.steps)
    places, shape = torch.tensor(sources()), (recipe.batch, SIDE**3)
    for step in range(1, recipe.steps + 1):
        rows = torch.randint(len(grids), (recipe.batch,))
        kept = torch.rand(shape) > recipe.dropped
        seen = cells[rows, torch.randint(2, (recipe.batch,))]
        noisy = seen * (1.0 + recipe.noise * torch.randn(shape)) * kept
        scores = network(noisy[:, places]).squeeze(-1)
        loss = -(right[rows] * torch.log_softmax(scores, 1)).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 500 == 0:
            tell(f"step {step}/{recipe.steps}, loss {float(loss.detach()):.3f}")
    first, bias, second = (value.detach().numpy() for value in network.parameters())
    return {
        "first": first.T.astype(np.float16),
        "bias": bias.astype(np.float16),
        "second": second[0].astype(np.float16),
    }
