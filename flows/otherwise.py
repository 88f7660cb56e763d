"""When another generator makes a row's asset: what it has to take, and which answers say that the first cannot."""

from __future__ import annotations

from functools import cache

from flows.budget import postponed
from flows.jobs import Failure
from manifests.recipe import Recipe
from manifests.row import Row
from ml.generators.pretrained.shelf import missing_modules
from ml.generators.registry import GENERATORS

# What a row with several inputs is for: the most specific one decides, the prompt then only describes. One picture is
# `shapes`', where it is sure of it (bench/pictured.py: IoU 0.56 against 0.36), and else `inflate`s.
BY_INPUT = (("mesh", "mesh"), ("images", "visual-hull"), ("image", "shapes"), ("sketch", "shapes"))
UNSURE = {"shapes": "inflate"}  # who makes what a generator that nobody chose cannot, or is not installed for

# Errors that say that a generator has no use for a sound input, or found nothing in it. A file that is broken or not
# there is so for every generator. A model, a licence or memory that is missing is the machine's fault: were the row
# made by another generator for that, it would stay so on a better machine.
CANNOT = frozenset(
    {
        "distill.diverged",
        "field.empty",
        "field.not-finite",
        "image.background",
        "image.no-silhouette",
        "images.cameras",
        "images.empty-hull",
        "input.missing",
        "model.no-surface",
        "prompt.empty",
        "sketch.open-outline",
    }
)


@cache
def learned() -> bool:
    """Whether the extra `learned` is here, without which nothing of ours that was trained with torch runs."""
    return not any(missing_modules(("torch",), ""))


def by_input(row: Row) -> str:
    """Who makes a row's asset where nobody chose a generator: the one for what the row brings, as far as it is here."""
    name = next((generator for field, generator in BY_INPUT if getattr(row, field)), "procedural")
    return name if learned() else UNSURE.get(name, name)


def other_of(row: Row, recipe: Recipe, generator: str) -> str:
    """The recipe's `otherwise`, or where nobody chose a generator what goes with the row's; "" where that is the row's
    own generator or has no use for what the row is made from."""
    chosen = (row.generator or recipe.generator) != "auto"
    otherwise = recipe.otherwise or ("" if chosen else UNSURE.get(generator, ""))
    brought = next((field for field, _ in BY_INPUT if getattr(row, field)), "prompt")
    takes = bool(otherwise) and brought in GENERATORS[otherwise][0].inputs
    return otherwise if takes and otherwise != generator else ""


def cannot_make(answer: Failure) -> bool:
    """Whether a generator's answer means that it is not the one for this row: it declined, or found nothing in it.

    No money is no reason: the row is taken up again. Nor is a crash, a hang or an error of ours.
    """
    declined = answer.outcome == "rejected" and not postponed((answer.code,))
    return declined or (answer.outcome == "failed" and answer.code in CANNOT)
