"""Measures of the lightmap set: whether baked light would find a place of its own for every spot of the surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from ml.asset import F32, I32, Part
from ml.union_find import join
from tasks.gutter import nearest_covered
from tasks.measure_surface import outside_share
from tasks.texel_raster import rasterize
from tasks.uv_coverage import coverage
from tasks.uv_layout import shared_corners

TEXELS = 512  # side of the lightmap that gaps are told for: the recipes' own, and a usual one for a prop
CELLS = 2  # a texel and direction, by which gaps are resolved


def lightmap_metrics(parts: Sequence[Part]) -> dict[str, float]:
    """Layout of `uv1`, one square for all parts; only `lightmap.present` when no part has it.

    No coordinate repeats in a lightmap, so what is outside 0–1 is lost, and a texel that two faces share shows the
    light of one on the other.
    """
    total = sum(len(part.faces) for part in parts)
    lit = [part for part in parts if part.uv1 is not None and len(part.faces)]
    present = sum(len(part.faces) for part in lit) / total if total else 0.0
    if not lit:
        return {"lightmap.present": present}
    starts = np.cumsum([0, *(len(part.vertices) for part in lit)])
    uv = np.concatenate([part.uv1 for part in lit if part.uv1 is not None])
    faces = np.concatenate([part.faces + start for part, start in zip(lit, starts, strict=False)]).astype(np.int32)
    hits = coverage(uv, faces)
    covered = float((hits > 0).mean())
    gap = chart_gap(uv, faces, TEXELS * CELLS)
    return {
        "lightmap.present": present,
        "lightmap.out_of_range": outside_share(uv),
        "lightmap.overlap": float((hits > 1).mean()) / covered if covered else 0.0,
        "lightmap.utilisation": covered,
        **({"lightmap.padding": gap / CELLS} if np.isfinite(gap) else {}),
    }


def chart_gap(uv: F32, faces: I32, size: int) -> float:
    """Cells between the two charts that lie nearest to each other on a grid of `size`; infinite for a single chart.

    A chart is what hangs together by common coordinates. It takes every cell that it touches, so the gap is never
    overstated, and understated by less than two cells.
    """
    kept = np.clip(uv, -1.0, 2.0)  # beyond the grid nothing is looked at
    chart = _charts(shared_corners(kept[faces].reshape(-1, 2))[0])
    face = rasterize(kept, faces, size)[0]
    return float(_least_gap(np.where(face >= 0, chart[face], -1), nearest_covered(face >= 0)))


@njit(cache=True, nogil=True)
def _charts(faces: I32) -> I32:
    """(m,) a number for each face, the same where faces hang together by their vertices."""
    parent = np.arange(faces.max() + 1).astype(np.int32)
    for f in range(len(faces)):
        join(parent, faces[f, 0], faces[f, 1])
        join(parent, faces[f, 1], faces[f, 2])
    label = np.empty(len(faces), np.int32)
    for f in range(len(faces)):
        root = faces[f, 0]
        while parent[root] != root:
            root = parent[root]
        label[f] = root
    return label


@njit(cache=True, nogil=True)
def _least_gap(chart: I32, nearest: I32) -> float:
    """Least distance between cells of different charts, less the one that neighbours have: over the lines at which
    the nearest chart changes."""
    height, width = chart.shape
    least = np.inf
    for y in range(height):
        for x in range(width):
            here = nearest[y, x]
            if here < 0:
                return float(np.inf)
            for there in (nearest[y, min(x + 1, width - 1)], nearest[min(y + 1, height - 1), x]):
                if chart[here // width, here % width] != chart[there // width, there % width]:
                    down, right = here // width - there // width, here % width - there % width
                    least = min(least, np.sqrt(float(down * down + right * right)))
    return float(least - 1.0)
