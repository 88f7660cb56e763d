"""The command line: `meshmill` and its commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from flows.commands import (
    alarms,
    curate,
    doctor,
    duplicates,
    evaluate,
    history,
    ledger,
    metrics,
    models,
    publish,
    refine,
    report,
    rerun,
    revert,
    review,
    run,
    shard,
    status,
    train,
)
from flows.commands.answers import FAILED, INTERRUPTED, OK, WRONG_CALL, complain
from manifests.errors import UsageError

COMMANDS = (
    run,
    rerun,
    curate,
    status,
    ledger,
    duplicates,
    review,
    refine,
    history,
    revert,
    report,
    publish,
    shard,
    train,
    evaluate,
    models,
    doctor,
    metrics,
    alarms,
)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="meshmill", description="A manifest in, finished 3D assets out.")
    top.add_argument("--version", action="version", version=f"meshmill {version('meshmill')}")
    commands = top.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.register(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Whatever goes wrong is one line on stderr, a traceback with MESHMILL_DEBUG=1."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.handler(options)
        sys.stdout.flush()
    except UsageError as error:
        return complain(str(error), WRONG_CALL)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's last flush complains of it
        return OK
    except KeyboardInterrupt:
        return complain("interrupted; the same command goes on from here", INTERRUPTED)
    except Exception as error:
        if os.environ.get("MESHMILL_DEBUG"):
            raise
        return complain(f"{type(error).__name__}: {error} (MESHMILL_DEBUG=1 shows where)", FAILED)
    return code


if __name__ == "__main__":
    sys.exit(main())
