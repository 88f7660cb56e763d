"""Chance from a request's seed alone, for models that take a generator and for those that read the process's own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

SEED_LIMIT = 2**32  # numpy's global generator takes no more, and several sources hand a seed on to it


def plain_seed(seed: int) -> int:
    """A seed of the house (63 bits) as every source takes it."""
    return seed % SEED_LIMIT


def generators(seeds: Sequence[int], device: str) -> list[Any]:
    """One torch generator a request, so that an item does not depend on its neighbours in the batch."""
    import torch

    return [torch.Generator(device=device).manual_seed(plain_seed(seed)) for seed in seeds]


@contextmanager
def global_seed(seed: int) -> Iterator[int]:
    """The process's random states (Python, numpy, torch) set by `seed` and put back after; yields the seed to pass on.

    Models that call `torch.manual_seed` themselves would else leave every later request, of any model, with the same
    chance.
    """
    import torch

    python, numbers = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(plain_seed(seed))
        random.seed(plain_seed(seed))
        np.random.seed(plain_seed(seed))
        try:
            yield plain_seed(seed)
        finally:
            random.setstate(python)
            np.random.set_state(numbers)
