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


def positive_number(text: str) -> float:
    """A number above 0."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def rounds(text: str) -> int:
    """Rounds of auto-fix, 0 for none."""
    from manifests.recipe import MAX_ROUNDS

    value = int(text)
    if not 0 <= value <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_ROUNDS}")
    return value


def add_columns(parser: argparse.ArgumentParser) -> None:
    """The argument that tells what a table calls the columns of a manifest."""
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        type=renamed_column,
        metavar="COLUMN=NAME",
        help="the manifest calls COLUMN by another name, as in mesh=local_path",
    )


def renamed_column(text: str) -> tuple[str, str]:
    """A known column and what a table calls it."""
    column, sign, name = text.partition("=")
    if not (sign and column and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not like mesh=local_path")
    return column, name
