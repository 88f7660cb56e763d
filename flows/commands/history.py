"""`meshmill history`: the versions of an asset, and what changed between them."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.store import Store

if TYPE_CHECKING:
    from flows.history import VersionLine

SHOWN = 8  # measures of a version for people; --json has all
FAINT = 1e-4
LEVEL = re.compile(r"lod\d+\.")


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("history", help="the versions of an asset and what changed between them")
    parser.add_argument("out")
    parser.add_argument("id", help="of the asset or of any of its versions")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace) -> int:
    """Print the tree."""
    from flows.history import history

    for line in history(Store(options.out), options.id):
        print(json.dumps(line.to_dict(), ensure_ascii=False) if options.json else describe(line))
    return OK


def describe(line: VersionLine) -> str:
    """A version in a few lines: `chair.v2  passed  0.93  current`, the instruction, the measures that changed."""
    score = "" if line.score is None else f"{line.score:.3f}"
    marks = "  ".join(filter(None, (*line.reasons, "current" * line.current, "of an older parent" * line.stale)))
    indent = "  " * line.depth
    lines = [f"{indent}{line.id:<{max(4, 32 - len(indent))}} {line.outcome:<12} {score:<6} {marks}".rstrip()]
    if line.instruction:
        done = f" ({line.how}: {line.understood})" if line.how else ""
        lines.append(f"{indent}  {line.instruction!r}{' in ' + line.region if line.region else ''}{done}")
    # What the levels of detail measure follows from the shape: it is left to --json.
    told = [each for each in line.changes.items() if not LEVEL.match(each[0])]
    changes = sorted(told, key=lambda each: -share(*each[1]))
    lines += [f"{indent}    {name} {change(*pair)}" for name, pair in changes[:SHOWN]]
    if len(line.changes) > len(changes[:SHOWN]):
        lines.append(f"{indent}    … {len(line.changes) - len(changes[:SHOWN])} more with --json")
    return "\n".join(lines)


def share(old: float | None, new: float | None) -> float:
    """How much a measure changed, relative to what it was; 0 where there is nothing to compare.

    Below FAINT a number is as good as 0: what rounding left is not what a person looks for first.
    """
    return abs(new - old) / max(abs(old), FAINT) if old and new is not None else 0.0


def change(old: float | None, new: float | None) -> str:
    """'0.82 → 1.64 (+100.0 %)'."""
    percent = f" ({(new - old) / abs(old):+.1%})" if old and new is not None else ""
    return f"{'–' if old is None else f'{old:g}'} → {'–' if new is None else f'{new:g}'}{percent}"
