"""A signed-distance field sampled where its surface is: from coarse bricks to grid points, in blocks of 8³."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, U8, InputError
from ml.bits import U64
from ml.block_surface import Blocks
from ml.plane_field import REACH, Distance

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BRICKS = 40_000  # of the first pass, at most: 32³
# A distance may fall short of the true one: a learned field's gradient is 1 only on average. Bricks are dropped where
# the distance of their middle is beyond this share of what an exact field would need.
SLACK = 1.25
# Where a block's cells end, and where edges come in from: neighbours (z, y, x), and the strip of each that it touches.
NEIGHBOURS = [o for o in product((0, 1), repeat=3) if any(o)] + [(-1, 0, 0), (0, -1, 0), (0, 0, -1)]
STRIP: dict[int, Any] = {0: slice(None), 1: 0, -1: -1}


@dataclass(frozen=True)
class Grid:
    """Points of the box [−REACH, REACH]³: `shape` blocks of 8³, point i at low + i · step on each axis."""

    shape: tuple[int, int, int]
    step: F64  # (3,) box units
    cell: F64  # (3,) the same in isotropic units

    @property
    def low(self) -> F64:
        """(3,) the first point: half a step inside the box."""
        return 0.5 * self.step - REACH

    def in_box(self, places: F64) -> F32:
        """(n, 3) box coordinates of (n, 3) places counted in points."""
        return (self.low + places * self.step).astype(np.float32)

    def reach(self, size: int) -> float:
        """The farthest that the middle of a brick of size³ points can be from a cell edge that it has an end of."""
        half = 0.5 * (size - 1)
        return SLACK * float(half * np.linalg.norm(self.cell) + self.cell.max())


@dataclass(frozen=True)
class Samples:
    """Signed distances in the blocks near the surface, and on which side the other blocks lie."""

    grid: Grid
    blocks: Blocks
    signed: F32  # (k, 512) isotropic units; exact near the surface, elsewhere that of a brick's middle
    exterior: U64  # (k, 8) bits of the points outside
    empty: U8  # (all blocks,) 1 for inactive blocks outside


def make_grid(resolution: int, extents: npt.ArrayLike) -> Grid:
    """About cubic cells, `resolution` of them along the longest side, and at least a quarter of that along the others:
    a blade 5 % thin has 64 of 256 across it."""
    sides = np.asarray(extents, dtype=np.float64)
    count = np.maximum(np.ceil(resolution * np.maximum(sides / sides.max(), 0.25) / 8.0), 1.0)
    step = 2.0 * REACH / (8.0 * count)
    nx, ny, nz = (int(n) for n in count)
    return Grid((nx, ny, nz), step, step * sides)


def sample_blocks(distance: Distance, grid: Grid) -> Samples:
    """The field near its surface; raises InputError `field.not-finite`.

    Bricks of points are halved from about 32 a side of the box down to single points; one is dropped when its middle is
    farther from the surface than its reach (a Lipschitz bound). Blocks that the surface enters nonetheless are added,
    so that each crossed grid edge lies in active blocks and the surface closes. The outermost points are outside.
    """
    inside, near = _block_sides(distance, grid)
    slot = np.full(inside.size, -1, np.int32)
    values = np.zeros((0, 8, 8, 8), np.float32)
    fresh = np.flatnonzero(near)
    while len(fresh):
        slot[fresh] = np.arange(len(values), len(values) + len(fresh), dtype=np.int32)
        values = np.concatenate([values, _block_values(distance, grid, fresh)])
        fresh = _entered(slot.reshape(inside.shape), values, inside)
    blocks = np.flatnonzero(slot >= 0).astype(np.int32)
    values = values[slot[blocks]]
    slot[blocks] = np.arange(len(blocks), dtype=np.int32)
    exterior = np.packbits(values > 0.0, axis=-1, bitorder="little").reshape(-1, 8).view("<u8").reshape(-1, 8)
    signed = values.reshape(-1, 512)
    empty = (~inside.reshape(-1)).astype(np.uint8)
    return Samples(grid, Blocks(grid.shape, blocks, slot, np.abs(signed)), signed, exterior, empty)


def _middles(distance: Distance, grid: Grid, bricks: I64, size: int) -> F32:
    """(m,) distances of the middles of bricks of size³ points, whose (m, 3) first points are given."""
    found = distance(grid.in_box(bricks.astype(np.float64) + 0.5 * (size - 1)))
    if not np.isfinite(found).all():
        raise InputError("field.not-finite", "the field is NaN or infinite at some places")
    return found


def _halved(bricks: I64, size: int) -> I64:
    """(8m, 3) the eight bricks of half the size in each."""
    corners = np.array(list(product((0, size // 2), repeat=3)))
    halves: I64 = (bricks[:, None] + corners).reshape(-1, 3)
    return halves


def _block_sides(distance: Distance, grid: Grid) -> tuple[Mask, Mask]:
    """(z, y, x) of all blocks: whether they are inside by their middles, and whether the surface may pass them."""
    shape = np.array(grid.shape)
    size = 8
    while np.prod(-(-8 * shape // size)) > BRICKS:
        size *= 2
    bricks: I64 = np.indices([-(-8 * n // size) for n in grid.shape]).reshape(3, -1).T * size
    inside, near = np.zeros((2, *grid.shape[::-1]), np.bool_)
    while True:
        found = _middles(distance, grid, bricks, size)
        for offset in product(range(size // 8), repeat=3):
            x, y, z = np.minimum(bricks // 8 + offset, shape - 1).T
            inside[z, y, x] = found < 0.0
        close = np.abs(found) <= grid.reach(size)
        if size == 8:
            x, y, z = bricks[close].T // 8
            near[z, y, x] = True
            return inside, near
        bricks = _halved(bricks[close], size)
        bricks = bricks[(bricks < 8 * shape).all(axis=1)]
        size //= 2


def _block_values(distance: Distance, grid: Grid, blocks: I64) -> F32:
    """(k, 8, 8, 8) distances at the points (z, y, x) of blocks, or of the middle of a dropped brick."""
    nx, ny, _ = grid.shape
    first = 8 * np.stack([blocks % nx, blocks // nx % ny, blocks // (nx * ny)], axis=1)
    values = np.empty((len(blocks), 8, 8, 8), np.float32)
    bricks, owner, size = first, np.arange(len(blocks)), 8
    while size > 1:
        bricks, owner, size = _halved(bricks, size), np.repeat(owner, 8), size // 2
        found = _middles(distance, grid, bricks, size)
        near = np.abs(found) <= grid.reach(size) if size > 1 else np.zeros(len(found), np.bool_)
        x, y, z = (bricks[~near] % 8).T
        for dx, dy, dz in product(range(size), repeat=3):
            values[owner[~near], z + dz, y + dy, x + dx] = found[~near]
        bricks, owner = bricks[near], owner[near]
    for axis, count in enumerate(grid.shape):
        for side, end in ((0, 0), (7, 8 * count - 8)):
            layer = np.moveaxis(values, 3 - axis, 1)[:, side]
            layer[first[:, axis] == end] = grid.cell.max()
    return values


def _entered(slot: npt.NDArray[np.int32], values: F32, inside: Mask) -> I64:
    """The inactive blocks (of one side as a whole) that see the other side in NEIGHBOURS, or the border from inside."""
    active = slot >= 0
    wanted = np.zeros_like(active)
    for offset in NEIGHBOURS:
        z, y, x = (STRIP[o] for o in offset)
        outside = values[:, z, y, x].reshape(len(values), -1)[slot[active]] > 0.0
        some_in, some_out = inside.copy(), ~inside
        some_in[active], some_out[active] = np.logical_not(outside.all(axis=1)), np.any(outside, axis=1)
        here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, active.shape, strict=True))
        there = tuple(slice(max(0, o), n - max(0, -o)) for o, n in zip(offset, active.shape, strict=True))
        wanted[here] |= np.where(inside[here], some_out[there], some_in[there])
    for axis in range(3):
        np.moveaxis(wanted, axis, 0)[[0, -1]] |= np.moveaxis(inside, axis, 0)[[0, -1]]
    return np.flatnonzero(wanted & ~active)
