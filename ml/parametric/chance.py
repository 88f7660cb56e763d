"""The chance in a drawing, remembered by the place in the code that asked, so that a changed wish redraws no other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np

Place = tuple[Any, ...]
OUTERMOST = "draw"  # the generator's function that begins a drawing: what called it is no part of a place


class Remembered:
    """Stands in for a numpy Generator: the same place in the code, met for the k-th time, gets the same answer.

    The first drawing takes the answers from the seed's own stream and so is the asset that the seed always gives. A
    drawing that meets other places (armrests that were not asked for before) gets answers of their own there, from the
    digest of seed and place, and the stream does not shift for those that follow.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.stream: np.random.Generator | None = np.random.default_rng(seed % 2**63)
        self.answers: dict[Place, Any] = {}
        self.met: dict[Place, int] = {}

    def again(self) -> None:
        """Begin another drawing."""
        self.stream = None
        self.met = {}

    def random(self, size: Any = None) -> Any:
        """As numpy's: floats in [0, 1)."""
        return self._answer(("random", size), lambda rng: rng.random(size))

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:
        """As numpy's; bounds that a changed wish moves take the answer along."""
        return low + (high - low) * self._answer(("uniform", size), lambda rng: rng.random(size))

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: Any = None) -> Any:
        """As numpy's."""
        return loc + scale * self._answer(("normal", size), lambda rng: rng.normal(size=size))

    def integers(self, low: int, high: int | None = None, size: Any = None) -> Any:
        """As numpy's; another choice of options is another question."""
        return self._answer(("integers", low, high, size), lambda rng: rng.integers(low, high, size))

    def _answer(self, question: Place, ask: Callable[[np.random.Generator], Any]) -> Any:
        place = (*question, *_place())
        count = self.met[place] = self.met.get(place, 0) + 1
        place = (*place, count)
        if place not in self.answers:
            self.answers[place] = ask(self.stream or self._apart(place))
        return self.answers[place]

    def _apart(self, place: Place) -> np.random.Generator:
        digest = blake2b(ascii((self.seed, place)).encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest, "big"))


def _place() -> Place:
    """Names and lines of the functions between the drawing's begin and the question."""
    frame = sys._getframe(3)
    found: list[str | int] = []
    while frame is not None and frame.f_code.co_name != OUTERMOST:
        found += (frame.f_code.co_name, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)
