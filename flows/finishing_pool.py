"""Threads that finish what is begun before they begin anything else."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

Call = tuple["Future[Any]", Callable[..., Any], tuple[Any, ...]]


class FinishingPool:
    """Calls in two queues: a free thread takes one that begins an asset only where none waits that finishes one.

    So what lies half made is as little as can be, whatever a kill, a full disk or Ctrl-C then costs.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._finishing: deque[Call] = deque()
        self._beginning: deque[Call] = deque()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The answer of a call that begins something; raises RuntimeError after `close`."""
        return self._submit(self._beginning, function, arguments)

    def finish(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The answer of a call that finishes something; raises RuntimeError after `close`."""
        return self._submit(self._finishing, function, arguments)

    def _submit(self, queue: deque[Call], function: Callable[..., Any], arguments: tuple[Any, ...]) -> Future[Any]:
        answer: Future[Any] = Future()
        call = answer, function, arguments
        with self._lock:
            queue.append(call)
            try:
                self._pool.submit(self._next)  # as many of these as there are calls in both queues
            except RuntimeError:
                queue.remove(call)
                raise
        return answer

    def _next(self) -> None:
        with self._lock:
            queue = self._finishing or self._beginning
            if not queue:  # closed meanwhile
                return
            answer, function, arguments = queue.popleft()
        if not answer.set_running_or_notify_cancel():
            return
        try:
            found = function(*arguments)
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def close(self) -> None:
        """Cancel what has not begun; what runs is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            dropped = [answer for answer, _, _ in (*self._finishing, *self._beginning)]
            self._finishing.clear()
            self._beginning.clear()
        for answer in dropped:
            answer.cancel()
