"""Figures over a whole run: mean alignment, CLIP score, and how far its pictures are from the reference set's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.alignment.distribution import Distribution, frechet_distance, read_distribution
from ml.alignment.model import SHIPPED, WEIGHTS
from tasks.alignment import features_of
from tasks.topology import F64

CLIP_SCORE_WEIGHT = 2.5  # Hessel et al. 2021, "CLIPScore", equation 1


@dataclass
class RunFigures:
    """Sums over the passed rows of a run, one row at a time: memory does not grow with the rows."""

    count: dict[str, int] = field(default_factory=dict)  # by alignment model
    total: dict[str, F64] = field(default_factory=dict)  # (d,)
    products: dict[str, F64] = field(default_factory=dict)  # (d, d)
    metrics: dict[str, list[float]] = field(default_factory=dict)  # name → [rows, sum]

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a ledger row; rows that did not pass, or were not looked at, change nothing."""
        if row.get("outcome") != "passed":
            return
        meta, metrics = row.get("meta"), row.get("metrics")
        found = features_of(meta) if isinstance(meta, Mapping) else None
        if found is not None:
            model, features = found[0], found[1].astype(np.float64)
            if model not in self.count:
                self.count[model], self.total[model] = 0, np.zeros(len(features))
                self.products[model] = np.zeros((len(features), len(features)))
            if len(features) == len(self.total[model]):
                self.count[model] += 1
                self.total[model] += features
                self.products[model] += np.outer(features, features)
        for name in ("alignment.score", "alignment.cosine", "quality.score"):
            value = metrics.get(name) if isinstance(metrics, Mapping) else None
            if value is not None and np.isfinite(value):
                kept = self.metrics.setdefault(name, [0.0, 0.0])
                kept[0] += 1.0
                kept[1] += max(value, 0.0)

    def summary(self) -> dict[str, float]:
        """Name → value; empty for a run without alignment.

        `frechet` compares the run with the shipped model's reference set of 600 assets of random prompts. It is
        overstated for few assets (Chong & Forsyth 2020), so compare runs of equal size; it is there from d assets on.
        """
        found: dict[str, float] = {}
        for name, (rows, total) in self.metrics.items():
            found |= {f"{name}.rows": rows, f"{name}.mean": total / rows}
        if "alignment.cosine.mean" in found:
            found["clip_score"] = CLIP_SCORE_WEIGHT * found.pop("alignment.cosine.mean")
            found.pop("alignment.cosine.rows")
        count = self.count.get(SHIPPED, 0)
        if count > 1 and count >= len(self.total[SHIPPED]):
            found["frechet"] = frechet_distance(
                self._gaussian(SHIPPED), read_distribution(WEIGHTS / "reference.safetensors")
            )
        return {name: round(value, 6) for name, value in found.items()}

    def _gaussian(self, model: str) -> Distribution:
        count, mean = self.count[model], self.total[model] / self.count[model]
        return Distribution(mean, (self.products[model] - count * np.outer(mean, mean)) / (count - 1), count)
