"""How often each cell of the UV square is covered by a part's triangles."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import numba
import numpy as np

from ml.asset import F32, I32, U8

RESOLUTION = 512
# Cells looked at per part at most; parts that tile their texture over every face are looked at more coarsely.
CELL_BUDGET = 16 * RESOLUTION * RESOLUTION
# Cells are probed off-centre, by a hair no UV layout is aligned to, so that an edge through cell centres belongs to
# one of its two faces only.
PROBE_X, PROBE_Y = 0.5 + 0.0123907, 0.5 - 0.0078125743


def coverage(uv: F32, faces: I32) -> U8:
    """(r, r) times each cell is covered, at most 255; r is 512, or less when faces cover the square many times over.

    Each face is shifted by whole units until its centre lies in the unit square, as a repeating texture has it; what
    then sticks out is not counted.
    """
    corners = uv.astype(np.float64)[faces]
    corners -= np.floor(corners.mean(axis=1, keepdims=True))
    box = np.clip(corners.max(axis=1), 0, 1) - np.clip(corners.min(axis=1), 0, 1)
    work = float((box[:, 0] * box[:, 1]).sum()) * RESOLUTION**2
    resolution = RESOLUTION
    while work > CELL_BUDGET and resolution > 16:
        resolution, work = resolution // 2, work / 4
    hits = np.zeros((resolution, resolution), dtype=np.uint8)
    _count(np.ascontiguousarray(corners * resolution), hits)
    return hits


@numba.njit(cache=True, nogil=True)
def _count(corners: Any, hits: U8) -> None:
    size = hits.shape[0]
    for f in range(len(corners)):
        xa, ya = corners[f, 0, 0], corners[f, 0, 1]
        xb, yb = corners[f, 1, 0], corners[f, 1, 1]
        xc, yc = corners[f, 2, 0], corners[f, 2, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if not abs(area) > 1e-12:
            continue
        x0 = max(0, ceil(max(min(xa, xb, xc), 0.0) - PROBE_X))
        x1 = min(size - 1, floor(min(max(xa, xb, xc), float(size)) - PROBE_X))
        y0 = max(0, ceil(max(min(ya, yb, yc), 0.0) - PROBE_Y))
        y1 = min(size - 1, floor(min(max(ya, yb, yc), float(size)) - PROBE_Y))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + PROBE_X, y + PROBE_Y
                ab = ((xb - xa) * (py - ya) - (px - xa) * (yb - ya)) / area
                bc = ((xc - xb) * (py - yb) - (px - xb) * (yc - yb)) / area
                ca = ((xa - xc) * (py - yc) - (px - xc) * (ya - yc)) / area
                if ab >= 0.0 and bc >= 0.0 and ca >= 0.0 and hits[y, x] < 255:
                    hits[y, x] += 1
