"""The nearest triangle of many points on a CUDA machine, through cubvh, behind the search that the CPU answers.

No GPU was at hand when this was written: it is tested against a stand-in with cubvh's interface that asks our own
hierarchy, and a test asks cubvh itself where CUDA and cubvh are there. The CPU stays the reference: cubvh works in
float32 and only names the triangle; the place on it, the distance and the sign are computed as without it.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import numpy as np

from ml.asset import I32
from tasks.topology import F64

# Not measured, for want of a GPU: far above where copying to the device and back could cost more than the CPU's search
# (about 1 µs a point).
MANY_POINTS = 200_000
LEAST_FACES = 9  # cubvh asserts more than eight
# cubvh (commit 7855c00) starts its search at a distance of 100, and float32 coordinates that far out are off by 4e-6 of
# the mesh's size: points farther out than this many units, in which the mesh spans 1 to 2, go to the CPU.
FARTHEST = 16.0


@cache
def cuda_ready() -> bool:
    """Whether torch sees a CUDA device and cubvh can be imported; False after a failing import of either."""
    if importlib.util.find_spec("cubvh") is None or importlib.util.find_spec("torch") is None:
        return False
    try:
        import cubvh  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
        import torch
    except (ImportError, OSError):  # built for another torch or driver
        return False
    return bool(torch.cuda.is_available())


def build_on_gpu(triangles: F64, count: int) -> Any:
    """cubvh's hierarchy over the first `count` triangles of a Bvh (leaves, 9, 8), or None for ones too few for it."""
    if count < LEAST_FACES:
        return None
    import cubvh

    corner, u, v = (triangles[:, 3 * k : 3 * k + 3].transpose(0, 2, 1).reshape(-1, 3)[:count] for k in range(3))
    soup = np.stack([corner, corner + u, corner + v], axis=1).reshape(-1, 3)
    return cubvh.cuBVH(soup.astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3))


def nearest_slots(hierarchy: Any, count: int, local: F64) -> I32:
    """(n,) number below `count` of the triangle nearest to each of (n, 3) points in local units.

    Exact but for float32: a triangle farther by some 1e-7 of the mesh's size may be named. −1 for points farther out
    than FARTHEST and wherever cubvh names none: those are the CPU's to answer.
    """
    import torch

    slots = np.full(len(local), -1, np.int32)
    near = np.flatnonzero(np.abs(local).max(axis=1, initial=0.0) <= FARTHEST)
    if len(near):
        asked = torch.from_numpy(np.ascontiguousarray(local[near], dtype=np.float32))
        _, face, _ = hierarchy.unsigned_distance(asked, return_uvw=False)
        named = face.cpu().numpy().astype(np.int64).reshape(-1)
        slots[near] = np.where((named >= 0) & (named < count), named, -1)
    return slots
