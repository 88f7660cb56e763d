"""Mean and covariance of features, and the Fréchet distance between two such distributions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.alignment.calibration import F64
from ml.alignment.tensors import Arrays, read_tensors
from ml.asset import F32


@dataclass(frozen=True)
class Distribution:
    """A Gaussian over features, and how many assets it was taken from."""

    mean: F64  # (d,)
    covariance: F64  # (d, d)
    count: int

    def arrays(self) -> Arrays:
        """As a weights file holds it."""
        found = {"mean": self.mean.astype(np.float32), "covariance": self.covariance.astype(np.float32)}
        return {**found, "count": np.array([self.count], np.int64)}


def distribution(features: F32) -> Distribution:
    """Of (n, d) features; with one asset the covariance is 0."""
    x = np.asarray(features, dtype=np.float64)
    centred = x - x.mean(axis=0)
    return Distribution(x.mean(axis=0), centred.T @ centred / max(len(x) - 1, 1), len(x))


def read_distribution(path: Path) -> Distribution:
    """What was written beside the weights."""
    found = read_tensors(path)
    return Distribution(
        found["mean"].astype(np.float64), found["covariance"].astype(np.float64), int(found["count"][0])
    )


def frechet_distance(first: Distribution, second: Distribution) -> float:
    """Squared Fréchet distance |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), as the FID is of Inception features.

    Dowson & Landau 1982; Heusel et al. 2017. The trace of the root is the sum of the roots of the eigenvalues of
    Σ₁^½ Σ₂ Σ₁^½, which is symmetric. Fewer assets than a few times d overstate it (Chong & Forsyth 2020).
    """
    values, vectors = np.linalg.eigh(first.covariance)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second.covariance @ root)
    apart = float(((first.mean - second.mean) ** 2).sum())
    shared = float(np.sqrt(np.clip(inner, 0.0, None)).sum())
    return max(0.0, apart + float(np.trace(first.covariance) + np.trace(second.covariance)) - 2.0 * shared)
