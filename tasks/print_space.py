"""Coordinates as slicers read them: millimetres, Z up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError

MILLIMETRES = 1000.0
FARTHEST = 1e9  # mm; lib3mf refuses more, and no printer reaches it


def upright_millimetres(vertices: npt.NDArray[np.floating]) -> F32:
    """(n, 3) metres with Y up as millimetres with Z up: (x, y, z) becomes (x, −z, y) · 1000.

    Raises InputError `mesh.out-of-range` beyond a million metres.
    """
    metres = vertices.astype(np.float64)
    upright = np.stack([metres[:, 0], -metres[:, 2], metres[:, 1]], axis=1) * MILLIMETRES
    if len(upright) and float(np.abs(upright).max()) > FARTHEST:
        raise InputError(
            "mesh.out-of-range", f"a coordinate lies beyond {FARTHEST / MILLIMETRES:g} m, too far to print"
        )
    return upright.astype(np.float32)
