"""How large a part is in its texture and in the world: what tells how many texels lie on a square metre."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import F32, I32, Part
from tasks.topology import F64, face_cross


def texel_areas(part: Part) -> tuple[float, float]:
    """Sum of the faces' areas in uv and in square metres; zeros without UVs."""
    if part.uv is None:
        return 0.0, 0.0
    areas = _areas(part.vertices.astype(np.float64), part.uv, part.faces)
    return float(areas[0]), float(areas[1])


@njit(cache=True, nogil=True)
def _areas(vertices: F64, uv: F32, faces: I32) -> F64:
    total = np.zeros(2)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        du, dv, eu, ev = uv[j, 0] - uv[i, 0], uv[j, 1] - uv[i, 1], uv[k, 0] - uv[i, 0], uv[k, 1] - uv[i, 1]
        total[0] += 0.5 * abs(float(du) * ev - float(eu) * dv)
        x, y, z = face_cross(vertices, i, j, k)
        total[1] += 0.5 * np.sqrt(x * x + y * y + z * z)
    return total
