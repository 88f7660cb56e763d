"""A stand-in for a stage of the shape model, as a program: it trains a small network that a kill or a rank may end."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ml.shapes.buffer import Batch, ExampleBuffer
from ml.shapes.example import ARRAYS, ShapeExample
from ml.shapes.ranks import joined
from ml.shapes.settings import Counts, TrainSettings
from ml.shapes.train import train

NAMES = ("extents", "surface", "surface_looks", "queries", "distances")
COUNTS = Counts(surface=32, edges=8, near=16, volume=8)
SETTINGS = TrainSettings(batch=4, steps=12, rate=1e-2, warm=3, at_least=6, log_every=1, save_every=4, save_seconds=0.0)


def toy_example(seed: int) -> ShapeExample:
    """Arrays of the right shapes; surface x holds the seed, so that tests see where a batch comes from."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.integers(0, 100, shape).astype(kind) for name, (kind, shape) in ARRAYS.items()}
    arrays["surface"][:, 0] = seed
    arrays["queries"] = (arrays["queries"] / 100).astype(np.float16)
    arrays["distances"] = np.sin(arrays["queries"].sum(axis=1)).astype(np.float16)
    arrays["extents"] = np.array([1.0, 0.5, 0.25], np.float32)
    return ShapeExample("chair", ("a", "b", "c"), seed, **arrays)


class Toy(nn.Module):
    """Distances of points, with two networks of which a step uses one or both."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 32), nn.SiLU(), nn.Linear(32, 1))
        self.odd = nn.Linear(3, 1)


def toy_loss(model: Toy, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Squared error, with noise; `odd` takes part in odd steps alone."""
    found = model.net(batch["queries"] + float(os.environ.get("NOISE", "0.01")) * torch.randn_like(batch["queries"]))
    if step % 2:
        found = found + model.odd(batch["queries"])
    error = ((found[..., 0] - batch["distances"]) ** 2).mean()
    return error, {"error": error, "at": torch.tensor(float(step))}


def main(folder: Path, batch: int, kill_after: int) -> None:
    """Train; die by SIGKILL when the log tells of step `kill_after`."""

    def tell(line: str) -> None:
        if kill_after and line.startswith(f"step {kill_after}:"):
            os.kill(os.getpid(), signal.SIGKILL)

    torch.manual_seed(1)
    settings = TrainSettings(**{**SETTINGS.__dict__, "batch": batch})
    with joined("cpu") as ranks, ExampleBuffer("cpu", 10**7, COUNTS, NAMES) as buffer:
        buffer.feed(toy_example(seed) for seed in range(6))
        train("toy", Toy(), toy_loss, buffer, settings, folder, ranks, tell=tell)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
