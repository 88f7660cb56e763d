"""The shape model on held-out assets: what `meshmill evaluate` prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main

from flows.evaluate import evaluate

SAMPLES = int(os.environ.get("SAMPLES", "200"))


def measure() -> Iterator[Figure]:
    """The shipped weights."""
    yield from evaluate("", SAMPLES, partial(print, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main(measure, __doc__ or "")
