"""How different an imported asset's levels of detail look from its LOD0; the lods step has measured its own."""

from __future__ import annotations

from ml.asset import Asset
from tasks.lod_judge import SCREEN_HEIGHT, SIZES, Judge
from tasks.lod_textures import TextureLevels


def level_metrics(asset: Asset) -> dict[str, float]:
    """`lodK.difference` of each level of an asset with faces, and `lods.difference`, the largest; 0 to 1.

    A file does not say how large a level is meant to be seen, so it is drawn at the smallest size that the lods step
    judges at, 128 pixels: what looks wrong there looks wrong at any other. Nothing without levels; a level without
    faces shows nothing, which is 1. Raises InputError `image.*` for a map that cannot be decoded.
    """
    if not asset.lods:
        return {}
    judge = Judge(asset, TextureLevels(), pixels=1.0, most_difference=1.0)
    coverage = min(SIZES) / SCREEN_HEIGHT
    found = {
        f"lod{index}.difference": judge.difference(level, coverage) if level.face_count else 1.0
        for index, level in enumerate(asset.lods, start=1)
    }
    return found | {"lods.difference": max(found.values())}
