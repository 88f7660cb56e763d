"""The closed mesh of a signed-distance field's surface, its vertices on the field's zeros."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, InputError
from ml.block_surface import MARGIN, isosurface
from ml.field_grid import F64, I64, Samples, make_grid, sample_blocks
from ml.pieces import pieces
from ml.plane_field import Distance

ROUNDS = 3  # of false position along a vertex' edge
CLOSE = 1e-3  # of a cell: a vertex as near as that to the surface stays
# A piece is kept when its box' diagonal and its volume are at least these shares of the largest piece's, or when it is
# LONG: a leg that lost its chair and a birch's trunk (1.0 % of its crown's volume, 40 % of its length) are, the broken
# rests of a rung between two legs, 20 % long, and crumbs of a few cells are not.
SMALLEST_PIECE, LEAST_VOLUME, LONG = 0.08, 0.015, 0.35


def field_mesh(distance: Distance, extents: npt.ArrayLike, resolution: int, cavities: bool = False) -> tuple[F32, I32]:
    """Vertices (n, 3) in the box frame and outward faces (m, 3) of the surface where `distance` is 0.

    A closed 2-manifold, whatever the field: marching cubes over blocks (see `ml/block_surface.py`), whose vertices then
    move along their grid edges to the field's zero, where linear interpolation only estimates it. Pieces smaller than
    SMALLEST_PIECE, or than both LEAST_VOLUME and LONG, are left out, and cavities too, which nobody sees, unless
    `cavities` keeps those that are larger. Raises InputError `field.empty`, `field.not-finite`.
    """
    grid = make_grid(resolution, extents)
    samples = sample_blocks(distance, grid)
    surface = isosurface(samples.blocks, samples.exterior, samples.empty, 0.0)
    if not len(surface.faces):
        raise InputError("field.empty", "the field has no surface in its box")
    places = _on_zeros(distance, samples, surface.vertices)
    vertices, faces = _without_crumbs(grid.in_box(places), surface.faces, grid.cell / grid.step, cavities)
    if not len(faces):
        raise InputError("field.empty", "the field encloses nothing")
    return vertices, faces


def _on_zeros(distance: Distance, samples: Samples, places: F64) -> F64:
    """The (n, 3) places, each moved along the grid edge that it lies on, by false position: always between a
    point inside and one outside, so that no face folds over as it can where vertices move along gradients."""
    rows = np.arange(len(places))
    axis = np.argmax(np.abs(places - np.rint(places)), axis=1)
    start = np.floor(places).astype(np.int64)
    end = start.copy()
    end[rows, axis] += 1
    share = np.stack([np.zeros(len(rows)), np.ones(len(rows))])  # where the two ends lie along the edge
    most = float(samples.grid.cell.max())  # no end of an edge is farther from a zero on it, whatever the field says
    value = np.stack([_point_values(samples, start), _point_values(samples, end)]).astype(np.float64)
    value = np.clip(value, -most, most)
    moved, left, close = places.copy(), rows, CLOSE * float(samples.grid.cell.min())
    for _ in range(ROUNDS):
        found = distance(samples.grid.in_box(moved[left])).astype(np.float64)
        left, found = left[np.abs(found) > close], found[np.abs(found) > close]
        which = ((found > 0.0) != (value[0, left] > 0.0)).astype(np.int64)  # the end whose sign it has comes here
        share[which, left] = moved[left, axis[left]] - start[left, axis[left]]
        value[which, left] = found
        zero = value[0, left] / (value[0, left] - value[1, left])
        at = share[0, left] + zero * (share[1, left] - share[0, left])
        moved[left, axis[left]] = start[left, axis[left]] + np.clip(at, MARGIN, 1.0 - MARGIN)
    return moved


def _point_values(samples: Samples, points: I64) -> F32:
    """(n,) signed distances at (n, 3) grid points of active blocks."""
    block, local = points >> 3, points & 7
    nx, ny, _ = samples.grid.shape
    slot = samples.blocks.slot[block[:, 0] + nx * (block[:, 1] + ny * block[:, 2])]
    return np.asarray(samples.signed[slot, local[:, 0] + 8 * local[:, 1] + 64 * local[:, 2]])


def _without_crumbs(vertices: F32, faces: I32, extents: F64, cavities: bool) -> tuple[F32, I32]:
    """The pieces that are bodies, or `cavities`, of some size; `extents` (3,) bring box to isotropic units."""
    label, diagonal, volume = pieces(vertices, faces, extents)
    solid = volume > 0.0
    if cavities:
        solid, volume = np.ones_like(solid), np.abs(volume)
    longest = diagonal[solid].max(initial=0.0)
    bodies = (volume >= LEAST_VOLUME * volume.max(initial=0.0)) | (diagonal >= LONG * longest)
    keep = solid & bodies & (diagonal >= SMALLEST_PIECE * longest)
    if keep.all():
        return vertices, faces
    used = keep[label]
    number = (np.cumsum(used) - 1).astype(np.int32)
    return vertices[used], np.ascontiguousarray(number[faces[used[faces[:, 0]]]])
