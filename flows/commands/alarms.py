"""`meshmill alarms`: automations of a Prefect server for runs in which many rows fail."""

from __future__ import annotations

import argparse

from flows.commands.answers import OK
from flows.commands.arguments import Commands


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("alarms", help="have Prefect tell somebody when many rows, or runs, fail")
    parser.add_argument("--notify", default="", metavar="TYPE/NAME", help="a notification block, as slack-webhook/ops")
    parser.add_argument("--pause", action="store_true", help="pause a deployment whose runs fail one after the other")
    parser.set_defaults(handler=alarms)


def alarms(options: argparse.Namespace) -> int:
    """Create them, or bring them up to date; raises UsageError."""
    import prefect.settings

    from flows.alarms import set_alarms
    from manifests.errors import UsageError

    if not prefect.settings.PREFECT_API_URL.value():
        raise UsageError("alarms: PREFECT_API_URL names no server to set them at")
    for name in set_alarms(options.notify, options.pause):
        print(name)
    return OK
