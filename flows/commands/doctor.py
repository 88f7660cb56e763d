"""`meshmill doctor`: one screen of what is installed, what is reachable, and what to do."""

from __future__ import annotations

import argparse
import json

from flows.commands.answers import FAILED, OK
from flows.commands.arguments import Commands


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("doctor", help="what is installed, reachable and missing, and what to do")
    parser.add_argument("out", nargs="?", default="out", help="the folder or s3:// prefix that runs go to")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(handler=doctor)


def doctor(options: argparse.Namespace) -> int:
    """Look and print; exit code 1 when something will not work."""
    from flows.doctor import describe, examine, to_dict

    lines = examine(options.out)
    told = to_dict(lines)
    print(json.dumps(told) if options.json else "\n".join(describe(lines)))
    return OK if told["ok"] else FAILED
