"""Every geometry kernel beside the best peer package, in one run on the same meshes: CPU seconds, quality, ratio."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from run_all import GEOMETRY


def measure() -> Iterator[Figure]:
    """The topics one after the other; each is a script of its own as well."""
    for topic in GEOMETRY:
        yield from importlib.import_module(f"geometry_{topic}").measure()


if __name__ == "__main__":
    main(measure, __doc__ or "")
