"""A mesh cut into charts and flattened: as few as lie flat without overlap and with little stretch."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.charts import SPREAD, cluster, grouped
from tasks.parameterize import distortion, project, relax, set_upright
from tasks.parameterize_lscm import conformal
from tasks.topology import F64, I64
from tasks.uv_mesh import Bool, FlatMesh, chart_mesh
from tasks.uv_overlap import overlaps
from tasks.uv_rims import tidied

HALVINGS = 10  # of the spread allowed in charts that did not lie flat; what is left then is cut into its faces
TIDIED = 3  # halvings after which charts are so small that straight rims and crumbs are no matter
STRETCH, WORST = 1.03, 5.0  # a chart with a larger L² stretch, or a face stretched further, is cut
RELAXATIONS, STEPS = 8, 30  # as-rigid-as-possible iterations, and conjugate gradients in each
PLANAR, RIGID, CONFORMAL = 0, 1, 2
KINDS = {"planar": PLANAR, "auto": RIGID, "lscm": CONFORMAL}


def flattened(mesh: FlatMesh, parameterisation: str = "auto") -> tuple[F64, I32]:
    """Flat corners (m, 3, 2), each chart at its surface's area, and the chart of each face (m,) from 0.

    `parameterisation` is planar (projection along the mean normal), auto (relaxed from there to be as rigid as
    possible) or lscm. Charts that overlap themselves or stretch too far are cut into narrower ones, until in the end
    each face is one, so that every mesh has an answer; each round is linear in the faces that are left.
    """
    kind, spread, count = KINDS[parameterisation], SPREAD, 0
    flat, chart = np.zeros((len(mesh.faces), 3, 2)), np.full(len(mesh.faces), -1, np.int32)
    part, left = mesh, np.arange(len(mesh.faces), dtype=np.int32)
    for level in range(HALVINGS + 1):
        own = cluster(part, spread) if level < HALVINGS else np.arange(len(left), dtype=np.int32)
        if level < TIDIED:
            own = tidied(part, own)
        drawn, good = _flatten(part, own, kind)
        kept = good[own]
        flat[left[kept]], chart[left[kept]] = drawn[kept], (np.cumsum(good) - 1 + count)[own[kept]]
        count += int(good.sum())
        if kept.all():
            break
        part, left = part.part(np.nonzero(~kept)[0].astype(np.int32), own[~kept]), left[~kept]
        spread *= 0.5
    return flat, chart


def _flatten(mesh: FlatMesh, label: I32, kind: int) -> tuple[F64, Bool]:
    """Flat corners (m, 3, 2) and, for each chart, whether it lies flat as it should."""
    start, order = grouped(label, int(label.max(initial=-1)) + 1)
    joined = (mesh.across >= 0) & (label[mesh.across // 3] == label[:, None])
    arrays = (mesh.points, mesh.faces, mesh.across, mesh.normals, mesh.areas, mesh.rest, mesh.weights)
    flat, good = _flatten_charts(start, order, joined, kind, *arrays)
    return flat, good


@njit(cache=True, nogil=True)
def _flatten_charts(
    start: I64, order: I32, joined: Bool, kind: int,
    points: F64, faces: I32, across: I32, normals: F64, areas: F64, rest: F64, weights: F64,
) -> tuple[F64, Bool]:  # fmt: skip
    drawn = np.zeros((len(faces), 3, 2))
    good = np.ones(len(start) - 1, np.bool_)
    place = np.zeros(len(faces), np.int32)
    for c in range(len(good)):
        own = order[start[c] : start[c + 1]]
        if len(own) == 1:
            f = own[0]
            drawn[f, 1, 0], drawn[f, 2, 0], drawn[f, 2, 1] = rest[f, 0], rest[f, 1], rest[f, 2]
            continue
        corners, count, edges, values, rims = chart_mesh(own, across, joined, weights, place)
        flat = project(own, points, faces, normals, areas, corners, count)
        if kind != PLANAR:
            for _ in range(RELAXATIONS):
                relax(own, rest, weights, flat, corners, edges, values, STEPS)
        if kind == CONFORMAL:
            conformal(own, rest, areas, flat, corners)
        square, worst, scale = distortion(own, rest, areas, flat, corners)
        good[c] = square <= STRETCH**2 and worst <= WORST and not overlaps(flat, corners, rims)
        if good[c]:
            set_upright(flat, corners, rims)
            for i in range(len(own)):
                for k in range(3):
                    for axis in range(2):
                        drawn[own[i], k, axis] = flat[corners[i, k], axis] / scale
    return drawn, good
