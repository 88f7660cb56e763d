"""`meshmill train`: the models of the house from their recipes, and a quality scorer from labels."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.answers import OK
from flows.commands.arguments import Commands, positive
from manifests.errors import UsageError

if TYPE_CHECKING:
    from flows.shape_training import ShapeTraining


def register(commands: Commands) -> None:
    """Add the command and its kinds."""
    kinds = commands.add_parser("train", help="train a model of the house").add_subparsers(dest="kind", required=True)
    alignment = kinds.add_parser("alignment", help="the dual encoder that compares prompts with pictures")
    alignment.add_argument("--recipe", default="datasets/training/alignment.toml", help="a training recipe")
    alignment.add_argument("--out", required=True, help="folder; a killed training goes on from what is in it")
    alignment.set_defaults(handler=train_alignment)
    add_shapes(kinds)
    pose = kinds.add_parser("pose", help="the network that turns meshes to their feet and front")
    pose.add_argument("--recipe", default="datasets/training/pose.toml", help="a training recipe")
    pose.add_argument("--out", required=True, help="folder; a killed training keeps the examples that are in it")
    pose.set_defaults(handler=train_pose)
    scorer = kinds.add_parser("scorer", help="a linear quality scorer from labels of a run's assets")
    scorer.add_argument("labels", help="CSV of id and label, a number each")
    scorer.add_argument("--run", required=True, help="the run's folder, made by a recipe with [alignment]")
    scorer.add_argument("--out", required=True, metavar="FILE", help="JSON that a recipe names as [alignment] scorer")
    scorer.set_defaults(handler=train_scorer)


def add_shapes(kinds: Commands) -> None:
    """The shape model's options."""
    shapes = kinds.add_parser("shapes", help="the model that makes textured shapes from text, pictures and sketches")
    shapes.add_argument("--recipe", default="datasets/training/shapes-small.toml", help="a training recipe")
    shapes.add_argument("--out", required=True, help="folder; a killed training goes on from what is in it")
    shapes.add_argument("--stage", choices=("vae", "flow", "all"), default="all", help="up to this stage")
    shapes.add_argument("--device", default="auto", help="cpu, cuda, or auto: a GPU where there is one")
    shapes.add_argument("--workers", type=positive, default=1, help="processes that make examples")
    shapes.add_argument("--memory-gib", type=float, default=4.0, metavar="N", help="of examples, on the device")
    shapes.add_argument("--at-least", type=positive, default=2048, metavar="N", help="examples before the first step")
    shapes.add_argument("--seconds", type=float, default=0.0, metavar="N", help="of each stage, not the recipe's steps")
    shapes.add_argument("--compile", action="store_true", help="compile the networks' blocks on a GPU")
    shapes.add_argument(
        "--sample-every", type=int, default=2000, metavar="N", help="steps from grid to grid of samples"
    )
    shapes.add_argument("--start", default="", metavar="DIR", help="a model's folder: begin with its weights")
    shapes.add_argument("--engine", choices=("auto", "inline"), default="auto", help="auto: a Prefect run")
    shapes.add_argument("--ray", type=positive, metavar="N", help="in N workers of Ray Train")
    shapes.set_defaults(handler=train_shapes)


def train_shapes(options: argparse.Namespace) -> int:
    """Train, and print where the model is. Under torchrun, this is one of its ranks."""
    from flows.shape_training import ShapeTraining, train_on_ray, train_stages
    from ml.asset import InputError

    asked = ShapeTraining(**{field.name: getattr(options, field.name) for field in fields(ShapeTraining)})
    try:
        if options.ray:
            train_on_ray(asked, options.ray, gpu=options.device != "cpu")
        elif options.engine == "inline" or "TORCHELASTIC_RUN_ID" in os.environ:
            train_stages(asked)
        else:
            as_flow(asked)
    except InputError as error:
        raise UsageError(error.message) from error
    except ModuleNotFoundError as error:
        raise UsageError(f"training needs {error.name}: install the extra 'learned'") from error
    print(f"the training is in {options.out}")
    return OK


def as_flow(asked: ShapeTraining) -> None:
    """The training as a Prefect flow run."""
    from flows.commands.run import quiet_prefect, start_api

    with start_api():
        from flows.shape_training_flow import train_shapes

        quiet_prefect()
        train_shapes(**asdict(asked))


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


def train_pose(options: argparse.Namespace) -> int:
    """Train, and print how many held-out assets are brought back."""
    from flows.pose_training import WEIGHTS, train_pose_model

    try:
        found = train_pose_model(Path(options.recipe), Path(options.out), partial(print, file=sys.stderr, flush=True))
    except ModuleNotFoundError as error:
        raise UsageError(f"training needs {error.name}: install the extra 'learned'") from error
    print(f"of held-out assets brought back from any turn {found.every:.1%}, to the front {found.front:.1%}")
    print(f"the weights are in {options.out}/{WEIGHTS}")
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
