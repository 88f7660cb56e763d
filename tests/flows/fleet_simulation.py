"""A run on a fleet in virtual time: chunks feed it, models load and work, rows crash; no thread and no sleep."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from flows.fleet import Fleet
from flows.seats import Ticket

# Share of the rows, seconds a row, share of a GPU, rows a call, as in bench/scheduling.py.
MODELS = {"turbo": (0.4, 2.0, 0.5, 1), "shape": (0.3, 4.0, 1.0, 1), "batch": (0.3, 1.5, 1.0, 4)}
START, LOAD, TRAVEL = 4.0, 1.1, 0.05  # seconds: of a host, of a model, of an answer
CHUNK = 256


@dataclass
class Feed:
    """A chunk's rows by model, and how many of its batches are in flight."""

    rows: dict[str, deque[int]]
    left: int
    flying: int = 0
    size: dict[str, int] = field(default_factory=dict)

    def next_batch(self) -> tuple[str, list[int]] | None:
        left = [model for model in self.rows if self.rows[model]]
        if not left:
            return None
        model = max(left, key=lambda each: len(self.rows[each]) / self.size[each])
        queue = self.rows[model]
        return model, [queue.popleft() for _ in range(min(MODELS[model][3], len(queue)))]


class Simulation:
    """Rows of mixed models, of which a share crashes once."""

    def __init__(self, rows: int, gpus: float, crashes: float, window: int, ahead: int, seed: int) -> None:
        chance = random.Random(seed)
        self.names = chance.choices(list(MODELS), [share for share, *_ in MODELS.values()], k=rows)
        self.crashing = set(chance.sample(range(rows), round(crashes * rows)))
        self.chunks = deque(range(at, min(at + CHUNK, rows)) for at in range(0, rows, CHUNK))
        self.gpus, self.window, self.ahead = gpus, window, ahead
        self.now, self.numbers = 0.0, count()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.waiting: list[tuple[Ticket, list[int], Feed]] = []
        self.open: list[Feed] = []
        self.made: list[int] = []
        self.spans: list[tuple[float, float]] = []
        self.until: dict[int, float] = {}  # when a seat has done what it holds
        self.hosts = 0
        self.fleet = Fleet(gpus, 1, self.start, lambda _: None, lambda: self.now, self.later)

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.numbers), function))

    def start(self, gpus: float, environment: str) -> float:
        self.hosts += 1
        assert self.hosts <= self.gpus
        return self.now + START

    def run(self) -> float:
        """Share of the GPUs' time, from the first row's beginning to the last one's end, that rows took."""
        self.refill()
        while self.events:
            self.now, _, function = heapq.heappop(self.events)
            function()
            self.work()
        assert sorted(self.made) == list(range(len(self.names)))
        span = max(end for _, end in self.spans) - min(begin for begin, _ in self.spans)
        return sum(MODELS[name][1] * MODELS[name][2] for name in self.names) / self.gpus / span

    def refill(self) -> None:
        while len(self.open) < self.window and self.chunks:
            chunk = self.chunks.popleft()
            rows: dict[str, deque[int]] = {}
            for row in chunk:
                rows.setdefault(self.names[row], deque()).append(row)
            self.open.append(Feed(rows, len(chunk), size={model: len(queue) for model, queue in rows.items()}))
            self.feed(self.open[-1])

    def feed(self, chunk: Feed) -> None:
        while chunk.flying < self.ahead and (found := chunk.next_batch()):
            chunk.flying += 1
            model, rows = found
            self.waiting.append((self.fleet.ask(model, MODELS[model][2]), rows, chunk))
        self.work()

    def work(self) -> None:
        for each in [each for each in self.waiting if each[0].ready.is_set()]:
            self.waiting.remove(each)
            self.make(*each)

    def make(self, ticket: Ticket, rows: list[int], chunk: Feed) -> None:
        """A batch; the model loads once a seat, and again after a row that crashed half way through."""
        assert ticket.seat
        assert sum(seat.gpus for seat in ticket.seat.host.seats) <= ticket.seat.host.size + 1e-9
        begin = max(self.now, ticket.seat.host.actor, self.until.get(ticket.seat.number, 0.0))
        begin += 0.0 if ticket.seat.number in self.until else LOAD
        span = MODELS[ticket.model][1] * len(rows)
        if self.crashing & set(rows):
            self.crashing -= set(rows)
            begin += 0.5 * span + LOAD
        self.until[ticket.seat.number] = begin + span
        self.spans.append((begin, begin + span))
        self.later(begin + span + TRAVEL - self.now, lambda: self.answered(ticket, rows, chunk))

    def answered(self, ticket: Ticket, rows: list[int], chunk: Feed) -> None:
        self.made += rows
        self.fleet.give_back(ticket)
        chunk.flying -= 1
        chunk.left -= len(rows)
        self.feed(chunk)
        while self.open and not self.open[0].left:
            self.open.pop(0)
        self.refill()
