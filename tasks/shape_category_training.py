"""Trains the classifier of true shapes that judges made ones; bench/shape_judge.py runs it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ml.alignment.tensors import write_tensors
from ml.asset import F32
from ml.shapes.example import THINNEST
from tasks.shape_categories import UNIT, WEIGHTS, features
from tasks.shape_truths import Truth

SEED = 4_000_000
HIDDEN, ROUNDS, BATCH, RATE = 64, 12, 64, 3e-3
COPIES = 3  # of each shape: as it is, and twice roughened, since made shapes are never quite smooth
ROUGHNESS, STRETCH = 0.04, 0.1  # isotropic units, at most; of the sides' base-2 logarithms
FEATURE_NOISE, SMOOTHING, DECAY = 0.1, 0.05, 0.05


def train(shapes: Iterable[Truth], path: Path = WEIGHTS) -> None:
    """Make features of true shapes, fit three layers to their categories, and write them as 16-bit floats."""
    rng = np.random.default_rng(SEED)
    rows: list[F32] = []
    labels: list[str] = []
    for truth in shapes:
        for copy in range(COPIES):
            rows.append(_features(truth, rng, rough=copy > 0))
            labels.append(truth.category)
    names = sorted(set(labels))
    x = np.stack(rows)
    middle = x.mean(axis=0)
    arrays = _fit((x - middle) * UNIT, np.array([names.index(label) for label in labels]), len(names))
    arrays = {name: values.astype(np.float16) for name, values in {"middle": middle, **arrays}.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, {"categories": np.frombuffer("\n".join(names).encode(), np.uint8), **arrays})


def _features(truth: Truth, rng: np.random.Generator, rough: bool) -> F32:
    boxed, extents = truth.body.boxed[rng.permutation(len(truth.body.boxed))[:2048]], truth.body.extents
    if not rough:
        return features(boxed, extents)
    noise = rng.uniform(0.0, ROUGHNESS) * rng.normal(size=boxed.shape) / np.maximum(extents, THINNEST)
    sides = extents * 2.0 ** (STRETCH * rng.normal(size=3))
    return features((boxed + noise).astype(np.float32), (sides / sides.max()).astype(np.float32))


def _fit(x: F32, labels: Any, classes: int) -> dict[str, Any]:
    """Weights by AdamW on cross-entropy with smoothed labels; 10 CPU-s."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    inputs, wanted = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(labels)
    sizes = (x.shape[1], HIDDEN, HIDDEN, classes)
    linear = [nn.Linear(*pair) for pair in pairwise(sizes)]
    network = nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])
    loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=DECAY)
    steps = ROUNDS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for _ in range(ROUNDS):
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            noisy = inputs[rows] + FEATURE_NOISE * torch.randn(len(rows), x.shape[1])
            optimizer.zero_grad()
            loss(network(noisy), wanted[rows]).backward()
            optimizer.step()
            schedule.step()
    named = [(f"{k}.{name}", value) for k, layer in enumerate(linear) for name, value in layer.named_parameters()]
    return {name: value.detach().numpy() for name, value in named}
