"""Periodic noise kernels: gradient noise summed over octaves, and distances to the points of a jittered lattice."""

from __future__ import annotations

from math import floor, sqrt
from typing import Any

import numba
import numpy as np

# 64 unit gradients: enough that no direction shows.
ANGLES = np.arange(64) * (2.0 * np.pi / 64.0)
GRADIENTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def mixed(x: int, y: int, seed: int) -> Any:
    """A 32-bit hash of a lattice point (the finaliser of MurmurHash3)."""
    h = (np.uint32(x) * np.uint32(0x9E3779B1)) ^ (np.uint32(y) * np.uint32(0x85EBCA77)) ^ np.uint32(seed)
    h = np.uint32(h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = np.uint32(h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return np.uint32(h ^ (h >> np.uint32(16)))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _corners(x0: int, y0: int, nx: int, ny: int, salt: int, gradients: Any) -> Any:
    """The gradients at the four corners of a lattice cell."""
    x1, y1 = x0 + 1 if x0 + 1 < nx else 0, y0 + 1 if y0 + 1 < ny else 0
    p, q = gradients[mixed(x0, y0, salt) & 63], gradients[mixed(x1, y0, salt) & 63]
    r, s = gradients[mixed(x0, y1, salt) & 63], gradients[mixed(x1, y1, salt) & 63]
    return p[0], p[1], q[0], q[1], r[0], r[1], s[0], s[1]


@numba.njit(cache=True, nogil=True, fastmath=True)
def _blended(corners: Any, fx: Any, fy: Any) -> Any:
    """Perlin's quintic blend of the four ramps at a place (0–1)² within the cell."""
    px, py, qx, qy, rx, ry, sx, sy = corners
    one = np.float32(1)
    s = fx * fx * fx * (fx * (fx * np.float32(6) - np.float32(15)) + np.float32(10))
    t = fy * fy * fy * (fy * (fy * np.float32(6) - np.float32(15)) + np.float32(10))
    a, b = px * fx + py * fy, qx * (fx - one) + qy * fy
    c, d = rx * fx + ry * (fy - one), sx * (fx - one) + sy * (fy - one)
    top, bottom = a + s * (b - a), c + s * (d - c)
    return top + t * (bottom - top)


@numba.njit(cache=True, nogil=True, fastmath=True)
def gradient_noise(u: Any, v: Any, cells: Any, octaves: int, gain: float, seed: int, gradients: Any) -> Any:
    """(h, w) float32 about −1 … 1 at tile coordinates (h, w): Perlin, "Improving noise" (2002), with period 1.

    `cells` are the lattice cells along u and v of the first octave; each following one has twice as many and `gain`
    times the weight. The sum is scaled so that its variance does not depend on the octaves. A cell's corners are
    looked up only where the row leaves it: on unwarped coordinates that is three quarters of the work.
    """
    height, width = u.shape
    out = np.zeros((height, width), dtype=np.float32)
    weight, power = np.float32(1.0), np.float32(0.0)
    nx, ny = cells[0], cells[1]
    for octave in range(octaves):
        salt = seed + 7919 * octave
        for row in range(height):
            last_x = last_y = -(1 << 30)
            corners = _corners(0, 0, nx, ny, salt, gradients)
            for column in range(width):
                x, y = u[row, column] * nx, v[row, column] * ny
                ix, iy = floor(x), floor(y)
                if ix != last_x or iy != last_y:
                    corners = _corners(ix % nx, iy % ny, nx, ny, salt, gradients)
                    last_x, last_y = ix, iy
                out[row, column] += weight * _blended(corners, np.float32(x - ix), np.float32(y - iy))
        power += weight * weight
        weight *= np.float32(gain)
        nx, ny = nx * 2, ny * 2
    out *= np.float32(1.6) / np.float32(sqrt(power))
    return out


@numba.njit(cache=True, nogil=True, fastmath=True)
def lattice_cells(u: Any, v: Any, cells: Any, jitter: float, seed: int) -> Any:
    """(3, h, w) float32 at tile coordinates (h, w): distances to the nearest and second point, and a number of the
    nearest point's own in 0 … 1.

    Worley, "A cellular texture basis function" (1996), one point a cell, in units of a cell; `jitter` 0 is a grid.
    """
    height, width = u.shape
    nx, ny = cells[0], cells[1]
    out = np.empty((3, height, width), dtype=np.float32)
    points = np.empty((ny, nx, 3), dtype=np.float32)
    scale = np.float32(1.0 / 65536.0)
    for j in range(ny):
        for i in range(nx):
            h = mixed(i, j, seed)
            points[j, i, 0] = 0.5 + jitter * ((h & 0xFFFF) * scale - 0.5)
            points[j, i, 1] = 0.5 + jitter * ((h >> 16) * scale - 0.5)
            points[j, i, 2] = (mixed(i, j, seed + 101) & 0xFFFF) * scale
    for row in range(height):
        for column in range(width):
            x, y = u[row, column] * nx, v[row, column] * ny
            ix, iy = floor(x), floor(y)
            fx, fy = np.float32(x - ix), np.float32(y - iy)
            first, second, own = np.float32(9.0), np.float32(9.0), np.float32(0.0)
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    p = points[(iy + dy) % ny, (ix + dx) % nx]
                    px, py = dx + p[0] - fx, dy + p[1] - fy
                    square = px * px + py * py
                    if square < first:
                        first, second, own = square, first, p[2]
                    elif square < second:
                        second = square
            out[0, row, column], out[1, row, column] = sqrt(first), sqrt(second)
            out[2, row, column] = own
    return out


@numba.njit(cache=True, nogil=True)
def normals_of(height: Any, pixel: float) -> Any:
    """(s, s, 3) uint8 tangent-space normals (green up, glTF 2.0 §3.9.3) of a tiling height field, both in metres."""
    rows, columns = height.shape
    out = np.empty((rows, columns, 3), dtype=np.uint8)
    for y in range(rows):
        up, down = height[y - 1 if y else rows - 1], height[y + 1 if y + 1 < rows else 0]
        for x in range(columns):
            left, right = x - 1 if x else columns - 1, x + 1 if x + 1 < columns else 0
            nx = (height[y, left] - height[y, right]) / (2.0 * pixel)
            ny = (down[x] - up[x]) / (2.0 * pixel)
            scale = 127.5 / sqrt(nx * nx + ny * ny + 1.0)
            out[y, x, 0] = int(nx * scale + 128.0)
            out[y, x, 1] = int(ny * scale + 128.0)
            out[y, x, 2] = int(scale + 128.0)
    return out
