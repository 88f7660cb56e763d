"""How every script in bench/ reports: one figure a line, as a sentence or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator

from tasks.figures import Figure, line, sentence

__all__ = ["Figure", "main"]


def main(measure: Callable[[], Iterator[Figure]], description: str) -> None:
    """Run a bench script: print its figures as they come."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    for figure in measure():
        print(json.dumps(line(figure)) if options.json else sentence(figure), flush=True)
