"""Names by which Unity, Unreal and Godot know a level of detail or a collision shape among an imported file's nodes."""

from __future__ import annotations

from typing import Literal

Engine = Literal["none", "unity", "unreal", "godot"]


def level_name(base: str, level: int, engine: Engine) -> str:
    """`base` at level of detail `level`, 0 being the full one.

    Unity makes a LODGroup of siblings that end in _LOD0, _LOD1, … (its manual, "Importing a model with LODs"); the
    others take the same ending as a plain name, and without an engine LOD0 keeps its own.
    """
    return base if engine == "none" and level == 0 else f"{base}_LOD{level}"


def collision_name(base: str, index: int, engine: Engine) -> str:
    """The `index`th convex collision body of the node `base`.

    Unreal: UCX_ before the render mesh's name (FBX static mesh pipeline). Godot: the ending -convcolonly makes a
    shape that is not drawn ("Node type customization using name suffixes"). Unity has no such name.
    """
    if engine == "unreal":
        return f"UCX_{base}_{index:02d}"
    return f"{base}_{index:02d}-convcolonly" if engine == "godot" else f"{base}_collision_{index:02d}"
