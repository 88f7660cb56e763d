"""`meshmill review`: what people decided on the report page, carried into the ledger."""

from __future__ import annotations

import argparse
import json
import sys

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.store import Store


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("review", help="how far the review is, and carrying a review.csv into the ledger")
    parser.add_argument("out")
    parser.add_argument("file", nargs="?", help="the review.csv of the report page; a path or an fsspec URL")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(handler=review)


def review(options: argparse.Namespace) -> int:
    """Carry the file out, write the report again, and print what became of every line; without a file, the counts."""
    from flows.reporting import rewrite_report
    from flows.review import apply_review, review_counts
    from flows.run import FACTS
    from manifests.review_file import read_review

    store = Store(options.out)
    if options.file is None:
        counts = review_counts(store)
        print(json.dumps(counts) if options.json else "\n".join(f"{n:>8} {name}" for name, n in counts.items()))
        return OK
    done = apply_review(store, read_review(options.file))
    if options.json:
        print(json.dumps(done.to_dict()))
    else:
        for each in sorted(done.refused, key=lambda refused: refused.line):
            print(f"line {each.line}: {each.code} {each.id}: {each.message}")
        parts = [f"{n} {verdict}" for verdict, n in sorted(done.changed.items())]
        parts += [f"{done.unchanged} as before", f"{len(done.refused)} refused"]
        print(", ".join(parts))
    if store.exists(FACTS):  # else a run is unfinished, and writes the report itself
        print(f"report {rewrite_report(store)}", file=sys.stderr)
    return OK
