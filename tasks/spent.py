"""What a run's rows took of GPUs, by model and step: for the report's head and for `meshmill doctor`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ROUNDING = 1e-9  # of a sum: what a subtraction may leave of nothing
COLUMNS = ("generator", "gpu_seconds", "cost", "step_gpu_seconds", "step_cost")  # of the ledger, that are counted


@dataclass
class Spent:
    """Sums by the name of the generator or step; rows without GPU time leave no trace."""

    gpu_seconds: dict[str, float] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a ledger row."""
        if row.get("gpu_seconds"):
            name = str(row.get("generator") or "")
            _share_out(self.gpu_seconds, name, row["gpu_seconds"], row.get("step_gpu_seconds"))
            _share_out(self.cost, name, row.get("cost") or 0.0, row.get("step_cost"))

    @property
    def hours(self) -> float:
        """Of all GPUs together."""
        return sum(self.gpu_seconds.values()) / 3600

    def summary(self, currency: str) -> dict[str, Any]:
        """Hours and money, and hours by name, as the page reads them; {} where no GPU was used."""
        if not self.gpu_seconds:
            return {}
        cost = sum(self.cost.values())
        hours = [[name, round(seconds / 3600, 6)] for name, seconds in self._most_first()]
        return {"gpuHours": round(self.hours, 6), "cost": round(cost, 6), "currency": currency, "by": hours}

    def _most_first(self) -> list[tuple[str, float]]:
        """Names and seconds."""
        return sorted(self.gpu_seconds.items(), key=lambda item: -item[1])

    def told(self, currency: str) -> str:
        """'1.5 GPU-hours, 4.35 USD (triposg 1, distill_edit 0.5)', who took the most first; "" for none."""
        if not self.gpu_seconds:
            return ""
        models = ", ".join(f"{name} {seconds / 3600:.3g}" for name, seconds in self._most_first())
        cost = sum(self.cost.values())
        said = f", {cost:.2f} {currency}".rstrip() if cost else ""
        return f"{self.hours:.3g} GPU-hours{said} ({models})"


def _share_out(sums: dict[str, float], generator: str, total: float, by_step: object) -> None:
    """Count a row's number: what its steps had of it under their names, the rest under its generator's."""
    parts = {str(name): float(each) for name, each in by_step.items()} if isinstance(by_step, Mapping) else {}
    rest = total - sum(parts.values())
    if rest > ROUNDING * total:
        parts[generator] = parts.get(generator, 0.0) + rest
    for name, each in parts.items():
        sums[name] = sums.get(name, 0.0) + each


def spent_by(rows: Iterable[Mapping[str, Any]]) -> Spent:
    """The sums over ledger rows."""
    spent = Spent()
    for row in rows:
        spent.add(row)
    return spent
