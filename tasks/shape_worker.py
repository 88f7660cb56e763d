"""A process that makes training examples and writes them to a pipe: `python -m tasks.shape_worker`."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

from ml.asset import InputError
from ml.shapes.example import raw_bytes
from ml.shapes.split import Split
from tasks.procedural_examples import procedural_example
from tasks.shape_stream import SKIPPED

NICENESS = 10  # whoever trains on the examples comes first


def work(pipe: Connection, seed: int, split: Split, start: int, step: int) -> None:
    """Send the examples `start`, `start + step`, … until nobody reads them."""
    index = start
    while True:
        try:
            message = raw_bytes(procedural_example(seed, index, split))
        except (InputError, ValueError, ArithmeticError, IndexError, RuntimeError) as error:
            print(f"example {index} of seed {seed}: {error}", file=sys.stderr)
            message = SKIPPED
        try:
            pipe.send_bytes(message)
        except BrokenPipeError:
            return
        index += step


def keep_to_one_thread() -> None:
    """Make the manifold library's first union on one core: it takes as many threads as there are cores then, for good.

    On 16 cores 16 workers would have 256 threads.
    """
    from manifold3d import Manifold

    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    (Manifold.cube() + Manifold.sphere(1.0)).num_tri()
    os.sched_setaffinity(0, allowed)


if __name__ == "__main__":
    os.nice(NICENESS)
    keep_to_one_thread()
    _, handle, seed_, split_, start_, step_ = sys.argv
    work(Connection(int(handle), readable=False), int(seed_), split_, int(start_), int(step_))  # type: ignore[arg-type]
