"""At most so many calls of a generator or step at once: those beyond queue, and hold no thread."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any


class Turns:
    """Calls by generator or step, in the order they came."""

    def __init__(self, most: Mapping[str, int] | None = None) -> None:
        """`most` calls at once by the name of a generator or step; one that is not there may be called as often as
        there are threads."""
        self.most = most or {}
        self.lock = threading.Lock()
        self.busy: Counter[str] = Counter()
        self.waiting: dict[str, deque[tuple[Callable[[], Future[Any]], Future[Any]]]] = {}

    def submit(self, name: str, begin: Callable[[], Future[Any]]) -> Future[Any]:
        """The answer of the call that `begin` hands to a pool, once the generator may be called."""
        if name not in self.most:
            return begin()
        answer: Future[Any] = Future()
        with self.lock:
            self.waiting.setdefault(name, deque()).append((begin, answer))
        self._next(name)
        return answer

    def submit_all(self, names: Iterable[str], begin: Callable[[], Future[Any]]) -> Future[Any]:
        """The same of a call that is each name's: one after the other in alphabetical order, so that no two calls ever
        wait for each other."""
        held = sorted(self.most.keys() & set(names))
        for name in reversed(held):
            begin = partial(self.submit, name, begin)
        return begin()

    def _next(self, name: str) -> None:
        with self.lock:
            if self.busy[name] >= self.most[name] or not self.waiting[name]:
                return
            self.busy[name] += 1
            begin, answer = self.waiting[name].popleft()
        try:
            call = begin()
        except RuntimeError as error:  # the pool was shut down
            call = Future()
            call.set_exception(error)
        call.add_done_callback(partial(self._done, name, answer))

    def _done(self, name: str, answer: Future[Any], call: Future[Any]) -> None:
        if call.cancelled():  # its pool is closing, and holds a lock that another call to it would wait for
            self._drop(name, answer)
            return
        with self.lock:
            self.busy[name] -= 1
        error = call.exception()
        if error is None:
            answer.set_result(call.result())
        else:
            answer.set_exception(error)
        self._next(name)

    def _drop(self, name: str, answer: Future[Any]) -> None:
        with self.lock:
            waiting = [each for _, each in self.waiting[name]]
            self.waiting[name].clear()
        for each in (answer, *waiting):
            each.cancel()
