"""A surface drawn towards normal maps: gradient steps on its vertices, remeshed after each, from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.camera import Camera
from tasks.continuous_remesh import remesh_once
from tasks.half_edges import opposite_half_edges
from tasks.normal_gradient import face_normals, normals_to_points, summed_normals, unit, view_gradient
from tasks.normal_maps import NormalMaps
from tasks.raster import empty_buffers, rasterise
from tasks.scene import NO_ALPHA
from tasks.topology import F64, I64
from tasks.views import lens, project

KEPT = 0.8  # of the mean gradient and its square from one step to the next (Palfinger 2022)
STEP = 0.3  # of an edge: the longest way of a vertex in one step (the same)
RELAXED, STIFF = 0.3, 0.03  # of the way to the middle of a vertex's neighbours, in the surface and out of it
BATCH = 8  # views a step, drawn anew each time
CALM = 0.6  # of the rounds; from then on steps get smaller, down to LEAST at the end
LEAST = 0.05
EDGE_FOUND = 0.8  # of the rounds, after which edges are as long as asked
WEIGHT = 4  # column of the carried values: 0 … 1, how far a vertex may go; the gradient's means are before it
NO_UV: F32 = np.zeros((0, 2), np.float32)


@dataclass(frozen=True)
class Pace:
    """How long a fit takes and how fine it gets."""

    rounds: int  # in all
    levels: int  # sizes of the maps: each half the next, the last the whole
    start: float  # metres: length of edges at first
    edge: float  # and in the end


def fit(points: F64, faces: I32, weights: F64, maps: NormalMaps, pace: Pace) -> tuple[F64, I32, F64]:
    """Points (n, 3) and faces (m, 3) moved and remeshed so that they show `maps`, and the weights (n,) of the vertices.

    Vertices of weight 0 stay where they are. After Palfinger (2022), Continuous remeshing for inverse rendering: Adam
    with one second moment a vertex, steps in proportion to the edges, a Laplacian, and a sweep of splits, collapses and
    flips after each step. Here edges follow a schedule from `pace.start` to `pace.edge` instead of the vertices' speed,
    and maps are seen at growing sizes. The same result everywhere for the same input.
    """
    levels = [maps]
    for _ in range(pace.levels - 1):
        levels.insert(0, levels[0].halved())
    carried = np.concatenate([np.zeros((len(points), WEIGHT)), weights[:, None]], axis=1)
    random = np.random.default_rng(0)
    for done in range(pace.rounds):
        level = levels[done * pace.levels // pace.rounds]
        edge = pace.start * (pace.edge / pace.start) ** min(1.0, done / (EDGE_FOUND * pace.rounds))
        share = 1.0 - (1.0 - LEAST) * max(0.0, (done / pace.rounds - CALM) / (1.0 - CALM))
        chosen = random.permutation(len(level.cameras))[:BATCH]
        _, slope = gradient(points, faces, level, chosen)
        points, carried = points.copy(), carried.copy()
        _advance(points, carried, slope, STEP * share * edge)
        _relax(points, faces, carried, summed_normals(points, faces), RELAXED * share, STIFF * share)
        aim, fixed = np.full(len(points), edge), carried[:, WEIGHT] <= 0.0
        points, faces, carried = remesh_once(points, faces, carried, aim, fixed)
    return points, faces, carried[:, WEIGHT]


def gradient(points: F64, faces: I32, maps: NormalMaps, chosen: I64) -> tuple[float, F64]:
    """The loss of `view_gradient` over the chosen views and its gradient (n, 3) by the places of the vertices."""
    twin = opposite_half_edges(faces, len(points))
    sums = summed_normals(points, faces)
    normals, flat = unit(sums), unit(face_normals(points, faces))
    by_point, by_normal, by_flat = np.zeros_like(points), np.zeros_like(points), np.zeros_like(flat)
    positions, loss = points.astype(np.float32), 0.0
    for k in chosen:
        near, hit = empty_buffers(maps.size, maps.size)
        screen, step = _drawn(positions, faces, maps.cameras[k], near, hit)
        by_screen = np.zeros((len(points), 2))
        loss += view_gradient(
            screen, faces, twin, normals, flat, hit, near, step, maps.pictures[k], by_screen, by_normal, by_flat
        )
        _unproject(by_screen, screen, *lens(maps.cameras[k], maps.size, maps.size), by_point)
    normals_to_points(points, faces, sums, by_normal, by_flat, by_point)
    return loss, by_point


def _drawn(positions: F32, faces: I32, camera: Camera, near: F32, hit: I32) -> tuple[F64, float]:
    """Fill nearness and faces (h, h) of a view; the vertices on the screen, and a pixel's size in units of nearness."""
    screen = np.empty((len(positions), 4))
    eyes = lens(camera, *hit.shape)
    project(positions, *eyes, screen)
    rasterise(screen, faces, 0, len(faces), NO_UV, NO_ALPHA, 0.0, NO_ALPHA, near, hit)
    closest = float(near.max()) if camera.fov > 0.0 else 1.0
    return screen, closest / eyes[4]


@njit(cache=True, nogil=True)
def _unproject(
    by_screen: F64,
    screen: F64,
    eye: F64,
    axes: F64,
    middle_x: float,
    middle_y: float,
    zoom: float,
    nearest: float,
    by_point: F64,
) -> None:
    """Add what a gradient in pixels means in metres: tasks.views.project, differentiated."""
    for v in range(len(by_screen)):
        gx, gy = by_screen[v, 0], by_screen[v, 1]
        if gx == 0.0 and gy == 0.0:
            continue
        weight = screen[v, 3]
        back = ((screen[v, 0] - middle_x) * gx + (screen[v, 1] - middle_y) * gy) * weight if nearest > 0.0 else 0.0
        for k in range(3):
            by_point[v, k] += weight * zoom * (axes[0, k] * gx - axes[1, k] * gy) + axes[2, k] * back


@njit(cache=True, nogil=True)
def _advance(points: F64, carried: F64, slope: F64, step: float) -> None:
    """Adam by vertex (Kingma & Ba 2015, one second moment for the three axes), in steps of at most about `step`."""
    for v in range(len(points)):
        squared = 0.0
        for k in range(3):
            squared += slope[v, k] ** 2
            carried[v, k] = KEPT * carried[v, k] + (1.0 - KEPT) * slope[v, k]
        carried[v, 3] = KEPT * carried[v, 3] + (1.0 - KEPT) * squared
        scale = step * carried[v, WEIGHT] / (np.sqrt(carried[v, 3]) + 1e-30)
        for k in range(3):
            points[v, k] -= scale * carried[v, k]


@njit(cache=True, nogil=True)
def _relax(points: F64, faces: I32, carried: F64, sums: F64, along: float, across: float) -> None:
    """Move vertices towards the middle of their neighbours: `along` of the way in the surface, `across` out of it."""
    middle, count = np.zeros_like(points), np.zeros(len(points))
    for f in range(len(faces)):
        for k in range(3):
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            count[a] += 1.0
            for axis in range(3):
                middle[a, axis] += points[b, axis]
    for v in range(len(points)):
        if count[v] == 0.0:
            continue
        squared = sums[v, 0] ** 2 + sums[v, 1] ** 2 + sums[v, 2] ** 2
        out = 0.0
        for k in range(3):
            middle[v, k] = middle[v, k] / count[v] - points[v, k]
            out += middle[v, k] * sums[v, k]
        out = out / squared if squared > 0.0 else 0.0
        for k in range(3):
            normal = out * sums[v, k]
            middle[v, k] = carried[v, WEIGHT] * (along * (middle[v, k] - normal) + across * normal)
    points += middle
