"""`meshmill status`: what the ledger holds, counted."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.ledger import Ledger
from manifests.store import Store


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("status", help="what the ledger holds")
    parser.add_argument("out")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(handler=status)


def status(options: argparse.Namespace) -> int:
    """Print rows by outcome and by reason."""
    counts = Ledger(Store(options.out)).summary()
    if options.json:
        print(json.dumps(asdict(counts)))
        return OK
    print(f"{counts.rows} rows in {options.out}")
    for name, count in [*counts.outcomes.items(), *counts.reasons.items()]:
        print(f"  {count:>8} {name}")
    return OK
