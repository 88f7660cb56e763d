"""Types of command-line arguments that several commands take."""

from __future__ import annotations

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def share(text: str) -> float:
    """A share between 0 and 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def rounds(text: str) -> int:
    """Rounds of auto-fix, 0 for none."""
    from manifests.recipe import MAX_ROUNDS

    value = int(text)
    if not 0 <= value <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_ROUNDS}")
    return value
