"""The generator actors of one kind: the least busy one answers, and while all are busy one more is asked for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Actor(Protocol):
    """What a pool holds: a Ray actor and whether it has a place."""

    @property
    def handle(self) -> Any:
        """What calls go to."""
        ...

    def placed(self) -> bool:
        """Whether it runs somewhere; asked often, so without waiting."""
        ...


class ActorPool:
    """Threads share it. An actor that waits for a place is the request that a cluster's autoscaler reads.

    At most one waits at a time: a cluster that grows by queue length is asked for the next machine when the last one
    came and is busy, one that cannot grow keeps a single request that costs nothing.
    """

    def __init__(self, make: Callable[[], Actor], first: int, limit: Callable[[], float]) -> None:
        """`first` actors now, and more up to `limit()` while all are busy."""
        self.make, self.limit = make, limit
        self.lock = threading.Lock()
        self.actors = [make() for _ in range(first)]
        self.busy: Counter[int] = Counter()
        self.turn = 0

    @contextmanager
    def taken(self) -> Iterator[Any]:
        """An actor's handle for one call: of those with a place the one with the fewest calls, in turn."""
        with self.lock:
            chosen = self._choose()
            self.busy[chosen] += 1
        try:
            yield self.actors[chosen].handle
        finally:
            with self.lock:
                self.busy[chosen] -= 1

    def _choose(self) -> int:
        placed = [index for index, actor in enumerate(self.actors) if actor.placed()]
        waiting = len(self.actors) - len(placed)
        if not waiting and all(self.busy[index] for index in placed) and len(self.actors) < self.limit():
            self.actors.append(self.make())
        candidates = placed or range(len(self.actors))
        self.turn += 1
        # In turn where several are equally busy: one whose machine is gone refuses calls, and must not be all there is.
        return min(candidates, key=lambda index: (self.busy[index], (index - self.turn) % len(self.actors)))

    def __len__(self) -> int:
        """Actors there are, with the one that may wait."""
        return len(self.actors)
