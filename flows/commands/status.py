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
    from tasks.report import FIGURES

    store = Store(options.out)
    counts = Ledger(store).summary()
    figures = json.loads(store.read(FIGURES)) if store.exists(FIGURES) else {}
    if options.json:
        print(json.dumps(asdict(counts) | ({"figures": figures} if figures else {})))
        return OK
    print(f"{counts.rows} rows in {options.out}")
    for name, count in [*counts.outcomes.items(), *counts.reasons.items()]:
        print(f"  {count:>8} {name}")
    for name, value in figures.items():
        print(f"  {value:>8.4g} {name}")
    return OK
