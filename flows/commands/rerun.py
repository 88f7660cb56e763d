"""`meshmill rerun`: rows of a finished manifest once more, by reason, stage, chunk or version of what made them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.arguments import Commands
from flows.commands.run import add_run_options, carry_out
from manifests.errors import UsageError

if TYPE_CHECKING:
    from flows.run import RunConfig, Summary

CURRENT = "current"  # as flows/rerun.py has it, whose imports a --help need not load
CHOICES = {
    "reason": ("CODE", "rows with this reason, as uv.overlap or gate.uv.overlap"),
    "stage": ("NAME", "rows that went through this stage, as unwrap or export.fbx"),
    "chunk": ("ID", "rows of this part of the ledger"),
    "outcome": ("NAME", "rows that ended so"),
    "made-by": ("RECIPE", "rows that a recipe of this name or digest made"),
    "model": ("NAME", "rows of this generator, or of this generator/version"),
    "where": ("SQL", "a condition on the ledger's rows"),
}
OTHERS = {
    "other-recipe": ("RECIPE", "rows that another recipe or version of it made than this name or digest"),
    "other-model": ("NAME/VERSION", "rows that another version of this generator made"),
}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("rerun", help="make chosen rows of a finished manifest again, and no others")
    add_run_options(parser)
    for name, (metavar, text) in CHOICES.items():
        parser.add_argument(f"--{name}", default="", metavar=metavar, help=text)
    for name, (metavar, text) in OTHERS.items():
        text += "; without a value: than the current one"
        parser.add_argument(f"--{name}", default="", nargs="?", const=CURRENT, metavar=metavar, help=text)
    parser.set_defaults(handler=rerun)


def rerun(options: argparse.Namespace) -> int:
    """Run them and print the summary; raises UsageError where nothing is chosen."""
    from flows.rerun import RerunConfig, Selection

    selection = Selection(
        options.reason,
        options.stage,
        options.chunk,
        options.outcome,
        options.made_by,
        options.model,
        options.where,
        options.other_recipe,
        options.other_model,
    )
    if not selection:
        raise UsageError(f"rerun: choose rows by {', '.join(f'--{name}' for name in (*CHOICES, *OTHERS))}")
    config = RerunConfig(
        options.manifest,
        options.recipe,
        options.out or f"out/{Path(options.manifest).name.split('.')[0]}",
        options.max_invalid,
        options.limit,
        options.seed,
        tuple(options.input_root),
        auto_fix=options.auto_fix,
        columns=tuple(options.column),
        selection=selection,
    )
    return carry_out(config, options, as_flow)


def as_flow(config: RunConfig) -> Summary:
    """The rerun as a Prefect flow run."""
    from flows.rerun import RerunConfig
    from flows.rerun_flow import rerun_rows
    from flows.run import Summary

    assert isinstance(config, RerunConfig)
    s = config.selection
    run = partial(rerun_rows, config.manifest, config.recipe, config.out, s.reason, s.stage, s.chunk, s.outcome)
    roots = list(config.input_roots)
    chosen = partial(run, s.recipe, s.model, s.where, "auto", config.seed, roots, config.auto_fix)
    others = partial(chosen, other_recipe=s.other_recipe, other_model=s.other_model)
    return Summary.from_dict(others(config.max_invalid, config.limit, dict(config.columns)))
