"""Kernels over texels: triangles rasterised in UV space, attributes interpolated, textures sampled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# A texel's square reaches half a diagonal, √½, from its centre: farther than that a triangle cannot touch it.
REACH, REACH_SQUARED = 0.5**0.5 + 1e-6, 0.5
TILE = 8  # texels a side: neighbours in the map are neighbours on the surface, so they are worked on together


@njit(cache=True, nogil=True)
def _closest_on_outline(px: float, py: float, t: Any) -> tuple[float, float, float, float]:
    """Squared distance to the outline of a 2D triangle (3, 2) and the barycentric coordinates of that point."""
    best, a, b, c = np.inf, 1.0, 0.0, 0.0
    for k in range(3):
        n = (k + 1) % 3
        ex, ey = t[n, 0] - t[k, 0], t[n, 1] - t[k, 1]
        length = ex * ex + ey * ey
        s = 0.0
        if length > 0:
            s = min(1.0, max(0.0, ((px - t[k, 0]) * ex + (py - t[k, 1]) * ey) / length))
        dx, dy = px - t[k, 0] - s * ex, py - t[k, 1] - s * ey
        if dx * dx + dy * dy < best:
            best = dx * dx + dy * dy
            a = 1.0 - s if k == 0 else (s if n == 0 else 0.0)
            b = 1.0 - s if k == 1 else (s if n == 1 else 0.0)
            c = 1.0 - a - b
    return best, a, b, c


@njit(cache=True, nogil=True)
def _heights(t: Any, doubled: float, heights: Any) -> None:
    """Of a 2D triangle (3, 2) above each side, by the corner opposite; zero for zero area."""
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        length = np.sqrt((t[i, 0] - t[j, 0]) ** 2 + (t[i, 1] - t[j, 1]) ** 2)
        heights[k] = doubled / length if length > 0.0 else 0.0


@njit(cache=True, nogil=True)
def rasterize(uv: Any, faces: Any, size: int) -> Any:
    """The triangle under each texel of a square map: face (size, size) int32, −1 for none; barycentric (…, 2) of b, c.

    Conservative: a texel whose centre no triangle holds takes the nearest one that touches its square, clamped to
    that triangle's outline, so slivers thinner than a texel and chart borders are never empty. Ties go to the lower
    face index. uv is (n, 2) in 0–1; triangles beyond the map are cut at its border.
    """
    face = np.full((size, size), -1, dtype=np.int32)
    barycentric = np.zeros((size, size, 2), dtype=np.float32)
    nearest = np.full((size, size), np.float32(REACH_SQUARED), dtype=np.float32)
    t, heights = np.empty((3, 2)), np.empty(3)
    for f in range(len(faces)):
        for k in range(3):
            t[k, 0], t[k, 1] = uv[faces[f, k], 0] * size - 0.5, uv[faces[f, k], 1] * size - 0.5
        x0, x1 = min(t[0, 0], t[1, 0], t[2, 0]), max(t[0, 0], t[1, 0], t[2, 0])
        y0, y1 = min(t[0, 1], t[1, 1], t[2, 1]), max(t[0, 1], t[1, 1], t[2, 1])
        area = (t[1, 0] - t[0, 0]) * (t[2, 1] - t[0, 1]) - (t[2, 0] - t[0, 0]) * (t[1, 1] - t[0, 1])
        inverse = 1.0 / area if abs(area) > 1e-12 else 0.0
        _heights(t, abs(area) if inverse != 0.0 else 0.0, heights)
        for y in range(max(0, int(np.ceil(y0 - 0.5))), min(size - 1, int(np.floor(y1 + 0.5))) + 1):
            for x in range(max(0, int(np.ceil(x0 - 0.5))), min(size - 1, int(np.floor(x1 + 0.5))) + 1):
                if nearest[y, x] == 0.0:
                    continue
                b = ((x - t[0, 0]) * (t[2, 1] - t[0, 1]) - (t[2, 0] - t[0, 0]) * (y - t[0, 1])) * inverse
                c = ((t[1, 0] - t[0, 0]) * (y - t[0, 1]) - (x - t[0, 0]) * (t[1, 1] - t[0, 1])) * inverse
                distance = 0.0
                if inverse == 0.0 or b < 0.0 or c < 0.0 or b + c > 1.0:
                    if b * heights[1] < -REACH or c * heights[2] < -REACH or (1.0 - b - c) * heights[0] < -REACH:
                        continue  # beyond one side's reach: most of the box's corners
                    distance, _, b, c = _closest_on_outline(x, y, t)
                if distance < nearest[y, x]:
                    nearest[y, x], face[y, x] = distance, f
                    barycentric[y, x, 0], barycentric[y, x, 1] = b, c
    return face, barycentric


@njit(cache=True, nogil=True)
def tiled(face: Any) -> Any:
    """(t,) int32 flat indices of the texels of a (size, size) map that hold a face, tile by tile, row by row."""
    size, count = len(face), 0
    found = np.empty((face >= 0).sum(), np.int32)
    for top in range(0, size, TILE):
        for left in range(0, size, TILE):
            for y in range(top, min(top + TILE, size)):
                for x in range(left, min(left + TILE, size)):
                    if face[y, x] >= 0:
                        found[count] = y * size + x
                        count += 1
    return found


@njit(cache=True, nogil=True)
def gather(face: Any, barycentric: Any, texel: Any) -> Any:
    """Face (t,) int32 and barycentric (t, 3) float32 of the texels of `rasterize`'s maps at flat indices (t,)."""
    size = len(face)
    found, weights = np.empty(len(texel), np.int32), np.empty((len(texel), 3), np.float32)
    for i in range(len(texel)):
        y, x = texel[i] // size, texel[i] % size
        b, c = barycentric[y, x, 0], barycentric[y, x, 1]
        found[i] = face[y, x]
        weights[i, 0], weights[i, 1], weights[i, 2] = np.float32(1) - b - c, b, c
    return found, weights


