"""Kernel that reads feature planes at places, bilinear between their samples."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def gather(planes: F32, bias: F32, points: F32, scale: float, out: F32) -> None:
    """out (n, h) becomes the bias and the features (3, r, r, h) of planes xy, xz and yz, summed, at (n, 3) points.

    `scale` brings points to [−1, 1]; sample i lies at (2·i + 1) / r − 1 there.
    """
    side = planes.shape[1]
    half, most = np.float32(0.5), np.float32(side - 1)
    for i in range(len(points)):
        row = out[i]
        for c in range(len(bias)):
            row[c] = bias[c]
        for plane in range(3):
            u = ((points[i, plane >> 1] * scale + np.float32(1.0)) * side - np.float32(1.0)) * half
            v = ((points[i, 1 + ((plane + 1) >> 1)] * scale + np.float32(1.0)) * side - np.float32(1.0)) * half
            u = min(u, most) if u > np.float32(0.0) else np.float32(0.0)  # so that NaN reads sample 0
            v = min(v, most) if v > np.float32(0.0) else np.float32(0.0)
            x, y = min(int(u), side - 2), min(int(v), side - 2)
            fx, fy = u - np.float32(x), v - np.float32(y)
            gx, gy = np.float32(1.0) - fx, np.float32(1.0) - fy
            a, b = planes[plane, y, x], planes[plane, y, x + 1]
            c_, d = planes[plane, y + 1, x], planes[plane, y + 1, x + 1]
            wa, wb, wc, wd = gx * gy, fx * gy, gx * fy, fx * fy
            for c in range(len(bias)):
                row[c] += wa * a[c] + wb * b[c] + wc * c_[c] + wd * d[c]
