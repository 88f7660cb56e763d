"""The rasteriser: a z-buffer over projected triangles that records which face each sample sees."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

UINT = np.uintp  # an unsigned index needs no test for one counted from the end: a fifth of the time
BATCH = 64  # faces; their corners stay in the first cache between the two looks at them


@numba.njit(cache=True, nogil=True, error_model="numpy")
def rasterise(
    screen: F64, faces: I32, first: int, last: int, uv: F32, alpha: F32, cutoff: float, limit: F32, near: F32, hit: I32
) -> None:
    """Draw faces[first:last] into `near` (h, w; nearness, −inf empty) and `hit` (h, w; face index, −1 empty).

    `screen` is Camera.project's (n, 4) in samples. A sample is taken only when it lies behind `limit` (depth peeling;
    a (0, 0) array means no limit) and when `alpha` (ah, aw; empty = opaque) at its uv reaches `cutoff`. Both sides of
    a face are drawn, and of equally near ones the first. Faces that reach behind a perspective camera (NaN) are
    skipped whole.
    """
    # Half the faces of a dense mesh fall between samples, half the rest beside the only one in their box, and half of
    # those look away: left out batch by batch without a branch, they spare the processor as many wrong guesses.
    boxes, back = np.empty((BATCH, 5), np.int32), np.empty((last - first + 1, 5), np.int32)
    behind = 0
    for start in range(first, last, BATCH):
        count = _boxes(screen, faces, start, min(start + BATCH, last), near.shape[1], near.shape[0], boxes)
        count, behind = _sides(screen, faces, boxes, count, back, behind)
        _fill(screen, faces, boxes[:count], False, uv, alpha, cutoff, limit, near, hit)
    _fill(screen, faces, back[:behind], True, uv, alpha, cutoff, limit, near, hit)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _boxes(screen: F64, faces: I32, first: int, last: int, width: int, height: int, boxes: I32) -> int:
    """Rows (face, columns from and to, rows from and to) of the faces whose bounding box holds samples."""
    count = 0
    for f in range(first, last):
        i, j, k = UINT(faces[UINT(f), 0]), UINT(faces[UINT(f), 1]), UINT(faces[UINT(f), 2])
        xa, ya, xb, yb, xc, yc = screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0], screen[k, 1]
        x0 = ceil(max(min(xa, xb, xc), 0.0) - 0.5)
        x1 = floor(min(max(xa, xb, xc), float(width)) - 0.5)
        y0 = ceil(max(min(ya, yb, yc), 0.0) - 0.5)
        y1 = floor(min(max(ya, yb, yc), float(height)) - 0.5)
        row = UINT(count)
        boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3], boxes[row, 4] = f, x0, x1, y0, y1
        count += (x0 <= x1) & (y0 <= y1)
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sides(screen: F64, faces: I32, boxes: I32, total: int, back: I32, behind: int) -> tuple[int, int]:
    """Keep in `boxes` the faces seen from the front that may cover a sample, append those from behind to `back`.

    The latter wait for last: on a closed surface what is in front hides them, and one look tells.
    """
    count = 0
    for row in range(total):
        at = UINT(row)
        f, x0, x1, y0, y1 = boxes[at, 0], boxes[at, 1], boxes[at, 2], boxes[at, 3], boxes[at, 4]
        i, j, k = UINT(faces[UINT(f), 0]), UINT(faces[UINT(f), 1]), UINT(faces[UINT(f), 2])
        xa, ya, xb, yb, xc, yc = screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0], screen[k, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        px, py = x0 + 0.5 - xa, y0 + 0.5 - ya
        b = (px * (yc - ya) - (xc - xa) * py) * area
        c = ((xb - xa) * py - px * (yb - ya)) * area
        inside = (b >= 0.0) & (c >= 0.0) & (b + c <= area * area * (1.0 + 1e-9))  # _fill decides to the last digit
        drawn = ((x0 < x1) | (y0 < y1) | inside) & (abs(area) > 1e-12)  # false for NaN
        at = UINT(count)
        boxes[at, 0], boxes[at, 1], boxes[at, 2], boxes[at, 3], boxes[at, 4] = f, x0, x1, y0, y1
        at = UINT(behind)
        back[at, 0], back[at, 1], back[at, 2], back[at, 3], back[at, 4] = f, x0, x1, y0, y1
        count += drawn & (area < 0.0)
        behind += drawn & (area > 0.0)
    return count, behind


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(
    screen: F64,
    faces: I32,
    boxes: I32,
    later: bool,
    uv: F32,
    alpha: F32,
    cutoff: float,
    limit: F32,
    near: F32,
    hit: I32,
) -> None:
    """Test the samples in the boxes against their faces and what lies there already.

    Of equally near faces the first is kept, whichever was drawn `later`.
    """
    masked, peeling = alpha.shape[0] > 0, limit.shape[0] > 0
    for row in range(len(boxes)):
        f, x0, x1, y0, y1 = boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3], boxes[row, 4]
        i, j, k = UINT(faces[UINT(f), 0]), UINT(faces[UINT(f), 1]), UINT(faces[UINT(f), 2])
        if later and _hidden(screen, near, i, j, k, x0, x1, y0, y1):
            continue
        xa, ya, xb, yb, xc, yc = screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0], screen[k, 1]
        inverse = 1.0 / ((xb - xa) * (yc - ya) - (xc - xa) * (yb - ya))
        step_b, step_c = (yc - ya) * inverse, (ya - yb) * inverse  # change of the weights of b and c per sample in x
        na, nb, nc = screen[i, 2], screen[j, 2] - screen[i, 2], screen[k, 2] - screen[i, 2]
        px = x0 + 0.5 - xa
        x, y = x1, y0 - 1
        row_b = row_c = 0.0
        for _ in range((x1 - x0 + 1) * (y1 - y0 + 1)):  # one loop over the box: small boxes end rows all the time
            x += 1
            if x > x1:
                x, y = x0, y + 1
                py = y + 0.5 - ya
                row_b = (px * (yc - ya) - (xc - xa) * py) * inverse
                row_c = ((xb - xa) * py - px * (yb - ya)) * inverse
            b = row_b + (x - x0) * step_b
            c = row_c + (x - x0) * step_c
            n = np.float32(na + b * nb + c * nc)
            if (b >= 0.0) & (c >= 0.0) & (b + c <= 1.0) & (n >= near[UINT(y), UINT(x)]):
                if n == near[UINT(y), UINT(x)] and not (later and f < hit[y, x]):
                    continue
                if peeling and n >= limit[y, x]:
                    continue
                if masked and _alpha_at(screen, uv, alpha, i, j, k, b, c) < cutoff:
                    continue
                near[UINT(y), UINT(x)] = n
                hit[UINT(y), UINT(x)] = f


@numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _hidden(screen: F64, near: F32, i: int, j: int, k: int, x0: int, x1: int, y0: int, y1: int) -> bool:
    """Whether every sample of the box holds something nearer than all of a face."""
    nearest = np.float32(max(screen[i, 2], screen[j, 2], screen[k, 2]))
    nearest += abs(nearest) * np.float32(2.0**-22)  # interpolating rounds
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            if nearest >= near[UINT(y), UINT(x)]:
                return False
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def depth_map(positions: F32, faces: I32, pose: F64, splat: bool, near: F32) -> None:
    """Keep in `near` (s, s) the greatest third coordinate of `pose` (3, 4) × position over the faces at texel centres.

    `splat` also draws each vertex into its texel. Points must project inside the map.
    """
    size = near.shape[0]
    local = np.empty((len(positions), 3), dtype=np.float32)
    for i in range(len(positions)):
        p = positions[i]
        for row in range(3):
            local[i, row] = pose[row, 0] * p[0] + pose[row, 1] * p[1] + pose[row, 2] * p[2] + pose[row, 3]
        if splat:
            x, y = min(max(int(local[i, 0]), 0), size - 1), min(max(int(local[i, 1]), 0), size - 1)
            near[y, x] = max(near[y, x], local[i, 2])
    for f in range(len(faces)):
        a, b, c = local[faces[f, 0]], local[faces[f, 1]], local[faces[f, 2]]
        x0 = max(0, int(min(a[0], b[0], c[0]) + 0.5))
        x1 = min(size - 1, int(max(a[0], b[0], c[0]) - 0.5))
        y0 = max(0, int(min(a[1], b[1], c[1]) + 0.5))
        y1 = min(size - 1, int(max(a[1], b[1], c[1]) - 0.5))
        if x1 < x0 or y1 < y0:  # most triangles of a dense mesh fall between texel centres
            continue
        bx, by, cx, cy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
        area = bx * cy - cx * by
        if area == 0.0:
            continue
        inverse = 1.0 / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = x + 0.5 - a[0], y + 0.5 - a[1]
                u, v = (px * cy - cx * py) * inverse, (bx * py - px * by) * inverse
                if u >= 0.0 and v >= 0.0 and u + v <= 1.0:
                    near[y, x] = max(near[y, x], np.float32(a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def creased_normals(positions: F32, faces: I32, crease: float, out: F32) -> None:
    """Corner normals (m, 3, 3): area-weighted over the vertex, or the face's own beyond the `crease` cosine."""
    flat = np.empty((len(faces), 3))
    summed = np.zeros((len(positions), 3))
    for f in range(len(faces)):
        a, b, c = positions[faces[f, 0]], positions[faces[f, 1]], positions[faces[f, 2]]
        flat[f, 0] = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        flat[f, 1] = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        flat[f, 2] = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        for corner in range(3):
            for axis in range(3):
                summed[faces[f, corner], axis] += flat[f, axis]
    for f in range(len(faces)):
        n = flat[f]
        own = 1.0 / max(sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]), 1e-30)
        for corner in range(3):
            s = summed[faces[f, corner]]
            scale = 1.0 / max(sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2]), 1e-30)
            smooth = (n[0] * s[0] + n[1] * s[1] + n[2] * s[2]) * own * scale >= crease
            for axis in range(3):
                out[f, corner, axis] = s[axis] * scale if smooth else n[axis] * own


