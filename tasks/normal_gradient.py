"""How far the normals that a mesh shows are from those it should show, and how that changes with its vertices."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit

from ml.asset import F32, I32
from tasks.topology import F64, face_cross

STEPS = 24  # faces that the walk to a silhouette crosses at most, within one pixel
GAP = 3.0  # pixels in depth between neighbours beyond which the nearer may end there
FLAT = 1.0  # without it the faces of a fitted cow were 9.8° off, with it 5.1
OUTLINE = 1.0  # weight of the fourth channel
WEIGHTLESS = 1e-12


@njit(cache=True, nogil=True, error_model="numpy")
def summed_normals(points: F64, faces: I32) -> F64:
    """(n, 3) sums of the normals of the faces at each vertex, weighted by their area; twice as long."""
    sums = np.zeros((len(points), 3))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        for k in range(3):
            v = faces[f, k]
            sums[v, 0], sums[v, 1], sums[v, 2] = sums[v, 0] + x, sums[v, 1] + y, sums[v, 2] + z
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def face_normals(points: F64, faces: I32) -> F64:
    """(m, 3) normals of the faces, twice as long as their area."""
    normals = np.empty((len(faces), 3))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        normals[f, 0], normals[f, 1], normals[f, 2] = x, y, z
    return normals


@njit(cache=True, nogil=True, error_model="numpy")
def unit(sums: F64) -> F64:
    """(n, 3) at unit length; zero stays zero."""
    result = np.zeros_like(sums)
    for v in range(len(sums)):
        length = sqrt(sums[v, 0] ** 2 + sums[v, 1] ** 2 + sums[v, 2] ** 2)
        if length > 0.0:
            for k in range(3):
                result[v, k] = sums[v, k] / length
    return result


@njit(cache=True, nogil=True, error_model="numpy")
def normals_to_points(points: F64, faces: I32, sums: F64, by_normal: F64, by_flat: F64, by_point: F64) -> None:
    """Add to `by_point` (n, 3) what gradients by unit normals of vertices (n, 3) and of faces (m, 3) mean for places.

    With n = s/|s| a change of s changes n by its part across n over |s|; s is the sum of (b − a) × (c − a) over the
    faces at the vertex.
    """
    of_sums = np.empty_like(by_normal)
    for v in range(len(points)):
        _before_unit(sums[v, 0], sums[v, 1], sums[v, 2], by_normal[v], of_sums[v])
    own = np.empty(3)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = face_cross(points, a, b, c)
        _before_unit(x, y, z, by_flat[f], own)
        gx = of_sums[a, 0] + of_sums[b, 0] + of_sums[c, 0] + own[0]
        gy = of_sums[a, 1] + of_sums[b, 1] + of_sums[c, 1] + own[1]
        gz = of_sums[a, 2] + of_sums[b, 2] + of_sums[c, 2] + own[2]
        for k in range(
            3
        ):  # g · ((q − p) × (r − p)) changes with p by (r − q) × … : cyclic, so one rule for all corners
            p, q, r = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            ux, uy, uz = points[r, 0] - points[q, 0], points[r, 1] - points[q, 1], points[r, 2] - points[q, 2]
            by_point[p, 0] += gy * uz - gz * uy
            by_point[p, 1] += gz * ux - gx * uz
            by_point[p, 2] += gx * uy - gy * ux


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _before_unit(x: float, y: float, z: float, by_unit: F64, out: F64) -> None:
    """The gradient by a vector of the one by its direction."""
    length = sqrt(x * x + y * y + z * z)
    scale = 1.0 / length if length > 0.0 else 0.0
    x, y, z = x * scale, y * scale, z * scale
    along = x * by_unit[0] + y * by_unit[1] + z * by_unit[2]
    out[0], out[1], out[2] = (
        (by_unit[0] - along * x) * scale,
        (by_unit[1] - along * y) * scale,
        (by_unit[2] - along * z) * scale,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def view_gradient(
    screen: F64,
    faces: I32,
    twin: I32,
    normals: F64,
    flat: F64,
    hit: I32,
    near: F32,
    step: float,
    wanted: F32,
    by_screen: F64,
    by_normal: F64,
    by_flat: F64,
) -> float:
    """Loss of one view, and its gradient added to `by_screen` (n, 2) in pixels, `by_normal` (n, 3), `by_flat` (m, 3).

    The picture has four channels: the direction of the sum of the interpolated vertex normal and the face's own, FLAT
    times, because neighbours in zigzag have level vertex normals; and 1 where something is. Both are blended
    across silhouettes by how far they reach into a pixel (the antialiasing of Laine et al. 2020, which lets a gradient
    through where visibility changes). The loss is the squared difference to `wanted` (h, w, 4) over all pixels, that
    of the fourth channel OUTLINE times. `screen` (n, 4) and `hit`, `near` (h, w) are what tasks/raster.py takes and
    makes; `step` is a pixel's size in units of nearness. Normals are interpolated along the screen, not in space.
    """
    height, width = hit.shape
    shown = _shown(screen, faces, normals, flat, hit)
    blended = shown.copy()
    ends = _silhouettes(screen, faces, twin, hit, near, step, blended, shown)
    loss, slope = 0.0, np.empty_like(shown)
    for y in range(height):
        for x in range(width):
            for k in range(4):
                weight = OUTLINE if k == 3 else 1.0
                away = blended[y, x, k] - wanted[y, x, k]
                loss += weight * away * away
                slope[y, x, k] = 2.0 * weight * away
    _move_silhouettes(screen, ends, shown, slope, by_screen)
    _move_inside(screen, faces, normals, flat, hit, slope, by_screen, by_normal, by_flat)
    return loss


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _weights(screen: F64, a: int, b: int, c: int, x: float, y: float) -> tuple[float, float, float, float]:
    """Weights of corners b and c at a pixel's middle, and twice the face's area with its sign."""
    bx, by = screen[b, 0] - screen[a, 0], screen[b, 1] - screen[a, 1]
    cx, cy = screen[c, 0] - screen[a, 0], screen[c, 1] - screen[a, 1]
    area = bx * cy - by * cx
    px, py = x - screen[a, 0], y - screen[a, 1]
    return (px * cy - py * cx) / area, (bx * py - by * px) / area, area, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _shown(screen: F64, faces: I32, normals: F64, flat: F64, hit: I32) -> F64:
    """(h, w, 4) what the pixels show before silhouettes are blended."""
    shown = np.zeros((*hit.shape, 4))
    for y in range(hit.shape[0]):
        for x in range(hit.shape[1]):
            f = hit[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            v, w, _, _ = _weights(screen, a, b, c, x + 0.5, y + 0.5)
            u = 1.0 - v - w
            p = u * normals[a, 0] + v * normals[b, 0] + w * normals[c, 0] + FLAT * flat[f, 0]
            q = u * normals[a, 1] + v * normals[b, 1] + w * normals[c, 1] + FLAT * flat[f, 1]
            r = u * normals[a, 2] + v * normals[b, 2] + w * normals[c, 2] + FLAT * flat[f, 2]
            scale = 1.0 / max(sqrt(p * p + q * q + r * r), WEIGHTLESS)
            shown[y, x, 0], shown[y, x, 1], shown[y, x, 2], shown[y, x, 3] = p * scale, q * scale, r * scale, 1.0
    return shown


@njit(cache=True, nogil=True, error_model="numpy")
def _move_inside(
    screen: F64, faces: I32, normals: F64, flat: F64, hit: I32, slope: F64, by_screen: F64, by_normal: F64, by_flat: F64
) -> None:
    """What the pixels inside faces say: by the normals at the corners, and by where the corners are.

    A corner of weight u that moves by d drags what it carries along: the value at a pixel changes by −u ∇·d.
    """
    n = np.empty(3)
    for y in range(hit.shape[0]):
        for x in range(hit.shape[1]):
            f = hit[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            v, w, area, _ = _weights(screen, a, b, c, x + 0.5, y + 0.5)
            u = 1.0 - v - w
            squared = along = 0.0
            for k in range(3):
                n[k] = u * normals[a, k] + v * normals[b, k] + w * normals[c, k] + FLAT * flat[f, k]
                squared += n[k] * n[k]
                along += n[k] * slope[y, x, k]
            scale = 1.0 / max(sqrt(squared), WEIGHTLESS)
            bx, by = screen[b, 0] - screen[a, 0], screen[b, 1] - screen[a, 1]
            cx, cy = screen[c, 0] - screen[a, 0], screen[c, 1] - screen[a, 1]
            dx = dy = 0.0
            for k in range(3):
                g = (slope[y, x, k] - along * n[k] * scale * scale) * scale
                to_b, to_c = normals[b, k] - normals[a, k], normals[c, k] - normals[a, k]
                dx += g * (to_b * cy - to_c * by) / area
                dy += g * (to_c * bx - to_b * cx) / area
                by_normal[a, k] += u * g
                by_normal[b, k] += v * g
                by_normal[c, k] += w * g
                by_flat[f, k] += FLAT * g
            by_screen[a, 0], by_screen[a, 1] = by_screen[a, 0] - u * dx, by_screen[a, 1] - u * dy
            by_screen[b, 0], by_screen[b, 1] = by_screen[b, 0] - v * dx, by_screen[b, 1] - v * dy
            by_screen[c, 0], by_screen[c, 1] = by_screen[c, 0] - w * dx, by_screen[c, 1] - w * dy


@njit(cache=True, nogil=True, error_model="numpy")
def _silhouettes(screen: F64, faces: I32, twin: I32, hit: I32, near: F32, step: float, blended: F64, shown: F64) -> I32:
    """Blend neighbouring pixels across silhouettes; rows (y, x, axis, way, vertex, vertex) of those that were.

    (y, x) is the pixel whose surface ends, on the way (±1) to its neighbour along the axis (0: x).
    """
    ends = np.empty((1024, 6), np.int32)
    count = 0
    for y in range(hit.shape[0]):
        for x in range(hit.shape[1]):
            for axis in range(2):
                v, u = y + axis, x + 1 - axis
                if v >= hit.shape[0] or u >= hit.shape[1] or hit[y, x] == hit[v, u]:
                    continue
                if hit[y, x] >= 0 and hit[v, u] >= 0 and abs(near[y, x] - near[v, u]) < GAP * step:
                    continue
                way = 1 if near[y, x] > near[v, u] else -1
                py, px = (y, x) if way > 0 else (v, u)
                i, j = _end(screen, faces, twin, hit[py, px], px + 0.5, py + 0.5, axis, way)
                if i < 0:
                    continue
                if count == len(ends):
                    ends = np.concatenate((ends, np.empty_like(ends)))
                ends[count, 0], ends[count, 1], ends[count, 2] = py, px, axis
                ends[count, 3], ends[count, 4], ends[count, 5] = way, i, j
                count += 1
                _blend(shown, blended, py, px, axis, way, _reach(screen, i, j, px + 0.5, py + 0.5, axis, way))
    return ends[:count]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _reach(screen: F64, i: int, j: int, x: float, y: float, axis: int, way: int) -> float:
    """How far from a pixel's middle, along the axis, edge i–j crosses the line to its neighbour; pixels."""
    at, across = (x, y) if axis == 0 else (y, x)
    s = (across - screen[i, 1 - axis]) / (screen[j, 1 - axis] - screen[i, 1 - axis])
    return float(way * (screen[i, axis] + s * (screen[j, axis] - screen[i, axis]) - at))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _blend(shown: F64, blended: F64, y: int, x: int, axis: int, way: int, reach: float) -> None:
    """The pixel that the surface's end lies in shows some of the other."""
    v, u = y + axis * way, x + (1 - axis) * way
    for k in range(4):
        apart = shown[y, x, k] - shown[v, u, k]
        if reach > 0.5:
            blended[v, u, k] += (reach - 0.5) * apart
        else:
            blended[y, x, k] -= (0.5 - reach) * apart


