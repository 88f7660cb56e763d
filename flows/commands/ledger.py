"""`meshmill ledger`: the ledger's rows."""

from __future__ import annotations

import argparse
import json

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.ledger import Ledger
from manifests.store import Store


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("ledger", help="the ledger's rows")
    parser.add_argument("out")
    parser.add_argument("--where", help="an SQL condition, as in \"outcome = 'failed'\"")
    parser.add_argument("--json", action="store_true", help="JSON lines, every column")
    parser.set_defaults(handler=ledger)


def ledger(options: argparse.Namespace) -> int:
    """Print one line a row."""
    for row in Ledger(Store(options.out)).rows(options.where):
        if options.json:
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(f"{row['outcome']:<12} {row['id']:<32} {','.join(row['reasons']):<24} {row['message']}")
    return OK
