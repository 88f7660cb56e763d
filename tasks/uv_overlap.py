"""Whether a flattened chart overlaps itself: no face flipped, no vertex wound twice, no rim crossing another."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64

FULL_TURN = 2.0 * np.pi + 1e-6


@njit(cache=True, nogil=True)
def overlaps(flat: F64, corners: I32, rims: I32) -> bool:
    """Whether the faces `corners` (k, 3) over `flat` (n, 2), counter-clockwise, with rim half-edges `rims` overlap.

    An immersion of a connected surface whose rims map to curves without a crossing is one to one: the number of sheets
    changes by one across each rim and is zero far away. Immersed means: no face flipped, faces turn at most once about
    a vertex.
    """
    angle = np.zeros(len(flat))
    for i in range(len(corners)):
        for k in range(3):
            a, b, c = corners[i, k], corners[i, (k + 1) % 3], corners[i, (k + 2) % 3]
            ux, uy = flat[b, 0] - flat[a, 0], flat[b, 1] - flat[a, 1]
            vx, vy = flat[c, 0] - flat[a, 0], flat[c, 1] - flat[a, 1]
            cross = ux * vy - uy * vx
            if not cross > 0.0:
                return True
            angle[a] += np.arctan2(cross, ux * vx + uy * vy)
    for v in range(len(flat)):
        if angle[v] > FULL_TURN:
            return True
    return bool(_rims_cross(flat, corners, rims))


@njit(cache=True, nogil=True)
def _rims_cross(flat: F64, corners: I32, rims: I32) -> bool:
    """Sweep over the rim edges along the axis on which the chart is longer."""
    count = len(rims)
    axis = 0 if np.ptp(flat[:, 0]) >= np.ptp(flat[:, 1]) else 1
    ends = np.empty((count, 2), np.int32)
    box = np.empty((count, 4))
    for r in range(count):
        i, k = rims[r] // 3, rims[r] % 3
        a, b = corners[i, k], corners[i, (k + 1) % 3]
        ends[r, 0], ends[r, 1] = a, b
        box[r, 0], box[r, 1] = min(flat[a, axis], flat[b, axis]), max(flat[a, axis], flat[b, axis])
        box[r, 2], box[r, 3] = min(flat[a, 1 - axis], flat[b, 1 - axis]), max(flat[a, 1 - axis], flat[b, 1 - axis])
    order = np.argsort(box[:, 0])
    for s in range(count):
        p = order[s]
        for t in range(s + 1, count):
            q = order[t]
            if box[q, 0] > box[p, 1]:
                break
            if box[q, 2] <= box[p, 3] and box[q, 3] >= box[p, 2] and _cross(flat, ends[p], ends[q]):
                return True
    return False


@njit(cache=True, nogil=True)
def _turn(flat: F64, a: int, b: int, c: int) -> float:
    ux, uy = flat[b, 0] - flat[a, 0], flat[b, 1] - flat[a, 1]
    return float(ux * (flat[c, 1] - flat[a, 1]) - uy * (flat[c, 0] - flat[a, 0]))


@njit(cache=True, nogil=True)
def _same(flat: F64, a: int, b: int) -> bool:
    return bool(a == b or (flat[a, 0] == flat[b, 0] and flat[a, 1] == flat[b, 1]))


@njit(cache=True, nogil=True)
def _cross(flat: F64, p: I32, q: I32) -> bool:
    """Whether two rim edges cross or touch other than at common ends, or run together with the chart on one side."""
    a, b, c, d = p[0], p[1], q[0], q[1]
    starts, ends = _same(flat, a, c), _same(flat, b, d)
    if starts or ends or _same(flat, a, d) or _same(flat, b, c):
        return bool(starts and ends)
    across, along = _turn(flat, a, b, c) * _turn(flat, a, b, d), _turn(flat, c, d, a) * _turn(flat, c, d, b)
    return bool(across <= 0.0 and along <= 0.0)
