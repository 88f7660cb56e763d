"""`meshmill curate`: a manifest of meshes through a curation recipe, then shards and their card."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from flows.commands.answers import OK
from flows.commands.arguments import Commands, add_columns, positive, share
from flows.commands.run import as_flow, carry_out
from flows.commands.shard import add_push, add_shape, describe, push_to, shape, tell


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("curate", help="a manifest of meshes as training shards with their card")
    parser.add_argument("manifest", help="CSV, Parquet or JSON lines; with --explain the folder of the run")
    parser.add_argument("--recipe", default="dora", help="a curation recipe's name or a TOML file")
    parser.add_argument("--out", default=None, help="folder or s3:// prefix of the run (default: out/<manifest name>)")
    parser.add_argument("--shards", default=None, metavar="DIR", help="of the data set (default: OUT/shards)")
    parser.add_argument("--explain", default=None, metavar="ID", help="what was found of one row, instead of a run")
    parser.add_argument("--engine", choices=("auto", "inline"), default="auto")
    parser.add_argument("--max-invalid", type=share, default=1.0, metavar="SHARE", help="stop above this share, 0..1")
    parser.add_argument("--limit", type=positive, default=None, metavar="N", help="only the first N rows")
    parser.add_argument("--input-root", action="append", default=[], metavar="PREFIX", help="also read inputs there")
    add_columns(parser)
    parser.add_argument("--json", action="store_true", help="two JSON objects: of the run and of the shards")
    add_shape(parser)
    add_push(parser)
    parser.set_defaults(handler=curate)


def curate(options: argparse.Namespace) -> int:
    """Run, pack, write the card; or explain a row."""
    from flows.curate import explain, publish
    from flows.run import RunConfig
    from manifests.store import Store

    if options.explain is not None:
        print("\n".join(explain(Store(options.manifest), options.explain)))
        return OK
    out = options.out or f"out/{Path(options.manifest).name.split('.')[0]}"
    chosen = shape(options, out, options.shards or f"{out}/shards")
    roots = tuple(options.input_root)
    columns = tuple(options.column)
    config = RunConfig(
        options.manifest, options.recipe, out, options.max_invalid, options.limit, 0, roots, columns=columns
    )
    code = carry_out(config, options, as_flow)
    if code != OK:
        return code
    packed, card = publish(chosen, options.recipe, tell)
    pushed = push_to(options.push, chosen.to)
    said = {**packed.to_dict(), "card": card, **pushed}
    print(json.dumps(said) if options.json else f"{describe(packed, pushed)}\ncard    {card}")
    return OK
