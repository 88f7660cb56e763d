"""The recipes that a folder's assets were made with, kept in it by digest, so that a refinement uses the same one."""

from __future__ import annotations

import json
import os
from typing import Any

from manifests.errors import RecipeError
from manifests.inputs import is_remote
from manifests.recipe import Catalogue, Recipe, parse_recipe
from manifests.store import Store


def keep_recipe(store: Store, recipe: Recipe) -> None:
    """Write `recipes/DIGEST.json`, unless it is there."""
    # A profile of the user's own is named relative to the recipe's file.
    where = recipe.where if is_remote(recipe.where) else os.path.abspath(recipe.where)  # noqa: PTH100
    content = {"name": recipe.name, "where": where, "auto_fix": recipe.auto_fix, "text": recipe.text}
    if not store.exists(_path(recipe.digest)):
        store.put(_path(recipe.digest), json.dumps(content, ensure_ascii=False).encode())


def kept_text(store: Store, digest: str) -> str:
    """The TOML text of the recipe of this digest; raises RecipeError where it is not kept."""
    return str(_kept(store, digest)["text"])


def kept_recipe(store: Store, digest: str, catalogue: Catalogue) -> Recipe:
    """The recipe of this digest; raises RecipeError where it is not kept, or where what it names has changed since."""
    content = _kept(store, digest)
    recipe = parse_recipe(content["text"], content["where"], catalogue, content["auto_fix"])
    if recipe.digest != digest:
        raise RecipeError(
            f"recipe {content['name']!r} of {content['where']} means something else now: name one yourself"
        )
    return recipe


def _kept(store: Store, digest: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(store.read(_path(digest)))
    except (FileNotFoundError, ValueError) as error:
        raise RecipeError(f"{store.uri} holds no recipe {digest}") from error
    return content


def _path(digest: str) -> str:
    return f"recipes/{digest}.json"
