"""`meshmill evaluate`: the shape model's figures on held-out assets, beside the bars of the specification."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial

from flows.commands.answers import OK
from flows.commands.arguments import Commands, positive
from manifests.errors import UsageError


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="measure the shape model on assets it never saw")
    parser.add_argument(
        "--model", default="", metavar="DIR", help="what `meshmill train shapes` made (default: shipped)"
    )
    parser.add_argument("--samples", type=positive, default=200, metavar="N", help="held-out assets (default: 200)")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure, as bench/ prints them")
    parser.set_defaults(handler=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    """Print each figure as it is known; a missed bar is no error."""
    from flows.evaluate import evaluate
    from ml.asset import InputError
    from tasks.figures import line, sentence

    tell = partial(print, file=sys.stderr, flush=True)
    try:
        for figure in evaluate(options.model, options.samples, tell):
            print(json.dumps(line(figure)) if options.json else sentence(figure), flush=True)
    except InputError as error:
        raise UsageError(error.message) from error
    except ModuleNotFoundError as error:
        raise UsageError(f"the shape model needs {error.name}: install the extra 'learned'") from error
    return OK
