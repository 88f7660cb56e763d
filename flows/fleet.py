"""Which actor takes a model's next batch, and which model the next free GPU: decided by what waits, without Ray."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

DEPTH = 2  # batches an actor holds: one in work, one that lies ready when it ends, so that the GPU never waits for us
NOTHING = 1e-9  # of a GPU
GRACE = 1.0  # seconds an actor stands idle before another model may have its GPU: loading one costs more


@dataclass(eq=False)
class Member:
    """One warm actor."""

    model: str
    gpus: float
    actor: Any
    load: int = 0  # batches it holds
    retiring: bool = False  # takes nothing more, and ends with its last batch
    kept_for: object = None  # whoever waits to have it alone
    since: float = field(default_factory=time.monotonic)  # of its last batch


class Fleet:
    """Warm actors of several models on so many GPUs. Threads ask for an actor and wait until there is one.

    A model gets a free GPU when it has a batch that no idle actor can take. When none is free, actors that stand idle
    make room: at the end of a run all GPUs work for the models that are left.
    """

    def __init__(
        self,
        gpus: float,
        without_gpu: int,
        start: Callable[[str, float], Any],
        stop: Callable[[Any], None],
        grace: float = GRACE,
    ) -> None:
        """`without_gpu` actors at most of a model that takes no GPU; `start(model, gpus)` makes an actor."""
        self.gpus, self.without_gpu, self.grace = gpus, without_gpu, grace
        self._start, self._stop = start, stop
        self.members: list[Member] = []
        self.waiting: Counter[str] = Counter()
        self.changed = threading.Condition()
        self.closed = False

    @contextmanager
    def lease(self, model: str, gpus: float, alone: bool = False) -> Iterator[Member]:
        """An actor for one batch, for itself where `alone`: then what kills it is known. RuntimeError once closed.

        What is raised as `Lost` inside says that the actor is dead.
        """
        member = self._take(model, min(gpus, self.gpus), DEPTH if alone else 1)
        try:
            yield member
        except Lost:
            self._forget(member)
            raise
        finally:
            self._give_back(member, DEPTH if alone else 1)

    def _take(self, model: str, gpus: float, load: int) -> Member:
        with self.changed:
            self.waiting[model] += load
            try:
                while not self.closed:
                    member = self._found(model, gpus, load)
                    if member is not None:
                        member.load += load
                        return member
                    self._make_room(model, gpus)
                    self.changed.wait(self.grace / 2)
                raise RuntimeError("the engine is closed")
            finally:
                self.waiting[model] -= load

    def _found(self, model: str, gpus: float, load: int) -> Member | None:
        own = [member for member in self.members if member.model == model and not member.retiring]
        mine = [member for member in own if member.kept_for in (None, threading.get_ident())]
        best = min(mine, key=lambda m: (m.load > 0, m.kept_for is None, m.load), default=None)
        if best is not None and best.load == 0:
            for member in own:
                member.kept_for = None if member.kept_for == threading.get_ident() else member.kept_for
            return best
        room = (
            self.gpus - sum(member.gpus for member in self.members) >= gpus - NOTHING
            if gpus
            else (len(own) < self.without_gpu)
        )
        if room:
            started = Member(model, gpus, self._start(model, gpus))
            self.members.append(started)
            return started
        if best is None or best.load + load <= DEPTH:
            return best
        if load == DEPTH:  # or those who need only a place would never leave it free
            best.kept_for = threading.get_ident()
        return None

    def _make_room(self, model: str, gpus: float) -> None:
        """Let actors go that have nothing to do; one that has only for a model that has no actor at all.

        Balancing by how much of each model waits was tried and started 191 actors where this starts a tenth of it: to
        keep GPUs busy it is enough that none stands idle, and who waits on is a matter of order, not of use.
        """
        if not gpus or any(member.retiring for member in self.members):
            return
        others = [member for member in self.members if member.model != model and member.gpus]
        idle = [member for member in others if self._idle(member)]
        missing = gpus - (self.gpus - sum(member.gpus for member in self.members))
        if sum(member.gpus for member in idle) >= missing - NOTHING:
            for member in sorted(idle, key=lambda each: each.since):
                if missing > NOTHING:
                    missing -= member.gpus
                    self._let_go(member)
        elif others and not any(member.model == model for member in self.members):
            held: Counter[str] = Counter()
            for member in others:
                held[member.model] += 1
            richest = held.most_common(1)[0][0]
            self._let_go(min((each for each in others if each.model == richest), key=lambda each: each.load))

    def _idle(self, member: Member) -> bool:
        """Whether an actor has nothing to do, and had nothing for longer than a batch needs to reach it."""
        unasked = member.load == 0 and not self.waiting[member.model]
        return unasked and member.kept_for is None and time.monotonic() - member.since >= self.grace

    def _let_go(self, member: Member) -> None:
        member.retiring = True
        self._retire(member)

    def _retire(self, member: Member) -> None:
        if member.retiring and member.load == 0 and member in self.members:
            self.members.remove(member)
            self._stop(member.actor)
            self.changed.notify_all()

    def _forget(self, member: Member) -> None:
        """A dead actor; the next batch of its model starts another one."""
        with self.changed:
            if member in self.members:
                self.members.remove(member)
                self._stop(member.actor)
                self.changed.notify_all()

    def _give_back(self, member: Member, load: int) -> None:
        with self.changed:
            member.load -= load
            member.since = time.monotonic()
            self._retire(member)
            self.changed.notify_all()

    def close(self) -> None:
        """Let all go, and wake who waits."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class Lost(RuntimeError):
    """The actor died under a batch."""
