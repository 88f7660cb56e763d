"""`meshmill refine`: new versions of finished assets, as a manifest of instructions asks for them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from flows.commands.arguments import Commands, positive, share
from flows.commands.run import carry_out

if TYPE_CHECKING:
    from flows.run import RunConfig, Summary


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("refine", help="make new versions of assets from instructions in words")
    parser.add_argument("out", help="the folder or s3:// prefix of the run that made the assets")
    parser.add_argument("manifest", help="CSV, Parquet or JSON lines with parent, instruction and region")
    parser.add_argument("--recipe", default="", help="instead of the one that each parent was made with")
    parser.add_argument("--engine", choices=("auto", "inline"), default="auto")
    parser.add_argument("--max-invalid", type=share, default=1.0, metavar="SHARE", help="stop above this share, 0..1")
    parser.add_argument("--limit", type=positive, default=None, metavar="N", help="only the first N rows")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.set_defaults(handler=refine)


def refine(options: argparse.Namespace) -> int:
    """Run it and print the summary."""
    from flows.refine import RefineConfig

    config = RefineConfig(
        options.manifest, out=options.out, max_invalid=options.max_invalid, limit=options.limit, recipe=options.recipe
    )
    return carry_out(config, options, as_flow)


def as_flow(config: RunConfig) -> Summary:
    """The run as a Prefect flow run."""
    from flows.refine_flow import refine_assets
    from flows.run import Summary

    return Summary.from_dict(
        refine_assets(config.out, config.manifest, config.recipe, "auto", config.max_invalid, config.limit)
    )
