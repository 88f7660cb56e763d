"""`meshmill report`: the report, written again."""

from __future__ import annotations

import argparse

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.store import Store


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("report", help="write the report again from the ledger")
    parser.add_argument("out")
    parser.set_defaults(handler=report)


def report(options: argparse.Namespace) -> int:
    """Write it and print where it is."""
    from flows.reporting import rewrite_report

    print(rewrite_report(Store(options.out)))
    return OK
