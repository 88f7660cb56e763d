"""The generalised winding number of points, summed over the hierarchy: how often the surface encloses each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.bvh import STACK, Bvh
from tasks.bvh_nodes import level_sizes
from tasks.lanes import WIDTH, fill, least, less, load, lowest, most, root, size, total, where_less
from tasks.morton import F64

ROWS = 7  # of a node: centre, area vector / 4π, squared radius; the eight children are the columns
# A cluster farther away than `beta` radii counts as one dipole. Largest error on closed meshes of 3k to 187k faces:
# 0.20 at 1.2 radii, 0.034 at 3, 0.0021 at 8; on 86k faces a point costs 0.3, 1.6 and 9.6 µs. A winding number so close
# to one half that half as much error again could turn it is summed anew with more radii.
STAGES = ((1.2, 0.3), (3.0, 0.05), (8.0, 0.004), (32.0, 0.0))
# atan(x) / x in powers of x² on |x| ≤ tan(π/8), Chebyshev fit; error 8e-12.
ARCTAN = (
    0.9999999999783852,
    -0.33333332096936497,
    0.19999883804489776,
    -0.14281587322096606,
    0.11040471173718121,
    -0.08456090306771671,
    0.04707131280421851,
)


def dipoles(bvh: Bvh) -> F32:
    """(nodes, ROWS, 8) each child's area vector at its centre of area, and the radius that holds its triangles."""
    sizes, first = level_sizes(len(bvh.order))
    table: F32 = _dipoles(bvh.triangles, bvh.boxes, sizes, first)
    return table


