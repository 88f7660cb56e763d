"""Drops what floats: small pieces that touch neither the rest of an asset nor the ground."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ml.asset import Asset
from tasks.floaters import floating
from tasks.subject import Subject


@dataclass(frozen=True)
class DropFloatersOptions:
    """How large a piece may be that is taken for debris."""

    most: float = field(
        default=0.05, metadata={"min": 0.0, "max": 1.0, "help": "largest share of the area that one may have"}
    )


def drop_floaters(asset: Asset, options: DropFloatersOptions = DropFloatersOptions()) -> Asset:
    """The asset without its floaters (`tasks/floaters.py`) of at most `most` of the area each, and without the parts
    that this empties. Vertices stay for `clean` to drop. Raises InputError `mesh.not-finite`.
    """
    if not asset.face_count:
        return asset
    subject = Subject(asset)
    group = floating(subject)
    area = np.bincount(group[group >= 0], subject.areas[group >= 0], int(group.max(initial=0)) + 1)
    drop = (group >= 0) & (area[group] <= options.most * subject.areas.sum())
    if not drop.any():
        return asset.noted(drop_floaters="nothing to drop")
    first = np.cumsum([0, *(len(part.faces) for part in asset.parts)])
    parts = [
        part.with_faces(part.faces[~drop[start : start + len(part.faces)]])
        for part, start in zip(asset.parts, first, strict=False)
    ]
    note = f"{len(np.unique(group[drop]))} floaters of {int(drop.sum())} faces dropped"
    return replace(asset, parts=tuple(part for part in parts if len(part.faces))).noted(drop_floaters=note)
