"""The proportions with which a drawn shape fills the outlines of the pictures it was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ml.asset import F32
from ml.field_asset import ShapeField
from ml.field_mesh import field_mesh
from ml.plane_field import REACH
from ml.shapes.outlines import Outline, overlap

CELLS, GRID = 128, 56  # of the surface, and along a side of the places inside it
MOST = 150_000  # places: shapes have 30,000 to 120,000, a field of noise a million
AZIMUTHS, ELEVATIONS = range(-80, 81, 10), range(0, 41, 8)  # a little more than training's pictures come from
LEVEL = 10.0  # elevation that a named view begins with: training's have it
STARTS, APART = 4, 15.0  # directions to begin with, and the degrees of azimuth between them
SIDE, TURN, LIFT = 0.2, 10.0, 8.0  # first steps: base-2 logarithm of a side, degrees of azimuth and of elevation
LOWEST, HIGHEST = -5.0, 50.0  # degrees
# What a change of proportions costs of the overlap, for each squared base-2 logarithm: from one picture of 24 assets
# IoU came to 0.656 with 0.8, to 0.687 with 0.25 and to 0.679 with 0.08.
STIFF = 0.3


@dataclass(frozen=True)
class Fit:
    """How a shape fills its outlines best."""

    extents: F32  # (3,) half sides of the box over the longest
    directions: tuple[tuple[float, float], ...]  # azimuth and elevation of each picture, degrees
    match: float  # mean overlap less what the change of proportions costs


def places_of(field: ShapeField, cells: int = CELLS) -> F32:
    """(n, 3) places of the box frame that lie on the field's surface and in it, with CELLS closer together than pixels.

    Raises InputError `field.*`.
    """
    surface, _ = field_mesh(field.distances, field.extents, cells)
    line = np.linspace(-REACH, REACH, GRID, dtype=np.float32)
    grid = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    places = np.concatenate([surface.astype(np.float32), grid[field.distances(grid) < 0.0]])
    return np.ascontiguousarray(places[:: -(-len(places) // MOST)])


def fitted(
    places: F32,
    extents: F32,
    outlines: Sequence[Outline],
    evaluations: int,
    known: Sequence[tuple[float, float]] = (),
) -> Fit:
    """The proportions and directions at which the places fill the outlines best, by Nelder and Mead 1965 from the
    likeliest directions, or from `known` ones alone. A named view keeps its azimuth.

    What a picture tells least of is how deep a thing is, and a guess is a mean over what it may be.
    """
    from scipy.optimize import minimize  # 0.2 CPU-s to load, for pictures alone

    logs = np.log2(extents.astype(np.float64))
    turned = np.array([TURN if each.view == 0 else 0.0 for each in outlines])
    free = np.flatnonzero(np.stack([turned, np.full(len(turned), LIFT)], axis=1))
    best: Fit | None = None
    for begun in [tuple(known)] if known else _directions(places, extents, outlines):

        def state(x: np.ndarray, begun: tuple[tuple[float, float], ...] = begun) -> Fit:
            change = SIDE * np.array([x[0], x[1], -x[0] - x[1]])
            sides = np.exp2(logs + change)
            sides = (sides / sides.max()).astype(np.float32)
            moves = np.zeros(2 * len(begun))
            moves[free] = x[2:]
            azimuths, elevations = (np.array(begun) + moves.reshape(-1, 2) * (TURN, LIFT)).T
            ways = tuple(zip(azimuths.tolist(), elevations.clip(LOWEST, HIGHEST).tolist(), strict=True))
            filled = [overlap(places, sides, *way, outline) for way, outline in zip(ways, outlines, strict=True)]
            return Fit(sides, ways, float(np.mean(filled) - STIFF * (change @ change)))

        size = 2 + len(free)
        corners = np.concatenate([np.zeros((1, size)), np.eye(size)])
        found = minimize(
            lambda x: -state(x).match,
            corners[0],
            method="Nelder-Mead",
            options={"initial_simplex": corners, "maxfev": evaluations, "xatol": 0.02, "fatol": 1e-4},
        )
        fit = state(found.x)
        best = fit if best is None or fit.match > best.match else best
    assert best is not None
    return best


def _directions(places: F32, extents: F32, outlines: Sequence[Outline]) -> list[tuple[tuple[float, float], ...]]:
    """Up to STARTS sets of a direction for each outline, the k-th likeliest of every one together."""
    ways = [_likeliest(places, extents, each) for each in outlines]
    return [tuple(each[min(k, len(each) - 1)] for each in ways) for k in range(max(map(len, ways)))]


def _likeliest(places: F32, extents: F32, outline: Outline) -> list[tuple[float, float]]:
    if outline.view > 0:
        return [(90.0 * (outline.view - 1), LEVEL)]
    ways = product(AZIMUTHS, ELEVATIONS)
    ranked = sorted(((overlap(places, extents, *way, outline), way) for way in ways), reverse=True)
    found: list[tuple[float, float]] = []
    for _, (azimuth, elevation) in ranked:
        if len(found) < STARTS and all(abs(azimuth - other) > APART for other, _ in found):
            found.append((float(azimuth), float(elevation)))
    return found
