"""The processes that train together: none but this one, torchrun's, or Ray Train's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def first_says(self, value: float) -> float:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        said = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(said, 0)
        return float(said)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the ranks."""
        if self.world > 1:
            dist.all_reduce(values)
        return values / self.world

    def all_here(self) -> None:
        """Wait for every rank."""
        if self.world > 1:
            self.first_says(0.0)


@contextmanager
def joined(device: str = "auto") -> Iterator[Ranks]:
    """Join a process group that is there (Ray Train's), or the one that torchrun's environment describes."""
    cuda = torch.cuda.is_available() if device == "auto" else device.startswith("cuda")
    own = not (dist.is_available() and dist.is_initialized()) and "WORLD_SIZE" in os.environ
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(place)
    if own:
        dist.init_process_group("nccl" if cuda else "gloo")
    try:
        grouped = dist.is_available() and dist.is_initialized()
        yield Ranks(dist.get_rank(), dist.get_world_size(), place) if grouped else Ranks(device=place)
    finally:
        if own:
            dist.destroy_process_group()
