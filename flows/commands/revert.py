"""`meshmill revert`: an older version of an asset as the current one."""

from __future__ import annotations

import argparse
import sys

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.store import Store


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("revert", help="make an older version of an asset the current one")
    parser.add_argument("out")
    parser.add_argument("id", help="of the asset or of any of its versions")
    parser.add_argument("version", help="the id or the number of the version that is to be current; 1 is the root")
    parser.set_defaults(handler=set_current)


def set_current(options: argparse.Namespace) -> int:
    """Mark it, write the report again, and print the id of the current version."""
    from flows.history import revert
    from flows.reporting import rewrite_report

    store = Store(options.out)
    current = revert(store, options.id, options.version)
    print(f"report {rewrite_report(store)}", file=sys.stderr)
    print(current)
    return OK
