"""`meshmill shard`: the passed rows of a run as training shards."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.commands.answers import OK
from flows.commands.arguments import Commands, positive
from manifests.samples import read_shares

if TYPE_CHECKING:
    from flows.shard import Packed, ShardConfig


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("shard", help="pack the passed rows of a run into training shards")
    parser.add_argument("out")
    parser.add_argument("--to", required=True, metavar="DIR", help="folder or s3:// prefix of the data set")
    add_shape(parser)
    add_push(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.set_defaults(handler=shard)


def add_shape(parser: argparse.ArgumentParser) -> None:
    """The options that decide what goes to the shards and how."""
    parser.add_argument("--format", choices=("webdataset", "parquet"), default="webdataset")
    parser.add_argument("--formats", default="", help="outputs to pack, as vecset,views (default: all but glb)")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--size", type=positive, default=None, metavar="N", help="samples a shard")
    limit.add_argument("--bytes", type=positive, default=None, metavar="N", help="of files a shard (default: 512 MiB)")
    parser.add_argument("--split", default="0.98/0.01/0.01", help="shares of train/validation/test")
    parser.add_argument("--where", help="an SQL condition on the ledger's rows")
    parser.add_argument("--licences", default=None, metavar="A,B", help="allowed, whatever the recipe says")
    check = "read every published shard again first and compare its digest (without it, its length)"
    parser.add_argument("--check", action="store_true", help=check)
    parser.add_argument("--repair", action="store_true", help="the same, and make damaged shards again as they were")
    parser.add_argument("--version", default="", metavar="NAME", help="of the data set (default: the next number)")


def add_push(parser: argparse.ArgumentParser) -> None:
    """Where the data set goes afterwards."""
    where = "hf://datasets/OWNER/NAME or s3://BUCKET/PREFIX: bring what is missing there"
    parser.add_argument("--push", default="", metavar="URL", help=where)


def shard(options: argparse.Namespace) -> int:
    """Pack what is not packed yet and print what was done."""
    from flows.shard import shard as pack

    packed = pack(shape(options, options.out, options.to), tell)
    pushed = push_to(options.push, options.to)
    print(json.dumps({**packed.to_dict(), **pushed}) if options.json else describe(packed, pushed))
    return OK


def push_to(url: str, folder: str) -> dict[str, Any]:
    """What `--push` did, under `pushed`; nothing without it."""
    if not url:
        return {}
    from flows.push import place_of, push

    return {"pushed": push(folder, place_of(url), tell).to_dict()}


def shape(options: argparse.Namespace, out: str, to: str) -> ShardConfig:
    """What `add_shape`'s options ask for; raises UsageError."""
    from flows.shard import MAX_BYTES, ShardConfig

    return ShardConfig(
        out,
        to,
        options.format,
        tuple(sorted(filter(None, options.formats.split(",")))),
        options.size,
        options.bytes or (sys.maxsize if options.size else MAX_BYTES),
        read_shares(options.split),
        options.where,
        None if options.licences is None else tuple(options.licences.split(",")),
        options.version,
        options.check,
        options.repair,
    )


def tell(line: str) -> None:
    """One line a finished shard; stdout is the summary's alone."""
    print(line, file=sys.stderr)


def describe(packed: Packed, pushed: Mapping[str, Any]) -> str:
    """The lines a person reads at the end."""
    if not packed.version:
        lines = ["no samples to publish"]
    else:
        new = f"{packed.samples} new samples in {packed.shards} new shards"
        lines = [f"{new}; version {packed.version} has {packed.total}"]
    lines += [f"left out  {reason:<24} {rows}" for reason, rows in packed.left_out.items()]
    for each in pushed.values():
        lines.append(f"pushed  {each['files']} files, {each['bytes'] / 1e6:.1f} MB to {each['place']}")
    return "\n".join(lines)
