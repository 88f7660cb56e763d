"""Box projection: texture coordinates in tiles by the side a surface faces, and a tile's maps painted onto texels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numba
import numpy as np

from ml.asset import F32, I32, U8, Part
from ml.normals import face_crosses
from tasks.topology import component_boxes, face_components, half_edges, weld

SHARPNESS = 8.0  # power of the normal's components that weights the three projections: blends over about 20°
LEAST_WEIGHT = 0.01  # projections below are not looked at


def upright(part: Part) -> I32:
    """(m,) the axis that a pattern without a grain runs along: up."""
    return np.ones(len(part.faces), np.int32)


def along_longest(part: Part) -> I32:
    """(m,) the longest side of the box of each face's connected piece, as the grain of a board runs."""
    points, welded, _ = weld(part.vertices, part.faces)
    labels = face_components(welded, *half_edges(welded, len(points)))
    low, high = component_boxes(points, welded, labels, int(labels.max(initial=-1)) + 1)
    longest = np.append(np.argmax(high - low, axis=1), 1)  # the last entry serves label −1, faces without an area
    axes: I32 = longest[labels].astype(np.int32)
    return axes


def box_mapped(part: Part, tile: float, grain: I32) -> Part:
    """The part with repeating UVs, one unit a tile of `tile` metres, and vertices split where faces turn a corner.

    Each face is projected along the axis that its normal is nearest to, with −v along its axis `grain` (m,) where
    that is another one. No projection is mirrored.
    """
    crosses = face_crosses(part.vertices, part.faces)
    axis = np.argmax(np.abs(crosses), axis=1)
    side = 6 * grain.astype(np.int64) + 2 * axis + (np.take_along_axis(crosses, axis[:, None], 1)[:, 0] < 0)
    used, local = np.unique(part.faces.astype(np.int64) * 18 + side[:, None], return_inverse=True)
    vertex, own_side = used // 18, used % 18
    uv = np.empty((len(used), 2), dtype=np.float32)
    planes = projection_planes()
    for k in range(18):
        rows = own_side == k
        a, b, hand = planes[k // 6, k % 6 // 2]
        points = part.vertices[vertex[rows]].astype(np.float64) / tile
        uv[rows, 0], uv[rows, 1] = points[:, a] * (hand if k % 2 == 0 else -hand), -points[:, b]
    attributes: dict[str, Any] = {
        name: None if (values := getattr(part, name)) is None else values[vertex]
        for name in ("normals", "uv1", "colors")
    }
    faces = local.reshape(-1, 3).astype(np.int32)
    return replace(part, vertices=part.vertices[vertex], faces=faces, uv=uv, **attributes)


def projection_planes() -> I32:
    """(3, 3, 3) for each grain and each axis projected along: the axes along which u and −v grow, and the hand.

    The hand is 1 where u × −v points along the axis, else −1: u turns round with it.
    """
    planes = np.empty((3, 3, 3), np.int32)
    for grain in range(3):
        for axis in range(3):
            b = grain if grain != axis else (1 if axis != 1 else 2)
            a = 3 - axis - b
            planes[grain, axis] = a, b, 1 if (a + 1) % 3 == b else -1
    return planes


@numba.njit(cache=True, nogil=True)
def projected(
    points: F32, normals: F32, grain: I32, maps: tuple[F32, U8, U8], tile: float, planes: I32
) -> tuple[F32, F32, F32]:
    """Colour (t, 3) linear, roughness and metallic (t, 2) 0–1, and unit normal (t, 3) at t points with unit normals.

    `maps` are a tile's (s, s, 3) linear colour, bytes of roughness and metallic in G and B, and tangent-space normals;
    `grain` (t,) is each point's axis and `planes` is `projection_planes`. The three projections are blended by the
    normal; the tile's normals are added as slopes ("whiteout" blending, Barré-Brisebois and Hill 2012).
    """
    count = len(points)
    color, surface = np.zeros((count, 3), np.float32), np.zeros((count, 2), np.float32)
    leaning = np.zeros((count, 3), np.float32)
    sample, weights, n = np.empty(7), np.empty(3), np.empty(3)
    for i in range(count):
        n[:] = normals[i]
        weights[:] = np.abs(n) ** SHARPNESS
        weights[:] = np.where(weights < LEAST_WEIGHT * weights.sum(), 0.0, weights)
        weights /= max(weights.sum(), 1e-30)
        for axis in range(3):
            weight = weights[axis]
            if weight == 0.0:
                continue
            a, b, hand = planes[grain[i], axis]
            sign = hand * (1.0 if n[axis] >= 0.0 else -1.0)
            _tile_at(maps, points[i, a] * sign / tile, -points[i, b] / tile, sample)
            for k in range(3):
                color[i, k] += weight * sample[k]
            surface[i, 0] += weight * sample[3]
            surface[i, 1] += weight * sample[4]
            leaning[i, a] += weight * sample[5] * sign
            leaning[i, b] += weight * sample[6]
        length = np.sqrt(((leaning[i] + n) ** 2).sum())
        for k in range(3):
            leaning[i, k] = (leaning[i, k] + n[k]) / max(length, 1e-12)
    return color, surface, leaning


@numba.njit(cache=True, nogil=True)
def _tile_at(maps: Any, u: float, v: float, out: Any) -> None:
    """Bilinear colour (3), roughness, metallic, and slopes −∂h/∂u, −∂h/∂up of the repeating tile into `out` (7)."""
    color, packed, normals = maps
    size = len(color)
    x, y = u * size - 0.5, v * size - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - left, y - top
    out[:] = 0.0
    for corner in range(4):
        cx, cy = corner & 1, corner >> 1
        weight = (fx if cx else 1.0 - fx) * (fy if cy else 1.0 - fy)
        row, column = (top + cy) % size, (left + cx) % size
        for k in range(3):
            out[k] += weight * color[row, column, k]
        out[3] += weight * packed[row, column, 1] / 255.0
        out[4] += weight * packed[row, column, 2] / 255.0
        z = max(normals[row, column, 2] / 127.5 - 1.0, 0.05)
        out[5] += weight * (normals[row, column, 0] / 127.5 - 1.0) / z
        out[6] += weight * (normals[row, column, 1] / 127.5 - 1.0) / z