@numba.njit(cache=True, nogil=True, error_model="numpy")
def encode_srgb(linear: F32, table: U8, out: U8) -> None:
    """Premultiplied linear (h, w, 4) to straight-alpha sRGB bytes by a table over [0, 1]."""
    top = len(table) - 1
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            alpha = linear[y, x, 3]
            if alpha > 0.0:
                for c in range(3):
                    out[y, x, c] = table[int(min(max(linear[y, x, c] / alpha, 0.0), 1.0) * top + 0.5)]
                out[y, x, 3] = np.uint8(min(alpha, 1.0) * 255.0 + 0.5)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _alpha_at(screen: F64, uv: F32, alpha: F32, i: int, j: int, k: int, b: float, c: float) -> Any:
    """Nearest alpha at a perspective-correct uv, repeating."""
    wa, wb, wc = (1.0 - b - c) * screen[i, 3], b * screen[j, 3], c * screen[k, 3]
    total = wa + wb + wc
    u = (wa * uv[i, 0] + wb * uv[j, 0] + wc * uv[k, 0]) / total
    v = (wa * uv[i, 1] + wb * uv[j, 1] + wc * uv[k, 1]) / total
    height, width = alpha.shape
    return alpha[min(int((v - floor(v)) * height), height - 1), min(int((u - floor(u)) * width), width - 1)]


def empty_buffers(height: int, width: int) -> tuple[F32, I32]:
    """A cleared pair (nearness, face index)."""
    return np.full((height, width), -np.inf, dtype=np.float32), np.full((height, width), -1, dtype=np.int32)
