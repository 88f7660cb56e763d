"""`meshmill models`: which pretrained models there are, what each lacks on this machine, and pulling their weights."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.commands.answers import OK, WRONG_CALL
from flows.commands.arguments import Commands

if TYPE_CHECKING:
    from ml.generators.pretrained.shelf import Missing


def register(commands: Commands) -> None:
    """Add the command and its three kinds."""
    kinds = commands.add_parser("models", help="pretrained models").add_subparsers(dest="kind", required=True)
    listed = kinds.add_parser("list", help="every model with its terms and needs")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(handler=show)
    checked = kinds.add_parser("check", help="what is missing, a line each; 2 when something needed is")
    checked.add_argument("names", nargs="*", metavar="NAME", help="models, steps (default: all)")
    checked.add_argument("--recipe", default="", help="check what this recipe's generator lacks, with its options")
    checked.add_argument("--json", action="store_true")
    checked.set_defaults(handler=check)
    pulled = kinds.add_parser("pull", help="bring weights to this machine")
    pulled.add_argument("names", nargs="+", metavar="NAME")
    pulled.add_argument("--accept", action="append", default=[], metavar="LICENCE", help="terms with limits, by name")
    pulled.add_argument("--territory", default="", metavar="COUNTRY", help="ISO 3166-1 code of where the work is done")
    pulled.add_argument("--revision", default=None, help="commit of the first repository (default: its newest)")
    pulled.set_defaults(handler=pull)


def show(options: argparse.Namespace) -> int:
    """A line a model."""
    from ml.generators.pretrained.listed import PRETRAINED

    if options.json:
        cards = {
            name: {**_plain(asdict(made.card)), "inputs": sorted(made.inputs)} for name, (made, _) in PRETRAINED.items()
        }
        print(json.dumps(cards))
        return OK
    for name, (made, _) in PRETRAINED.items():
        card = made.card
        terms = " + ".join(licence.name + " (limits)" * bool(licence.limits) for licence in card.licences)
        print(
            f"{name:<22} {'+'.join(sorted(made.inputs)):<19} {card.output:<9} {card.vram_gb:>3.0f} GB "
            f"batch {card.batch}  {terms}; {card.source}@{card.revision[:7]}"
        )
    return OK


def check(options: argparse.Namespace) -> int:
    """A line for each thing that is missing, and one where all that is needed is there."""
    found = _of_recipe(options.recipe) if options.recipe else _of_models(options.names)
    if options.json:
        print(json.dumps({name: [asdict(each) for each in missing] for name, missing in found.items()}))
    else:
        for name, missing in found.items():
            for each in missing:
                print(f"{name}: {each.code}: {each.text}")
            if not _needed(missing):
                print(f"{name}: ready")
    return WRONG_CALL if any(map(_needed, found.values())) else OK


def _needed(missing: list[Missing]) -> bool:
    """Whether anything is missing that nothing stands in for."""
    return not all(each.optional for each in missing)


def _of_models(names: list[str]) -> dict[str, list[Missing]]:
    from flows.models import checked

    return checked(names)


def _of_recipe(recipe: str) -> dict[str, list[Missing]]:
    from flows.catalogue import catalogue
    from flows.models import lacking_in
    from manifests.recipe import load_recipe

    return lacking_in(load_recipe(recipe, catalogue()))


def pull(options: argparse.Namespace) -> int:
    """Bring them, each asked for before the first byte."""
    from flows.models import pull

    tell = partial(print, file=sys.stderr, flush=True)
    for name in options.names:
        pull(name, options.accept, options.territory, options.revision, tell)
    return OK


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value
