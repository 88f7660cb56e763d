"""Which examples training never sees: pairs of category and colour or material, and regions of proportions."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.alignment.captions import Caption
from ml.alignment.examples import is_held

Split = Literal["train", "pairs", "region"]

CELL = 0.2  # side of a region, in log2 of width and depth over height: 15 % in either proportion
HELD = 8  # one region of so many is held


def split_of(caption: Caption, category: str, extents: npt.ArrayLike) -> Split:
    """The split of an asset that the caption asked for, whose half sides (3,) are in any unit.

    `pairs`: the caption names a colour or material that this category is never trained with. `region`: the
    proportions, width over height and depth over height, lie in a cell that this category is never trained with.
    """
    if is_held(caption):
        return "pairs"
    width, height, depth = np.asarray(extents, np.float64)
    column, row = np.floor(np.log2((width / height, depth / height)) / CELL).astype(int)
    return "region" if zlib.crc32(f"{category} {column} {row}".encode()) % HELD == 0 else "train"
