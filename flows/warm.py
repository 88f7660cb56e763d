"""Compiles or loads every kernel once, on a tiny asset, in the process that all guarded children are forked from."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from flows.catalogue import catalogue
from flows.kernel_loading import load_without_compiler
from manifests.recipe import load_recipe
from ml.asset import Asset, InputError, Material, Texture, make_part
from tasks.chain import Plan, run_chain
from tasks.profile import load_profile

COMMON = ("game-ready",)  # the default: what nearly every child needs
RECIPES = (*COMMON, "print", "web-ar", "catalog")  # between them they run every exporter and nearly every step
SMALL = {"resolution": 64, "size": 64, "target_faces": 64}


def warm_up(recipes: Sequence[str] = COMMON) -> None:
    """Run recipes on a small grid; a first time on a machine this fills the compiled-code cache.

    A template runs the common one: kernels of the others are loaded by the children that meet them, 5 ms each.
    """
    load_without_compiler()
    known = catalogue()
    for name in recipes:
        recipe = load_recipe(name, known)
        steps = tuple((stage.name, small(stage.options)) for stage in recipe.steps)
        exports = tuple((stage.name, stage.options) for stage in recipe.exports)
        with contextlib.suppress(InputError):
            profile = load_profile(recipe.profile) if recipe.profile else None
            run_chain(bumpy_sheet(), Plan(steps, profile, exports, small(recipe.thumbnail)), "warm")


def small(options: Any) -> Any:
    """The options with their sizes cut to what takes milliseconds."""
    if not is_dataclass(options) or isinstance(options, type):
        return options
    named = {field.name for field in fields(options)}
    return replace(options, **{name: value for name, value in SMALL.items() if name in named})


def bumpy_sheet(size: int = 12) -> Asset:
    """A closed, textured height field of a few hundred faces: enough to be simplified, unwrapped and baked."""
    import numpy as np

    u, v = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    top = np.stack([u, 0.5 + 0.1 * np.sin(6 * u) * np.cos(6 * v), v], axis=-1).reshape(-1, 3)
    a = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).reshape(-1)
    faces = np.concatenate([np.stack([a, a + 1, a + size], 1), np.stack([a + 1, a + size + 1, a + size], 1)])
    texture = Texture.from_pixels(np.full((8, 8, 3), 128, np.uint8))
    uv = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32)
    part = make_part(top, faces, Material(base_color_texture=texture), uv=uv)
    return Asset((part, make_part(top * [1, -1, 1], faces[:, ::-1])))


if __name__ == "__main__":  # what `make` runs once a machine
    from flows.bytecode import write_bytecode  # no business of a template's
    from ml.kernel_cache import forget_old

    warm_up(RECIPES)
    forget_old()
    write_bytecode()
