"""Space carving: how far inside every view's silhouette each node of a grid lies."""

from __future__ import annotations

from math import floor

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def carve(distance: F32, projection: F64, focal: float, perspective: bool, low: F64, step: float, field: F32) -> None:
    """Lower `field` (x, y, z nodes at low + step·index) to one view's signed silhouette distance, in metres.

    `distance` (h, w) is in pixels, positive inside; `projection` as View.projection gives. Nodes outside the picture
    or behind the camera are outside the object, by at least a step a pixel.
    """
    height, width = distance.shape
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            for k in range(field.shape[2]):
                if field[i, j, k] < -4.0 * step:  # already far outside: no view brings it back
                    continue
                x, y, z = low[0] + step * i, low[1] + step * j, low[2] + step * k
                p = projection
                scale = p[3, 0] * x + p[3, 1] * y + p[3, 2] * z + p[3, 3]
                if scale <= 1e-9:
                    field[i, j, k] = -8.0 * step
                    continue
                u = (p[0, 0] * x + p[0, 1] * y + p[0, 2] * z + p[0, 3]) / scale
                v = (p[1, 0] * x + p[1, 1] * y + p[1, 2] * z + p[1, 3]) / scale
                if not (u >= 0.0 and v >= 0.0 and u < width - 1 and v < height - 1):
                    field[i, j, k] = -8.0 * step
                    continue
                iu, iv = floor(u), floor(v)
                fu, fv = u - iu, v - iv
                top = distance[iv, iu] * (1.0 - fu) + distance[iv, iu + 1] * fu
                bottom = distance[iv + 1, iu] * (1.0 - fu) + distance[iv + 1, iu + 1] * fu
                metres = (top * (1.0 - fv) + bottom * fv) / focal
                if perspective:
                    metres *= scale
                field[i, j, k] = min(field[i, j, k], np.float32(metres))
