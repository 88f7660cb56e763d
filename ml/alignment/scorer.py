"""A linear quality scorer over image features: ridge regression on people's labels."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.alignment.calibration import F64
from ml.asset import F32, InputError

STRENGTHS = tuple(10.0**k for k in range(-4, 4))  # of the penalty, tried a power of ten apart
FEWEST = 8  # labels


@dataclass(frozen=True)
class Scorer:
    """Quality = bias + weights · features, brought from the labels' own range to 0–1 and held in it.

    The linear probe on image features that data sets are curated by (Schuhmann et al. 2022, LAION-Aesthetics).
    """

    model: str  # the alignment model whose features it reads
    weights: tuple[float, ...]
    bias: float
    labels: int  # it was fitted from
    explained: float  # share of the labels' variance explained where each is left out of the fit; below 0 is worthless

    def quality(self, features: F32) -> float:
        """0–1 for (d,) features; raises InputError `scorer.other-model` when they are of another length."""
        if len(features) != len(self.weights):
            message = f"the scorer reads {len(self.weights)} features of {self.model}, not {len(features)}"
            raise InputError("scorer.other-model", message)
        return float(np.clip(self.bias + np.dot(np.asarray(self.weights), features.astype(np.float64)), 0.0, 1.0))

    def to_json(self) -> str:
        """One short file."""
        return json.dumps(asdict(self)) + "\n"


def fit_scorer(model: str, features: F32, labels: npt.ArrayLike) -> Scorer:
    """From (n, d) features and n finite labels on any scale, the lowest of which becomes 0 and the highest 1.

    Leave-one-out errors come from one eigendecomposition (Allen 1974, PRESS). Raises InputError `scorer.few-labels`
    below FEWEST labels, `scorer.same-labels` when they do not differ, `scorer.not-finite`.
    """
    y = np.asarray(labels, dtype=np.float64)
    x = np.asarray(features, dtype=np.float64)
    if len(y) < FEWEST:
        raise InputError("scorer.few-labels", f"{len(y)} labels; a scorer needs at least {FEWEST}")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise InputError("scorer.not-finite", "labels or features are not finite numbers")
    low, high = float(y.min()), float(y.max())
    if low == high:
        raise InputError("scorer.same-labels", f"all {len(y)} labels are {low:g}: there is nothing to learn")
    y = (y - low) / (high - low)
    middle, mean = x.mean(axis=0), float(y.mean())
    left, values, right = np.linalg.svd(x - middle, full_matrices=False)
    found = [_leave_one_out(left, values, y - mean, strength) for strength in STRENGTHS]
    best = int(np.argmin(found))
    weights = right.T @ (values / (values**2 + STRENGTHS[best]) * (left.T @ (y - mean)))
    explained = 1.0 - found[best] / float(((y - mean) ** 2).sum())
    return Scorer(model, tuple(weights.tolist()), mean - float(middle @ weights), len(y), round(explained, 4))


def _leave_one_out(left: F64, values: F64, centred: F64, strength: float) -> float:
    """Sum of squared errors, each label left out of the fit that predicts it; 1/n is the mean's own share."""
    shrunk = left * (values**2 / (values**2 + strength))
    residual = centred - shrunk @ (left.T @ centred)
    own = np.einsum("ij,ij->i", shrunk, left) + 1.0 / len(centred)
    return float(((residual / np.maximum(1.0 - own, 1e-9)) ** 2).sum())


@lru_cache(maxsize=4)
def read_scorer(path: str) -> Scorer:
    """What `to_json` wrote; raises InputError `scorer.unreadable`."""
    try:
        table = json.loads(Path(path).read_text("utf-8"))
        return Scorer(**{**table, "weights": tuple(map(float, table["weights"]))})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError("scorer.unreadable", f"{path} is not a scorer that `meshmill train scorer` wrote") from error
