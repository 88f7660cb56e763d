"""`meshmill train`: the alignment model from its recipe, and a quality scorer from labels."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from flows.commands.answers import OK
from flows.commands.arguments import Commands
from manifests.errors import UsageError


def register(commands: Commands) -> None:
    """Add the command and its two kinds."""
    kinds = commands.add_parser("train", help="train a model of the house").add_subparsers(dest="kind", required=True)
    alignment = kinds.add_parser("alignment", help="the dual encoder that compares prompts with pictures")
    alignment.add_argument("--recipe", default="datasets/training/alignment.toml", help="a training recipe")
    alignment.add_argument("--out", required=True, help="folder; a killed training goes on from what is in it")
    alignment.set_defaults(handler=train_alignment)
    scorer = kinds.add_parser("scorer", help="a linear quality scorer from labels of a run's assets")
    scorer.add_argument("labels", help="CSV of id and label, a number each")
    scorer.add_argument("--run", required=True, help="the run's folder, made by a recipe with [alignment]")
    scorer.add_argument("--out", required=True, metavar="FILE", help="JSON that a recipe names as [alignment] scorer")
    scorer.set_defaults(handler=train_scorer)


def train_alignment(options: argparse.Namespace) -> int:
    """Train, and print how well the model tells right prompts from wrong ones."""
    from flows.training import train_alignment
    from ml.asset import InputError

    try:
        tell = partial(print, file=sys.stderr, flush=True)
        judged = train_alignment(Path(options.recipe), Path(options.out), tell)
    except InputError as error:
        raise UsageError(error.message) from error
    except ModuleNotFoundError as error:
        raise UsageError(f"training needs {error.name}: install the extra 'learned'") from error
    recall, _ = judged.recall()
    print(f"AUC {judged.roc_random:.4f} against other prompts, {judged.roc_hard:.4f} with one word wrong")
    print(f"R@1 {recall:.3f} among 100; the model is in {options.out}")
    return OK


def train_scorer(options: argparse.Namespace) -> int:
    """Fit, write the file, and print how much of the labels it explains."""
    from flows.scoring import fit_from_ledger
    from ml.asset import InputError

    try:
        scorer = fit_from_ledger(options.run, options.labels)
    except InputError as error:
        raise UsageError(error.message) from error
    Path(options.out).write_text(scorer.to_json())
    print(json.dumps({"labels": scorer.labels, "explained": scorer.explained, "file": options.out}))
    return OK