@njit(cache=True, nogil=True)
def interpolate(values: Any, faces: Any, face: Any, barycentric: Any) -> Any:
    """(t, k) float32: values (n, k) of the corners of `face` (t,) weighted by barycentric (t, 3)."""
    out = np.empty((len(face), values.shape[1]), dtype=np.float32)
    for i in range(len(face)):
        a, b, c = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        u, v, w = barycentric[i, 0], barycentric[i, 1], barycentric[i, 2]
        for k in range(values.shape[1]):
            out[i, k] = u * values[a, k] + v * values[b, k] + w * values[c, k]
    return out


@njit(cache=True, nogil=True)
def corner_mean(values: Any, faces: Any, f: int, barycentric: Any, i: int, k: int) -> Any:
    """Column k of (n, …) vertex values in face f, weighted by row i of barycentric (t, 3); for kernels."""
    a, b, c = values[faces[f, 0], k], values[faces[f, 1], k], values[faces[f, 2], k]
    return barycentric[i, 0] * a + barycentric[i, 1] * b + barycentric[i, 2] * c


@njit(cache=True, nogil=True)
def bilinear_taps(image: Any, u: Any, v: Any) -> Any:
    """Columns and rows (x0, x1, y0, y1) around a UV on a repeating (h, w, …) image, and the weights of the taps."""
    height, width = image.shape[0], image.shape[1]
    x, y = (u - np.floor(u)) * width + 0.5, (v - np.floor(v)) * height + 0.5
    right = int(x) if x <= width else width  # remainders of divisions would take as long as the rest; NaN gets here
    bottom = int(y) if y <= height else height
    fx, fy = np.float32(x - right), np.float32(y - bottom)
    weights = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    x0, y0 = (right if right else width) - 1, (bottom if bottom else height) - 1
    return (x0, right if right < width else 0, y0, bottom if bottom < height else 0), weights


@njit(cache=True, nogil=True)
def multiply_by_image(
    values: Any, index: int, owner: Any, face: Any, barycentric: Any, faces: Any, uv: Any, image: Any, decode: Any
) -> None:
    """Multiply the rows of values (t, 4) whose `owner` is `index` by an (h, w, 4) uint8 image at their UVs.

    Colours go through the (256,) `decode` table before they are filtered: in linear light, as glTF 2.0 §3.9.2 has it;
    alpha is linear already.
    """
    for i in range(len(values)):
        if owner[i] != index:
            continue
        u, v = corner_mean(uv, faces, face[i], barycentric, i, 0), corner_mean(uv, faces, face[i], barycentric, i, 1)
        (x0, x1, y0, y1), (a, b, c, d) = bilinear_taps(image, u, v)
        for k in range(3):
            upper = a * decode[image[y0, x0, k]] + b * decode[image[y0, x1, k]]
            values[i, k] *= upper + c * decode[image[y1, x0, k]] + d * decode[image[y1, x1, k]]
        alpha = a * image[y0, x0, 3] + b * image[y0, x1, 3] + c * image[y1, x0, 3] + d * image[y1, x1, 3]
        values[i, 3] *= alpha * np.float32(1 / 255)


@njit(cache=True, nogil=True)
def multiply_by_colors(
    values: Any, index: int, owner: Any, face: Any, barycentric: Any, faces: Any, colors: Any
) -> None:
    """Multiply the rows of values (t, 4) whose `owner` is `index` by (n, 4) uint8 linear vertex colours."""
    for i in range(len(values)):
        if owner[i] == index:
            for k in range(4):
                values[i, k] *= corner_mean(colors, faces, face[i], barycentric, i, k) * np.float32(1 / 255)


@njit(cache=True, nogil=True)
def paint(flat: Any, texel: Any, values: Any, tables: Any) -> None:
    """Write values (t, ≥ c) into the rows `texel` of a (size², c) uint8 map, channel k through tables[k] (65536,)."""
    for i in range(len(texel)):
        for k in range(flat.shape[1]):
            value = values[i, k]
            clipped = min(value, np.float32(1)) if value > 0 else np.float32(0)  # NaN becomes 0
            flat[texel[i], k] = tables[k, int(clipped * np.float32(65535) + np.float32(0.5))]


@njit(cache=True, nogil=True)
def is_plain(flat: Any, texel: Any) -> bool:
    """Whether the rows `texel` of a (size², c) map are all the same."""
    for i in range(1, len(texel)):
        for k in range(flat.shape[1]):
            if flat[texel[i], k] != flat[texel[0], k]:
                return False
    return True