@njit(cache=True, nogil=True)
def _dipoles(triangles: F64, boxes: F32, sizes: Any, first: Any) -> F32:
    table = np.zeros((len(boxes), ROWS, WIDTH), np.float32)
    sums = _area_sums(triangles)
    for level in range(len(sizes) - 1):
        parents = np.zeros((sizes[level + 1], 7))
        for j in range(sizes[level]):
            parents[j // WIDTH] += sums[j]
            n, column = first[level + 1] + j // WIDTH, j % WIDTH
            for axis in range(3):
                mean = sums[j, 4 + axis] / sums[j, 3] if sums[j, 3] > 0.0 else boxes[n, axis, column]
                table[n, axis, column] = mean
                table[n, 3 + axis, column] = sums[j, axis] / (4.0 * np.pi)
            table[n, 6, column] = _squared_radius(boxes, table, n, column)
        sums = parents
    return table


@njit(cache=True, nogil=True)
def _squared_radius(boxes: F32, table: F32, n: int, column: int) -> float:
    """From the centre of area to the farthest corner of the child's box."""
    radius = 0.0
    for k in range(3):
        along = 0.0
        for axis in range(3):
            along += boxes[n, 3 + 3 * k + axis, column] * (table[n, axis, column] - boxes[n, axis, column])
        radius += (abs(along) + boxes[n, 12 + k, column]) ** 2
    return radius


@njit(cache=True, nogil=True)
def _area_sums(triangles: F64) -> F64:
    """(leaves, 7) area vector (3), area, centroids times area (3); a leaf's filling has no area."""
    sums = np.zeros((len(triangles), 7))
    for leaf in range(len(triangles)):
        for k in range(WIDTH):
            ux, uy, uz = triangles[leaf, 3, k], triangles[leaf, 4, k], triangles[leaf, 5, k]
            vx, vy, vz = triangles[leaf, 6, k], triangles[leaf, 7, k], triangles[leaf, 8, k]
            nx, ny, nz = 0.5 * (uy * vz - uz * vy), 0.5 * (uz * vx - ux * vz), 0.5 * (ux * vy - uy * vx)
            area = math.sqrt(nx * nx + ny * ny + nz * nz)
            sums[leaf, 0] += nx
            sums[leaf, 1] += ny
            sums[leaf, 2] += nz
            sums[leaf, 3] += area
            sums[leaf, 4] += area * (triangles[leaf, 0, k] + (ux + vx) / 3.0)
            sums[leaf, 5] += area * (triangles[leaf, 1, k] + (uy + vy) / 3.0)
            sums[leaf, 6] += area * (triangles[leaf, 2, k] + (uz + vz) / 3.0)
    return sums


@njit(cache=True, nogil=True)
def encloses(table: F32, children: I32, triangles: F64, x: float, y: float, z: float, stack: I32) -> bool:
    """Whether the winding number of a local point is above one half."""
    number = 0.0
    for beta, doubt in STAGES:
        number = winding_number(table, children, triangles, x, y, z, beta, stack)
        if abs(number - 0.5) > doubt:
            break
    return number > 0.5


@njit(cache=True, nogil=True)
def winding_number(
    table: F32, children: I32, triangles: F64, px: float, py: float, pz: float, beta: float, stack: I32
) -> float:
    """Solid angles of near triangles and dipoles of far clusters, over 4π (Barill et al. 2018, first order)."""
    x, y, z = fill(px), fill(py), fill(pz)
    fx, fy, fz = fill(np.float32(px)), fill(np.float32(py)), fill(np.float32(pz))
    near, far, nothing = fill(0.0), fill(np.float32(0.0)), fill(np.float32(0.0))
    tiny, reach = fill(np.float32(1e-30)), fill(np.float32(beta * beta))
    stack[0], top = 0, 1
    while top:
        top -= 1
        node = stack[top]
        if node >= len(children):
            near = near + _half_solid_angles(triangles, node - len(children), x, y, z)
            continue
        o = node * ROWS * WIDTH
        dx, dy, dz = load(table, o) - fx, load(table, o + 8) - fy, load(table, o + 16) - fz
        squared = most(dx * dx + dy * dy + dz * dz, tiny)
        limit = reach * load(table, o + 48)
        dipole = dx * load(table, o + 24) + dy * load(table, o + 32) + dz * load(table, o + 40)
        far = far + where_less(limit, squared, dipole / (squared * root(squared)), nothing)
        mask = np.uint32(2**WIDTH - 1) & ~less(limit, squared)
        while mask:
            stack[top] = children[node] + lowest(mask)
            mask &= mask - np.uint32(1)
            top += 1
    return float(total(far) + total(near) / (2.0 * np.pi))


@njit(cache=True, nogil=True)
def _half_solid_angles(triangles: F64, leaf: int, x: Any, y: Any, z: Any) -> Any:
    """Half the signed solid angle of each of a leaf's triangles seen from the point (Van Oosterom & Strackee 1983)."""
    o = leaf * 9 * WIDTH
    ax, ay, az = load(triangles, o) - x, load(triangles, o + 8) - y, load(triangles, o + 16) - z
    bx, by, bz = ax + load(triangles, o + 24), ay + load(triangles, o + 32), az + load(triangles, o + 40)
    cx, cy, cz = ax + load(triangles, o + 48), ay + load(triangles, o + 56), az + load(triangles, o + 64)
    a, b, c = root(ax * ax + ay * ay + az * az), root(bx * bx + by * by + bz * bz), root(cx * cx + cy * cy + cz * cz)
    ab, bc, ca = ax * bx + ay * by + az * bz, bx * cx + by * cy + bz * cz, cx * ax + cy * ay + cz * az
    volume = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return _arctan2(volume, a * b * c + ab * c + bc * a + ca * b)


@njit(cache=True, nogil=True)
def _arctan2(y: Any, x: Any) -> Any:
    """The angle of (x, y) in lanes, to 1e-11; 0 at the origin."""
    zero, one = fill(0.0), fill(1.0)
    tall, wide = size(y), size(x)
    ratio = least(tall, wide) / most(most(tall, wide), fill(1e-300))
    bend = fill(0.4142135623730951)  # tan(π/8), above which the angle is taken from π/4
    t = where_less(bend, ratio, (ratio - one) / (ratio + one), ratio)
    square = t * t
    series = fill(ARCTAN[6])
    for k in range(5, -1, -1):
        series = series * square + fill(ARCTAN[k])
    angle = where_less(bend, ratio, fill(0.25 * np.pi), zero) + t * series
    angle = where_less(wide, tall, fill(0.5 * np.pi) - angle, angle)
    angle = where_less(x, zero, fill(np.pi) - angle, angle)
    return where_less(y, zero, zero - angle, angle)


@njit(cache=True, nogil=True)
def new_stack() -> I32:
    """Room for `winding_number`: every child of every level may be near at once, depth-first."""
    return np.empty(STACK, np.int32)
