"""The alignment model of a run: looked for before anything starts."""

from __future__ import annotations

from manifests.errors import RecipeError
from manifests.recipe import Recipe
from ml.alignment.model import load_alignment
from ml.alignment.scorer import read_scorer
from ml.asset import InputError
from ml.captioner import weights_folder
from tasks.alignment import AlignmentOptions


def check_alignment(recipe: Recipe) -> None:
    """Raises RecipeError that says in one line what the recipe's alignment model lacks on this machine."""
    if not isinstance(recipe.alignment, AlignmentOptions):
        return
    try:
        load_alignment(recipe.alignment.model)
        if recipe.alignment.second:
            weights_folder(recipe.alignment.second)
        if recipe.alignment.scorer:
            read_scorer(recipe.alignment.scorer)
    except InputError as error:
        raise RecipeError(f"recipe {recipe.name}, [alignment]: {error.message}") from error
