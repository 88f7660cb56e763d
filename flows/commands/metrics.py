"""`meshmill metrics`: a run's figures in Prometheus' text format."""

from __future__ import annotations

import argparse

from flows.commands.answers import OK
from flows.commands.arguments import Commands


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("metrics", help="a run's figures in Prometheus' text format")
    parser.add_argument("out")
    parser.set_defaults(handler=metrics)


def metrics(options: argparse.Namespace) -> int:
    """Print them."""
    from flows.metrics import exposition

    print(exposition(options.out), end="")
    return OK
