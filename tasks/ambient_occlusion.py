"""Ambient occlusion of an atlas: four rays at each of a grid of places, pooled over neighbours into 64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.ray_tree import STACK, RayTree, blocked
from tasks.texel_projection import Projection
from tasks.topology import F64, Bool

RAYS = 4  # a place
POOL = 4  # places a side whose rays are all different: POOL² · RAYS = 64
GRID = 1024  # places a side, at most: larger atlases get one place every 2 or 4 texels
LIFT = 2e-5  # rays start this far above the surface, local units: float32 keeps 1e-7
# Neighbours count while they lie within this many times the way that their distance in cells makes one expect, and by
# the eighth power of the cosine between the normals: half at 24°.
REACH = 3.0
BLOCK = 1 << 17  # texels whose places are found at once
Shading = Callable[[Projection], F32]


def ambient_occlusion(
    tree: RayTree, mesh: tuple[F64, I32], found: Projection, shading: Shading, texel: I32, size: int, reach: float
) -> F32:
    """(t,) how open the surface is at each covered texel of an atlas of size² texels, 1 for nothing in the way.

    `mesh` is the vertices in metres and the faces in the tree, `found` where on it each texel with flat index (t,) is,
    `shading` gives the unit normals there, and what lies beyond `reach` metres counts as open. Rays are cast from at
    most GRID² places, RAYS from each, chosen so that any POOL² neighbours together cast POOL² · RAYS evenly spread ones
    (interleaved sampling, Keller & Heidrich 2001); their mean is taken over neighbours on the same surface.
    """
    grid = make_grid(texel, size)
    spots = places(tree, mesh, found.rows(grid.row), shading)
    values = pooled(grid, spots, openness(tree, spots, grid.phase, RAYS, reach))
    if grid.step == 1:
        result = np.empty(len(texel), np.float32)
        result[grid.row] = values
        return result
    blocks = [slice(start, start + BLOCK) for start in range(0, len(texel), BLOCK)]
    own = (places(tree, mesh, found.rows(rows), shading) for rows in blocks)
    return np.concatenate([at_texels(grid, texel[r], size, spots, o, values) for r, o in zip(blocks, own, strict=True)])


@dataclass(frozen=True)
class Places:
    """Points on the surface that rays start from, in local units of a tree."""

    points: F32  # (t, 3)
    facing: F32  # (t, 3) unit normals of the triangles, on the side seen
    normals: F32  # (t, 3) unit shading normals


def places(tree: RayTree, mesh: tuple[F64, I32], found: Projection, shading: Shading) -> Places:
    """The places of some texels; see `ambient_occlusion`."""
    where = (found.face, found.barycentric, found.turned, tree.centre, tree.scale)
    points, facing = _places(*mesh, *where)
    return Places(points, facing, shading(found))


def openness(tree: RayTree, spots: Places, first: I32, count: int, reach: float) -> F32:
    """(t,) share of `count` cosine-weighted rays that nothing blocks within `reach` metres.

    Directions are points first … first + count of a (0, 2)-sequence (Sobol' 1967): any aligned run of a power of two is
    spread evenly over the hemisphere.
    """
    limit = np.float32(min(reach * tree.scale, 1e6))
    where = (spots.points, spots.facing, spots.normals)
    result: F32 = _trace(tree.boxes, tree.children, tree.triangles, *where, first, count, limit)
    return result


@dataclass(frozen=True)
class Grid:
    """Cells of step² texels, each with the texel that stands for it."""

    step: int
    width: int  # cells a side
    cell: I32  # (width²,) number of the cell's place, −1 for none
    row: I32  # (places,) which of the covered texels stands for each

    @property
    def phase(self) -> I32:
        """(places,) where in the sequence the place's rays start, by its position in a block of POOL² cells."""
        at = np.flatnonzero(self.cell >= 0)
        y, x = at // self.width, at % self.width
        first = np.empty(len(self.row), np.int32)  # along a Z: the rays of each 2 × 2 cells are spread evenly, too
        first[self.cell[at]] = RAYS * ((x & 1) | (y & 1) << 1 | (x & 2) << 1 | (y & 2) << 2)
        return first


def make_grid(texel: I32, size: int) -> Grid:
    """The cells of an atlas of size² texels that hold any of its covered ones, flat indices (t,)."""
    step = max(1, size // GRID)
    width = -(-size // step)
    cell, row = _cells(texel, size, step, width)
    return Grid(step, width, cell, row)


def pooled(grid: Grid, spots: Places, values: F32) -> F32:
    """(places,) the mean of each value with its neighbours' on the same surface: of all POOL² · RAYS rays."""
    sizes = _cell_sizes(grid.cell, grid.width, spots.points)
    result: F32 = _pool(grid.cell, grid.width, spots.points, spots.normals, sizes, values)
    return result


def at_texels(grid: Grid, texel: I32, size: int, spots: Places, own: Places, values: F32) -> F32:
    """(b,) values at the texels with flat indices (b,) and places `own`, from the cells around on the same surface."""
    sizes = _cell_sizes(grid.cell, grid.width, spots.points)
    where = (spots.points, spots.normals, sizes, own.points, own.normals)
    result: F32 = _at_texels(grid.cell, grid.width, grid.step, texel, size, *where, values)
    return result


@njit(cache=True, nogil=True)
def _places(
    vertices: F64, faces: I32, face: I32, barycentric: F32, turned: Bool, centre: F64, scale: float
) -> tuple[F32, F32]:
    points, facing = np.empty((len(face), 3), np.float32), np.zeros((len(face), 3), np.float32)
    for i in range(len(face)):
        a, b, c = vertices[faces[face[i], 0]], vertices[faces[face[i], 1]], vertices[faces[face[i], 2]]
        for k in range(3):
            at = barycentric[i, 0] * a[k] + barycentric[i, 1] * b[k] + barycentric[i, 2] * c[k]
            points[i, k] = (at - centre[k]) * scale
        ux, uy, uz = (b[0] - a[0]) * scale, (b[1] - a[1]) * scale, (b[2] - a[2]) * scale
        vx, vy, vz = (c[0] - a[0]) * scale, (c[1] - a[1]) * scale, (c[2] - a[2]) * scale
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            side = (-1.0 if turned[i] else 1.0) / length
            facing[i, 0], facing[i, 1], facing[i, 2] = x * side, y * side, z * side
    return points, facing


@njit(cache=True, nogil=True)
def _sobol(i: int) -> Any:
    """Point i of the (0, 2)-sequence: van der Corput's, and Sobol's second dimension; 32 bits each."""
    u, v = np.uint32(0), np.uint32(0)
    bit, direction = np.uint32(1 << 31), np.uint32(1 << 31)
    while i:
        if i & 1:
            u ^= bit
            v ^= direction
        i >>= 1
        bit >>= np.uint32(1)
        direction ^= direction >> np.uint32(1)
    return u * 2.0**-32 + 2.0**-11, v * 2.0**-32 + 2.0**-11


@njit(cache=True, nogil=True)
def _trace(
    boxes: F32,
    children: I32,
    triangles: F32,
    points: F32,
    facing: F32,
    normals: F32,
    first: I32,
    count: int,
    limit: Any,
) -> F32:
    stack = np.empty(STACK, np.int32)
    p, d = np.empty(3, np.float32), np.empty(3, np.float32)
    values = np.empty(len(points), np.float32)
    for i in range(len(points)):
        for k in range(3):
            p[k] = points[i, k] + np.float32(LIFT) * facing[i, k]
        free = 0
        for ray in range(count):
            _direction(normals[i], facing[i], first[i] + ray, d)
            if not blocked(boxes, children, triangles, p, d, limit, stack):
                free += 1
        values[i] = free / np.float32(count)
    return values


@njit(cache=True, nogil=True)
def _direction(n: F32, facing: F32, index: int, d: F32) -> None:
    """A cosine-weighted direction about n; one below the triangle is mirrored at it, else coarse meshes darken.

    Two tangents without a branch on direction: Duff et al. 2017, "Building an orthonormal basis, revisited".
    """
    u, v = _sobol(index)
    radius, angle = np.sqrt(u), 2.0 * np.pi * v
    x, y, z = radius * np.cos(angle), radius * np.sin(angle), np.sqrt(max(1.0 - u, 0.0))
    sign = 1.0 if n[2] >= 0.0 else -1.0
    a = -1.0 / (sign + n[2])
    b = n[0] * n[1] * a
    d[0] = x * (1.0 + sign * n[0] * n[0] * a) + y * b + z * n[0]
    d[1] = x * sign * b + y * (sign + n[1] * n[1] * a) + z * n[1]
    d[2] = -x * sign * n[0] - y * n[1] + z * n[2]
    below = d[0] * facing[0] + d[1] * facing[1] + d[2] * facing[2]
    if below < 0.0:
        for k in range(3):
            d[k] -= np.float32(2.0) * below * facing[k]


@njit(cache=True, nogil=True)
def _cells(texel: I32, size: int, step: int, width: int) -> tuple[I32, I32]:
    cell, row, count = np.full(width * width, -1, np.int32), np.empty(len(texel), np.int32), 0
    for i in range(len(texel)):
        at = texel[i] // size // step * width + texel[i] % size // step
        if cell[at] < 0:
            cell[at], row[count] = count, i
            count += 1
    return cell, row[:count]


@njit(cache=True, nogil=True)
def _likeness(points: F32, normals: F32, i: int, others: F32, other_normals: F32, j: int, reach: Any) -> Any:
    """How much place j of others tells about place i: 0 beyond `reach` (squared), little round a corner."""
    x, y, z = points[i, 0] - others[j, 0], points[i, 1] - others[j, 1], points[i, 2] - others[j, 2]
    if x * x + y * y + z * z > reach:
        return np.float32(0.0)
    cosine = normals[i, 0] * other_normals[j, 0] + normals[i, 1] * other_normals[j, 1]
    cosine = max(cosine + normals[i, 2] * other_normals[j, 2], np.float32(0.0))
    cosine *= cosine
    cosine *= cosine
    return cosine * cosine


@njit(cache=True, nogil=True)
def _cell_sizes(cell: I32, width: int, points: F32) -> F32:
    """(places,) squared way to the nearest of the four neighbouring places, about the width of a cell there."""
    sizes = np.full(len(points), np.float32(np.inf))
    for at in range(len(cell)):
        here = cell[at]
        for other_at in (at + 1, at + width):
            if here < 0 or other_at >= len(cell) or (other_at == at + 1 and other_at % width == 0):
                continue
            other = cell[other_at]
            if other >= 0:
                x, y = points[here, 0] - points[other, 0], points[here, 1] - points[other, 1]
                squared = x * x + y * y + (points[here, 2] - points[other, 2]) ** 2
                sizes[here], sizes[other] = min(sizes[here], squared), min(sizes[other], squared)
    return sizes


@njit(cache=True, nogil=True)
def _pool(cell: I32, width: int, points: F32, normals: F32, sizes: F32, values: F32) -> F32:
    """A box of POOL cells around each: the outermost of POOL + 1 count half, so that each phase counts the same.

    For a neighbour off the chart another with its phase stands in, POOL cells to the other side: without it, borders
    of a chart would miss the same directions all along.
    """
    out, half = np.empty_like(values), POOL // 2
    where = (cell, width, points, normals)
    for y in range(width):
        for x in range(width):
            here = cell[y * width + x]
            if here < 0:
                continue
            total, weight = values[here], np.float32(1.0)
            for dy in range(-half, half + 1):
                for dx in range(-half, half + 1):
                    if dx == 0 and dy == 0:
                        continue
                    other, w = _neighbour(where, here, x + dx, y + dy, sizes[here], dx, dy)
                    across, along = dx - POOL if dx > 0 else dx + POOL, dy - POOL if dy > 0 else dy + POOL
                    if w == 0.0 and dx:
                        other, w = _neighbour(where, here, x + across, y + dy, sizes[here], across, dy)
                    if w == 0.0 and dy:
                        other, w = _neighbour(where, here, x + dx, y + along, sizes[here], dx, along)
                    if w > 0.0:
                        w *= np.float32((0.5 if abs(dx) == half else 1.0) * (0.5 if abs(dy) == half else 1.0))
                        total += w * values[other]
                        weight += w
            out[here] = total / weight
    return out


@njit(cache=True, nogil=True)
def _neighbour(where: Any, here: int, x: int, y: int, size: Any, dx: int, dy: int) -> Any:
    """The place of the cell at (x, y), dx and dy cells away, and how much it tells about the place here."""
    cell, width, points, normals = where
    if x < 0 or y < 0 or x >= width or y >= width or cell[y * width + x] < 0:
        return here, np.float32(0.0)
    other = cell[y * width + x]
    reach = size * np.float32(REACH * REACH * (dx * dx + dy * dy))
    return other, _likeness(points, normals, here, points, normals, other, reach)


@njit(cache=True, nogil=True)
def _at_texels(
    cell: I32,
    width: int,
    step: int,
    texel: I32,
    size: int,
    points: F32,
    normals: F32,
    sizes: F32,
    own_points: F32,
    own_normals: F32,
    values: F32,
) -> F32:
    """Bilinear between the cells, whose places are mostly their first texels, as far as those are on the surface."""
    out = np.empty(len(texel), np.float32)
    for i in range(len(texel)):
        x, y = texel[i] % size, texel[i] // size
        left, top = x // step, y // step
        home = cell[top * width + left]
        fx, fy = np.float32(x - left * step) / np.float32(step), np.float32(y - top * step) / np.float32(step)
        total = weight = np.float32(0.0)
        for dy in range(2):
            for dx in range(2):
                share = (fx if dx else np.float32(1.0) - fx) * (fy if dy else np.float32(1.0) - fy)
                if share > 0.0 and left + dx < width and top + dy < width:
                    other = cell[(top + dy) * width + left + dx]
                    if other >= 0:
                        reach = sizes[home] * np.float32(2.0 * REACH * REACH)
                        share *= _likeness(own_points, own_normals, i, points, normals, other, reach)
                        total += share * values[other]
                        weight += share
        out[i] = total / weight if weight > 1e-3 else values[home]
    return out
