"""The endless stream of procedural training examples that worker processes make, in order and resumable."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

from ml.shapes.example import ShapeExample, raw_example
from ml.shapes.split import Split

PIPE = 1 << 20  # bytes, the most Linux gives an unprivileged process: two examples wait in it
SKIPPED = b""  # the message in place of an example that could not be made
AHEAD = 6  # examples of a worker that wait here for their turn


@dataclass
class _Worker:
    """One process, the pipe it writes to and what was read from it; its next message is example `index`."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    index: int
    waiting: deque[bytes] = field(default_factory=deque)
    received: int = 0


class ExampleStream(Iterator[ShapeExample]):
    """Examples `start`, `start + 1`, … of `procedural_example`, in this order whatever the number of workers.

    Workers are processes of their own that import neither torch nor the caller's script; each is at most AHEAD
    examples ahead. An example that cannot be made is left out and counted in `skipped`, as is one whose worker died:
    another takes its place. `index` is where a stream has to start to go on from here. Use it as a context manager,
    or `close` it: its processes end. Raises RuntimeError where workers die before their first example.
    """

    def __init__(self, seed: int, split: Split = "train", start: int = 0, workers: int = 1) -> None:
        if workers < 1 or start < 0:
            raise ValueError(f"{workers} workers from example {start}")
        self.seed, self.split, self.index, self.skipped = seed, split, start, 0
        self._step = workers
        self._workers = [_Worker(*self._started(start + k), start + k) for k in range(workers)]
        self._first = start

    def __next__(self) -> ShapeExample:
        while True:
            worker = self._workers[(self.index - self._first) % self._step]
            while not worker.waiting:
                self._receive()
            message = worker.waiting.popleft()
            self.index += 1
            if message:
                return raw_example(message)
            self.skipped += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; the stream cannot go on afterwards."""
        for worker in self._workers:
            worker.process.kill()
            worker.pipe.close()
        for worker in self._workers:
            worker.process.wait()
        self._workers = []

    def _started(self, index: int) -> tuple[subprocess.Popen[bytes], Connection]:
        """A process that makes example `index` and each `step`-th after it."""
        reading, writing = os.pipe()
        with suppress(OSError):  # a smaller pipe is slower and right
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE)
        asked = [str(each) for each in (writing, self.seed, self.split, index, self._step)]
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = {**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "tasks.shape_worker", *asked]
        process = subprocess.Popen(command, pass_fds=[writing], env=environment, stdin=subprocess.DEVNULL)
        os.close(writing)
        return process, Connection(reading, writable=False)

    def _receive(self) -> None:
        """Read a message of each worker that has one and is not too far ahead."""
        listening = [worker for worker in self._workers if len(worker.waiting) < AHEAD]
        ready = wait([worker.pipe for worker in listening])
        for worker in listening:
            if worker.pipe not in ready:
                continue
            try:
                worker.waiting.append(worker.pipe.recv_bytes())
            except (EOFError, OSError):  # OSError: it ended within a message
                self._replace(worker)
                continue
            worker.received += 1
            worker.index += self._step

    def _replace(self, worker: _Worker) -> None:
        """Start another process for one that died over an example, which is skipped."""
        worker.pipe.close()
        code = worker.process.wait()
        if not worker.received:
            raise RuntimeError(f"a worker ended with {code} before it made an example")
        worker.waiting.append(SKIPPED)
        worker.index += self._step
        worker.received = 0
        worker.process, worker.pipe = self._started(worker.index)
