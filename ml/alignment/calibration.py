"""From a cosine to a probability: logistic calibration, and the area under the ROC curve that judges any score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """The probability that a pair belongs together is 1 / (1 + exp(−scale·cosine − bias))."""

    scale: float
    bias: float

    def probability(self, cosine: npt.ArrayLike) -> F64:
        """0–1, where right and wrong pairs are as many."""
        exponent = np.clip(-self.scale * np.asarray(cosine, dtype=np.float64) - self.bias, -60.0, 60.0)
        return np.asarray(1.0 / (1.0 + np.exp(exponent)))


def calibrate(right: npt.ArrayLike, wrong: npt.ArrayLike, rounds: int = 50) -> Calibration:
    """Scale and bias that make the cosines of right and of wrong pairs likeliest, both sets weighing the same.

    Platt (1999), "Probabilistic outputs for support vector machines", with his targets short of 0 and 1, by Newton's
    method.
    """
    sets = [np.asarray(values, dtype=np.float64).ravel() for values in (right, wrong)]
    x = np.concatenate(sets)
    middle, spread = float(x.mean()), max(float(x.std()), 1e-9)
    table = np.column_stack([(x - middle) / spread, np.ones(len(x))])
    goals = ((len(sets[0]) + 1) / (len(sets[0]) + 2), 1 / (len(sets[1]) + 2))
    target = np.repeat(goals, [len(each) for each in sets])
    weight = np.repeat([0.5 / len(each) for each in sets], [len(each) for each in sets])
    beta = np.zeros(2)
    for _ in range(rounds):
        p = 1.0 / (1.0 + np.exp(-np.clip(table @ beta, -60.0, 60.0)))
        slope = table.T @ (weight * (p - target)) + 1e-6 * beta
        curve = (table.T * (weight * p * (1 - p))) @ table + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        beta -= np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-10:
            break
    return Calibration(float(beta[0] / spread), float(beta[1] - beta[0] * middle / spread))


def area_under_roc(right: npt.ArrayLike, wrong: npt.ArrayLike) -> float:
    """The probability that a right pair scores above a wrong one, ties half (Hanley & McNeil 1982)."""
    high, low = np.asarray(right, dtype=np.float64).ravel(), np.sort(np.asarray(wrong, dtype=np.float64).ravel())
    below, up_to = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + up_to).mean() / (2 * len(low)))
