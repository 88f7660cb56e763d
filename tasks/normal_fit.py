"""A surface drawn towards normal maps: gradient steps on its vertices, remeshed after each, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable
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
from tasks.self_intersections import self_intersections
from tasks.topology import F64, I64, Bool
from tasks.uncross import neighbour_sums, uncross
from tasks.views import lens, project

KEPT = 0.8  # of the mean gradient and its square from one step to the next (Palfinger 2022)
STEP = 0.3  # of an edge: the longest way of a vertex in one step (the same)
RELAXED, STIFF = 0.3, 0.03  # of the way to the middle of a vertex's neighbours, in the surface and out of it
BATCH = 8  # views a step, drawn anew each time
CALM = 0.6  # of the rounds; from then on steps get smaller, down to LEAST at the end
LEAST = 0.05
EDGE_FOUND = 0.8  # of the rounds, after which edges are as long as asked
CHECKED = 25  # steps between two looks for crossing faces
TRIES = 20  # times that steps are taken again
HELD = 3.0  # edges around a crossing that are held from then on
WEIGHT = 4  # column of the carried values: 0 … 1, how far a vertex may go; the gradient's means are before it
Gradient = Callable[[F64, I32, NormalMaps, I64], tuple[float, F64]]  # points, faces, maps, which: loss and slope
NO_UV: F32 = np.zeros((0, 2), np.float32)


@dataclass(frozen=True)
class Pace:
    """How long a fit takes and how fine it gets."""

    rounds: int  # in all
    levels: int  # sizes of the maps: each half the next, the last the whole
    start: float  # metres: length of edges at first
    edge: float  # and in the end


@dataclass(frozen=True)
class Fitted:
    """A mesh between two steps."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    carried: F64  # (n, WEIGHT + 1) means of the gradient and of its square, and the weights


def fit(
    points: F64, faces: I32, weights: F64, maps: NormalMaps, pace: Pace, slope_of: Gradient | None = None
) -> tuple[F64, I32]:
    """Points (n, 3) and faces (m, 3) moved and remeshed so that they show `maps`.

    After Palfinger (2022), Continuous remeshing for inverse rendering: Adam with one second moment a vertex, steps in
    proportion to the edges, a Laplacian, and a sweep of splits, collapses and flips after each step. Here edges follow
    a schedule from `pace.start` to `pace.edge` instead of the vertices' speed, and maps are seen at growing sizes.
    Vertices of weight 0 stay where they are. No more pairs of faces cross than do at first: after every CHECKED steps
    those that came to are smoothed apart; where that fails the steps are taken again with the places of the crossings
    held, and after TRIES the last sound mesh is what comes out. `slope_of` takes the place of `gradient`; without it
    the same input gives the same result.
    """
    levels = [maps]
    for _ in range(pace.levels - 1):
        levels.insert(0, levels[0].halved())
    crossing = self_intersections(points, faces)
    weights = np.where(_around(points, points[np.unique(faces[crossing.faces])], pace.edge), 0.0, weights)
    carried = np.concatenate([np.zeros((len(points), WEIGHT)), weights[:, None]], axis=1)
    sound, allowed, tries = Fitted(points, faces, carried), len(crossing.pairs), 0
    for first in range(0, pace.rounds, CHECKED):
        while True:
            made, places = _checked(_stepped(sound, levels, pace, first, slope_of or gradient), allowed)
            if not len(places):
                break
            tries += 1
            if tries > TRIES:
                return sound.points, sound.faces
            held = _around(sound.points, places, HELD * _edge(pace, first))
            sound.carried[held, WEIGHT] = 0.0
        sound = made
    return sound.points, sound.faces


def _stepped(mesh: Fitted, levels: list[NormalMaps], pace: Pace, first: int, slope_of: Gradient) -> Fitted:
    """CHECKED steps from step `first` on."""
    points, faces, carried = mesh.points, mesh.faces, mesh.carried
    for done in range(first, min(first + CHECKED, pace.rounds)):
        level, edge = levels[done * pace.levels // pace.rounds], _edge(pace, done)
        share = 1.0 - (1.0 - LEAST) * max(0.0, (done / pace.rounds - CALM) / (1.0 - CALM))
        chosen = np.random.default_rng(done).permutation(len(level.cameras))[:BATCH]
        _, slope = slope_of(points, faces, level, chosen)
        points, carried = points.copy(), carried.copy()
        _advance(points, carried, slope, STEP * share * edge)
        _relax(points, faces, carried, summed_normals(points, faces), RELAXED * share, STIFF * share)
        aim, fixed = np.full(len(points), edge), carried[:, WEIGHT] <= 0.0
        points, faces, carried = remesh_once(points, faces, carried, aim, fixed)
    return Fitted(points, faces, carried)


def _edge(pace: Pace, done: int) -> float:
    """Metres: the length of edges aimed at in a step."""
    return float(pace.start * (pace.edge / pace.start) ** min(1.0, done / (EDGE_FOUND * pace.rounds)))


def _checked(mesh: Fitted, allowed: int) -> tuple[Fitted, F64]:
    """The mesh in float32's digits with crossing faces parted, and the places (k, 3) of those that could not be."""
    rounded = mesh.points.astype(np.float32).astype(np.float64)
    points = uncross(rounded, mesh.faces, mesh.carried[:, WEIGHT] > 0.0, allowed)
    crossing = self_intersections(points, mesh.faces)
    left = len(crossing.pairs) > allowed
    return Fitted(points, mesh.faces, mesh.carried), points[np.unique(mesh.faces[crossing.faces])] if left else points[
        :0
    ]


@njit(cache=True, nogil=True)
def _around(points: F64, places: F64, reach: float) -> Bool:
    """(n,) True for points within `reach` of any of the places."""
    near = np.zeros(len(points), np.bool_)
    for v in range(len(points)):
        for p in range(len(places)):
            x, y, z = points[v, 0] - places[p, 0], points[v, 1] - places[p, 1], points[v, 2] - places[p, 2]
            if x * x + y * y + z * z <= reach * reach:
                near[v] = True
                break
    return near


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
    middle, count = neighbour_sums(points, faces)
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
