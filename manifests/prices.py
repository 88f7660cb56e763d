"""What an hour of a GPU costs: the table under [prices] in a recipe, by model or by the GPU's name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from manifests.errors import RecipeError

CURRENCY, DEFAULT = "currency", "default"


@dataclass(frozen=True)
class Prices:
    """Prices of a GPU for an hour; what is not in the table costs nothing."""

    an_hour: Mapping[str, float] = field(default_factory=dict)
    currency: str = ""

    def of(self, model: str, gpu: str) -> float:
        """The model's own price, else that of the longest entry found in the GPU's name, else the default."""
        kinds = [name for name in self.an_hour if name.lower() in gpu.lower()] if gpu else []
        chosen = model if model in self.an_hour else max(kinds, key=len, default=DEFAULT)
        return self.an_hour.get(chosen, 0.0)


def read_prices(table: Mapping[str, Any], where: str) -> Prices:
    """The table checked; raises RecipeError."""
    currency = table.get(CURRENCY, "")
    if not isinstance(currency, str):
        raise RecipeError(f"{where}, [prices]: currency is {currency!r}; it has to be text")
    prices = {}
    for name, price in table.items():
        if name == CURRENCY:
            continue
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < math.inf:
            raise RecipeError(f"{where}, [prices]: {name} is {price!r}; it has to be a price of 0 or more an hour")
        prices[name] = float(price)
    return Prices(prices, currency)