@njit(cache=True, nogil=True, error_model="numpy")
def _end(screen: F64, faces: I32, twin: I32, face: int, x: float, y: float, axis: int, way: int) -> tuple[int, int]:
    """Vertices of the edge at which the surface that `face` belongs to ends before the neighbour's middle; −1 if none.

    The walk goes from face to face along the line between the two middles until the next one looks the other way.
    """
    across = y if axis == 0 else x
    f, entry = face, -1
    for _ in range(STEPS):
        best, leave = -1.0, -1
        for h in range(3 * f, 3 * f + 3):
            i, j = faces[f, h % 3], faces[f, (h + 1) % 3]
            if h == entry or (screen[i, 1 - axis] - across) * (screen[j, 1 - axis] - across) > 0.0:
                continue
            if screen[i, 1 - axis] == screen[j, 1 - axis]:
                continue
            reach = _reach(screen, i, j, x, y, axis, way)
            if reach > best:
                best, leave = reach, h
        if leave < 0 or best >= 1.0:
            return -1, -1
        i, j, t = faces[f, leave % 3], faces[f, (leave + 1) % 3], twin[leave]
        if t < 0 or (_side(screen, faces, t // 3) > 0.0) != (_side(screen, faces, face) > 0.0):
            if best < 0.0 or abs(screen[i, axis] - screen[j, axis]) > abs(screen[i, 1 - axis] - screen[j, 1 - axis]):
                return -1, -1  # an edge that lies along the line: neighbours across it tell more
            return i, j
        f, entry = t // 3, t
    return -1, -1


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _side(screen: F64, faces: I32, f: int) -> float:
    a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
    bx, by = screen[b, 0] - screen[a, 0], screen[b, 1] - screen[a, 1]
    cx, cy = screen[c, 0] - screen[a, 0], screen[c, 1] - screen[a, 1]
    return float(bx * cy - by * cx)


@njit(cache=True, nogil=True, error_model="numpy")
def _move_silhouettes(screen: F64, ends: I32, shown: F64, slope: F64, by_screen: F64) -> None:
    """What blended pixels say about the edges that end there; and `slope` becomes that of what was blended."""
    loss = slope.copy()
    for row in range(len(ends)):
        y, x, axis, way, i, j = ends[row]
        v, u = y + axis * way, x + (1 - axis) * way
        across = (y if axis == 0 else x) + 0.5
        reach = _reach(screen, i, j, x + 0.5, y + 0.5, axis, way)
        ty, tx = (v, u) if reach > 0.5 else (y, x)
        farther = 0.0
        for k in range(4):
            farther += loss[ty, tx, k] * (shown[y, x, k] - shown[v, u, k])
            moved = (reach - 0.5) * loss[ty, tx, k]
            slope[y, x, k] += moved
            slope[v, u, k] -= moved
        rise = screen[j, 1 - axis] - screen[i, 1 - axis]
        s = (across - screen[i, 1 - axis]) / rise
        lean = (screen[j, axis] - screen[i, axis]) / rise
        by_screen[i, axis] += way * (1.0 - s) * farther
        by_screen[j, axis] += way * s * farther
        by_screen[i, 1 - axis] -= way * (1.0 - s) * lean * farther
        by_screen[j, 1 - axis] -= way * s * lean * farther
