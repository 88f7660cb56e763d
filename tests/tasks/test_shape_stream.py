"""The stream gives the numbered examples in order, goes on where it stopped, and outlives its workers."""

from __future__ import annotations

import os
import signal
from itertools import islice

import pytest

from ml.shapes.example import example_bytes
from tasks.procedural_examples import procedural_example
from tasks.shape_stream import ExampleStream

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_any_number_of_workers_gives_the_numbered_examples_and_a_stream_goes_on() -> None:
    wanted = [example_bytes(procedural_example(2, index)) for index in range(5)]
    with ExampleStream(2, workers=2) as stream:
        assert [example_bytes(each) for each in islice(stream, 3)] == wanted[:3]
        resume = stream.index
        pids = [worker.process.pid for worker in stream._workers]
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)
    with ExampleStream(2, start=resume) as stream:
        assert [example_bytes(each) for each in islice(stream, 2)] == wanted[3:5]
        assert stream.skipped == 0


def test_a_killed_worker_is_replaced_and_its_example_skipped() -> None:
    with ExampleStream(2) as stream:
        next(stream)
        os.kill(stream._workers[0].process.pid, signal.SIGKILL)
        while not stream.skipped:
            last = next(stream)
        assert example_bytes(last) == example_bytes(procedural_example(2, stream.index - 1))


def test_workers_that_cannot_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with ExampleStream(2) as stream, pytest.raises(RuntimeError, match="before it made an example"):
        next(stream)


def test_counts_are_checked() -> None:
    with pytest.raises(ValueError, match="workers"):
        ExampleStream(0, workers=0)
