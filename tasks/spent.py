"""What a run's rows took of GPUs, by model: for the report's head and for `meshmill doctor`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Spent:
    """Sums by the name of the generator; rows without GPU time leave no trace."""

    gpu_seconds: dict[str, float] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a ledger row."""
        if row.get("gpu_seconds"):
            name = str(row.get("generator") or "")
            self.gpu_seconds[name] = self.gpu_seconds.get(name, 0.0) + row["gpu_seconds"]
            self.cost[name] = self.cost.get(name, 0.0) + (row.get("cost") or 0.0)

    @property
    def hours(self) -> float:
        """Of all GPUs together."""
        return sum(self.gpu_seconds.values()) / 3600

    def summary(self, currency: str) -> dict[str, Any]:
        """Hours and money, as the page reads them; {} where no GPU was used."""
        if not self.gpu_seconds:
            return {}
        cost = sum(self.cost.values())
        return {"gpuHours": round(self.hours, 6), "cost": round(cost, 6), "currency": currency}

    def told(self, currency: str) -> str:
        """'1.5 GPU-hours, 4.35 USD (triposg 1, trellis2 0.5)', the model with the most first; "" for none."""
        if not self.gpu_seconds:
            return ""
        order = sorted(self.gpu_seconds.items(), key=lambda item: -item[1])
        models = ", ".join(f"{name} {seconds / 3600:.3g}" for name, seconds in order)
        cost = sum(self.cost.values())
        said = f", {cost:.2f} {currency}".rstrip() if cost else ""
        return f"{self.hours:.3g} GPU-hours{said} ({models})"


def spent_by(rows: Iterable[Mapping[str, Any]]) -> Spent:
    """The sums over ledger rows."""
    spent = Spent()
    for row in rows:
        spent.add(row)
    return spent
