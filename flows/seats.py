"""What a fleet deals in: hosts that hold GPUs, models seated on them, and batches that wait for a seat."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

DEPTH = 2  # batches a seat holds: one in work, one that lies ready when it ends, so that the GPU never waits for us
NOTHING = 1e-9  # of a GPU


@dataclass(eq=False)
class Host:
    """An actor that holds one GPU, or as many as a model needs, and the models that share it."""

    size: float
    actor: Any
    environment: str = ""  # that its models run in, "" for this process's own
    seats: list[Seat] = field(default_factory=list)
    vacated: set[int] = field(default_factory=set)  # numbers of seats whose models are to be let go

    @property
    def free(self) -> float:
        """GPUs that no model on it has."""
        return self.size - sum(seat.gpus for seat in self.seats)


@dataclass(eq=False)
class Seat:
    """A warm model on its share of a host."""

    number: int
    model: str
    gpus: float
    host: Host
    since: float  # of its last batch
    load: int = 0  # batches it holds
    leaving: bool = False  # takes nothing more, and makes room with its last batch
    kept_for: Ticket | None = None  # which waits to have it alone


@dataclass(eq=False)
class Ticket:
    """A batch that waits for a seat, or has one."""

    number: int
    model: str
    gpus: float
    places: int  # DEPTH where it wants a seat for itself
    priority: float
    asked: float
    environment: str = ""
    ready: threading.Event = field(default_factory=threading.Event)
    seat: Seat | None = None  # None when the fleet was closed
    begun: float = 0.0
