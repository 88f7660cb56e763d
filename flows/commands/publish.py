"""`meshmill publish`: the passed assets of a run to a shop, a hub, a site or a submission bundle."""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flows.commands.answers import FAILED, OK
from flows.commands.arguments import Commands, positive
from manifests.errors import UsageError

if TYPE_CHECKING:
    from flows.publish import Outcome


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("publish", help="send passed assets to a target; without --live only say what would")
    parser.add_argument("out")
    parser.add_argument("--target", help="sketchfab, cgtrader, shopify, huggingface, site, fab, unity or turbosquid")
    parser.add_argument("--config", metavar="FILE", help="TOML with one table of options a target")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the target")
    parser.add_argument("--approved", action="store_true", help="only assets that a reviewer approved")
    parser.add_argument("--where", help="an SQL condition on the ledger's rows")
    parser.add_argument("--limit", type=positive, default=None, metavar="N", help="at most N assets")
    parser.add_argument("--live", action="store_true", help="send; as drafts, unless --set draft=false")
    parser.add_argument("--new-versions", action="store_true", help="also where an earlier version was published")
    parser.add_argument("--retry-unsure", action="store_true", help="you have looked: what is unsure is not there")
    parser.add_argument("--again", action="store_true", help="sites, hubs, bundles: send what is not there any more")
    parser.add_argument("--verify", action="store_true", help="check the log of publications instead")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(handler=publish)


def publish(options: argparse.Namespace) -> int:
    """Send, and print what became of every asset; exit code 1 when the target was left before the end."""
    from flows.publish import PublishConfig
    from flows.publish import publish as send
    from flows.publish_targets.registry import options_of

    if options.verify:
        return verify(options)
    if not options.target:
        raise UsageError("publish: name a --target, or --verify")
    table = {**options_of(options.config, options.target), **set_table(options.set)}
    outcome = send(
        PublishConfig(
            out=options.out,
            target=options.target,
            options=table,
            approved=options.approved,
            where=options.where,
            limit=options.limit,
            live=options.live,
            new_versions=options.new_versions,
            retry_unsure=options.retry_unsure,
            again=options.again,
        ),
        lambda line: print(line, file=sys.stderr),
    )
    print(json.dumps(outcome.to_dict()) if options.json else describe(outcome))
    return FAILED if outcome.stopped else OK


def verify(options: argparse.Namespace) -> int:
    """Read the whole chain and check its seals; raises LedgerError where it is broken."""
    from flows.publish import verify as check

    found = check(options.out)
    fit = "fit" if found.checked else "were not checked: MESHMILL_SIGN_KEY and MESHMILL_SIGN_CERT are not set"
    print(json.dumps(asdict(found)) if options.json else f"{found.lines} lines hold, {found.seals} seals {fit}")
    return OK


def set_table(pairs: list[str]) -> dict[str, Any]:
    """Options as TOML values; what is none is taken as text, so that `--set to=out/site` needs no quotes."""
    table: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (equals and key.strip()):
            raise UsageError(f"--set {pair}: write KEY=VALUE")
        try:
            table[key.strip()] = tomllib.loads(f"v = {value}")["v"]
        except ValueError:
            table[key.strip()] = value
    return table


def describe(outcome: Outcome) -> str:
    """The lines a person reads at the end."""
    lines = [
        f"{outcome.target}: " + (", ".join(f"{n} {word}" for word, n in sorted(outcome.counts.items())) or "nothing")
    ]
    lines += [f"  {each.id}: {each.code}: {each.why}" for each in outcome.told]
    lines += [f"stopped: {outcome.stopped}"] if outcome.stopped else []
    lines += [outcome.written] if outcome.written else []
    return "\n".join(lines + ([] if outcome.live else ["nothing was sent: --live sends"]))
