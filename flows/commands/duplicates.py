"""`meshmill duplicates`: assets that repeat an earlier one."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from flows.commands.answers import OK
from flows.commands.arguments import Commands, share
from manifests.store import Store


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("duplicates", help="assets that repeat an earlier one, and rejecting them")
    parser.add_argument("out")
    parser.add_argument("--threshold", type=share, default=None, metavar="D", help="how far apart still counts")
    parser.add_argument("--against", action="append", default=[], metavar="OUT", help="also an earlier run's assets")
    parser.add_argument("--reject", action="store_true", help="reject them in the ledger and remove their files")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    parser.set_defaults(handler=duplicates)


def duplicates(options: argparse.Namespace) -> int:
    """Print them; with --reject, reject them and write the report again."""
    from flows.duplicates import find_repeats, reject_repeats
    from flows.reporting import rewrite_report
    from tasks.duplicates import THRESHOLD

    store = Store(options.out)
    threshold = THRESHOLD if options.threshold is None else options.threshold
    repeats = find_repeats(store, threshold, list(map(Store, options.against)))
    for each in repeats:
        fields = {**asdict(each), "code": each.code}
        print(json.dumps(fields) if options.json else f"{each.code:<16} {each.distance:<8.4f} {each.id} is {each.of}")
    if options.reject:
        reject_repeats(store, repeats)
        print(f"{len(repeats)} rejected; report {rewrite_report(store)}", file=sys.stderr)
    return OK
