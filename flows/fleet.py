"""Which seat takes a model's next batch, and which model the next free GPU: decided by what waits, without Ray."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from math import ceil
from typing import Any

from flows.seats import DEPTH, NOTHING, Host, Seat, Ticket

GRACE = 0.5  # seconds a model stands idle before another may have its GPU: loading one costs more
AGE = 60.0  # seconds of waiting that count as much as one level of priority, so that nothing waits for ever
NEWEST = 0.3  # weight of a model's last batch in the mean of how long its batches take


def after(seconds: float, function: Callable[[], None]) -> None:
    """Call it later, in a thread that keeps nothing alive."""
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()


class Fleet:
    """Warm models on so many GPUs. Threads ask for a seat and wait until there is one.

    Batches are served by priority, those of one priority in the order they came. A free GPU goes to a model that has
    none, else to the one with the most work waiting for each GPU it has. When none is free, models that stand idle make
    room: at the end of a run all GPUs work for the models that are left.
    """

    def __init__(
        self,
        gpus: float,
        without_gpu: int,
        start: Callable[[float, str], Any],
        stop: Callable[[Any], None],
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = after,
        grace: float = GRACE,
        most: Mapping[str, int] | None = None,
    ) -> None:
        """`start(gpus, environment)` makes a host's actor; `without_gpu` at most hold a model that takes no GPU, and
        `most` of a model's name any model."""
        self.most = most or {}
        self.gpus, self.without_gpu, self.grace = gpus, without_gpu, grace
        self._start, self._stop, self._clock, self._later = start, stop, clock, later
        self.hosts: list[Host] = []
        self.tickets: list[Ticket] = []
        self.pace: dict[str, float] = {}  # seconds a batch of the model takes
        self.numbers = count()
        self.lock = threading.RLock()
        self.closed = False

    @contextmanager
    def lease(
        self, model: str, gpus: float, alone: bool = False, priority: float = 0.0, environment: str = ""
    ) -> Iterator[Seat]:
        """A seat for one batch, for itself where `alone`: then what kills it is known. RuntimeError once closed.

        What is raised as `Lost` inside says that the host is dead.
        """
        ticket = self.ask(model, gpus, alone, priority, environment)
        ticket.ready.wait()
        if ticket.seat is None:
            raise RuntimeError("the engine is closed")
        try:
            yield ticket.seat
        except Lost:
            self.forget(ticket.seat.host)
            raise
        finally:
            self.give_back(ticket)

    def ask(self, model: str, gpus: float, alone: bool = False, priority: float = 0.0, environment: str = "") -> Ticket:
        """A ticket, `ready` once it has a seat."""
        places, gpus = DEPTH if alone else 1, min(gpus, self.gpus)
        with self.lock:
            ticket = Ticket(next(self.numbers), model, gpus, places, priority, self._clock(), environment)
            self.tickets.append(ticket)
            if self.closed:
                self.close()
            self.look()
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """The batch has ended."""
        seat, now = ticket.seat, self._clock()
        assert seat is not None
        with self.lock:
            took = now - max(ticket.begun, seat.since)  # a batch that lay ready began when the one before it ended
            self.pace[seat.model] = took + (1 - NEWEST) * (self.pace.get(seat.model, took) - took)
            seat.load -= ticket.places
            seat.since = now
            if seat.load == 0:
                if seat.leaving:
                    self._vacate(seat)
                self._later(self.grace, self.look)
            self.look()

    def forget(self, host: Host) -> None:
        """A dead host; the next batch of its models starts another one."""
        with self.lock:
            if host in self.hosts:
                self.hosts.remove(host)
                self._stop(host.actor)

    def look(self) -> None:
        """Give seats to those who wait, and room to models that need it."""
        with self.lock:
            while self.tickets:
                self._serve(self._idle_seat)
                while self._seat_one():
                    pass
                self._serve(self._second_place)
                if not self._make_room():
                    return

    @property
    def seats(self) -> list[Seat]:
        """Of all hosts."""
        return [seat for host in self.hosts for seat in host.seats]

    def _serve(self, place: Callable[[Ticket], Seat | None]) -> None:
        """A pass over all that wait; where one finds no place the others of its model find none either."""
        full: set[tuple[str, int]] = set()
        now = self._clock()
        for ticket in sorted(self.tickets, key=lambda each: (-each.priority - (now - each.asked) / AGE, each.number)):
            kind = ticket.model, ticket.places
            if kind not in full:
                seat = place(ticket)
                self._give(ticket, seat) if seat else full.add(kind)

    def _give(self, ticket: Ticket, seat: Seat) -> None:
        for each in self.seats:
            each.kept_for = None if each.kept_for is ticket else each.kept_for
        seat.load += ticket.places
        ticket.seat, ticket.begun = seat, self._clock()
        self.tickets.remove(ticket)
        ticket.ready.set()

    def _open_to(self, ticket: Ticket) -> list[Seat]:
        of_model = [seat for seat in self.seats if seat.model == ticket.model and not seat.leaving]
        return [seat for seat in of_model if seat.kept_for in (None, ticket)]

    def _idle_seat(self, ticket: Ticket) -> Seat | None:
        return next((seat for seat in self._open_to(ticket) if seat.load == 0), None)

    def _second_place(self, ticket: Ticket) -> Seat | None:
        """Behind a batch that is in work; one that wants to be alone has a seat kept instead, or those who need only a
        place would never leave it free."""
        best = min(self._open_to(ticket), key=lambda each: (each.kept_for is None, each.load), default=None)
        if best is not None and ticket.places == DEPTH:
            best.kept_for = ticket
        return best if best is not None and best.load + ticket.places <= DEPTH else None

    def _seat_one(self) -> bool:
        """Seat the model that needs it most, where there is room; False when none was seated."""
        for ticket in self._by_need(each for each in self.tickets if not self._is_full(each.model)):
            host = self._room_for(ticket)
            if host is not None:
                seat = Seat(next(self.numbers), ticket.model, ticket.gpus, host, self._clock())
                host.seats.append(seat)
                self._give(ticket, seat)
                return True
        return False

    def _is_full(self, model: str) -> bool:
        """Whether the model has all the seats that it may have."""
        return model in self.most and sum(seat.model == model for seat in self.seats) >= self.most[model]

    def _room_for(self, ticket: Ticket) -> Host | None:
        """The host with the least room that is enough, else another one where the GPUs allow it."""
        if not ticket.gpus:
            full = sum(seat.model == ticket.model for seat in self.seats) >= self.without_gpu
            return None if full else self._new_host(0.0, ticket.environment)
        fitting = [host for host in self._alike(ticket) if host.free >= ticket.gpus - NOTHING]
        if fitting:
            return min(fitting, key=lambda host: host.free)
        size = min(float(ceil(ticket.gpus)), self.gpus)
        for host in [host for host in self.hosts if host.size and not host.seats]:  # too small, or of another kind
            if self._unclaimed < size - NOTHING:
                self.forget(host)
        return self._new_host(size, ticket.environment) if self._unclaimed >= size - NOTHING else None

    def _alike(self, ticket: Ticket) -> list[Host]:
        """Hosts with GPUs that the ticket's model could run on, if it had them."""
        right = [host for host in self.hosts if host.environment == ticket.environment]
        return [host for host in right if host.size >= ticket.gpus - NOTHING and host.size]

    def _new_host(self, size: float, environment: str) -> Host:
        self.hosts.append(Host(size, self._start(size, environment), environment))
        return self.hosts[-1]

    @property
    def _unclaimed(self) -> float:
        """GPUs that no host holds."""
        return self.gpus - sum(host.size for host in self.hosts)

    def _by_need(self, tickets: Iterable[Ticket]) -> list[Ticket]:
        """The first ticket of each model: those without a seat, then by priority and by the work for each GPU held."""
        waiting, held, first = Counter[str](), Counter[str](), dict[str, Ticket]()
        usual = sum(self.pace.values()) / len(self.pace) if self.pace else 1.0
        for ticket in sorted(tickets, key=lambda each: (-each.priority, each.number)):
            first.setdefault(ticket.model, ticket)
            waiting[ticket.model] += ticket.gpus * self.pace.get(ticket.model, usual)  # type: ignore[assignment]
        for seat in self.seats:
            held[seat.model] += seat.gpus  # type: ignore[assignment]

        def need(ticket: Ticket) -> tuple[bool, float, float]:
            work = waiting[ticket.model] / (held[ticket.model] + ticket.gpus + NOTHING)
            return ticket.model in held, -ticket.priority, -work

        return sorted(first.values(), key=need)

    def _make_room(self) -> bool:
        """Let models go that have nothing to do; one that has only for a model without any. True when there is room.

        Balancing by how much of each model waits was tried and started 191 actors where this starts a tenth of it: to
        keep GPUs busy it is enough that none stands idle, and who waits on is a matter of order, not of use.
        """
        if any(seat.leaving for seat in self.seats):
            return False
        seated = {seat.model for seat in self.seats}
        for ticket in self._by_need(each for each in self.tickets if each.gpus and not self._is_full(each.model)):
            idle = self._leavers(ticket, self._idle)
            if idle:
                for seat in idle:
                    self._vacate(seat)
                return True
            if ticket.model not in seated:
                for seat in self._leavers(ticket, lambda seat: True):
                    seat.leaving = True
                return self._let_leave()
        return False

    def _leavers(self, ticket: Ticket, may: Callable[[Seat], bool]) -> list[Seat]:
        """Seats that have to leave for the ticket's model: of one host where that is enough, else of whole hosts."""
        found = [_enough(host, ticket.gpus - host.free, may) for host in self._alike(ticket)]
        found.append(_whole(self.hosts, ceil(ticket.gpus) - self._unclaimed, may))
        return min(filter(None, found), key=lambda seats: (sum(s.load for s in seats), seats[0].since), default=[])

    def _idle(self, seat: Seat) -> bool:
        """Whether a model has nothing to do, and had nothing for longer than a batch needs to reach it."""
        unasked = seat.load == 0 and not any(ticket.model == seat.model for ticket in self.tickets)
        return unasked and seat.kept_for is None and self._clock() - seat.since >= self.grace - NOTHING

    def _let_leave(self) -> bool:
        leaving = [seat for seat in self.seats if seat.leaving and not seat.load]
        for seat in leaving:
            self._vacate(seat)
        return bool(leaving)

    def _vacate(self, seat: Seat) -> None:
        """Whoever holds the model learns with its host's next batch that it is to go."""
        if seat in seat.host.seats:
            seat.host.seats.remove(seat)
            seat.host.vacated.add(seat.number)

    def close(self) -> None:
        """Wake who waits; nobody is given a seat any more."""
        with self.lock:
            self.closed = True
            while self.tickets:
                self.tickets.pop().ready.set()


def _enough(host: Host, missing: float, may: Callable[[Seat], bool]) -> list[Seat]:
    """The least busy seats that may leave and together have as much as is missing; none where they have not."""
    chosen: list[Seat] = []
    for seat in sorted(filter(may, host.seats), key=lambda each: (each.load, each.since)):
        if missing > NOTHING:
            chosen.append(seat)
            missing -= seat.gpus
    return chosen if missing <= NOTHING else []


def _whole(hosts: Iterable[Host], missing: float, may: Callable[[Seat], bool]) -> list[Seat]:
    """All seats of the least busy hosts that can be ended for another one; none where they are too few."""
    chosen: list[Seat] = []
    free = [host for host in hosts if host.size and all(map(may, host.seats))]
    for host in sorted(free, key=lambda each: sum(seat.load for seat in each.seats)):
        if missing > NOTHING:
            chosen += host.seats
            missing -= host.size
    return chosen if missing <= NOTHING else []


class Lost(RuntimeError):
    """The host died under a batch."""
