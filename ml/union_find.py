"""Union-find in kernels: sets of numbers that grow together, and their consecutive numbers."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32


@njit(cache=True, nogil=True)
def join(parent: I32, i: int, j: int) -> None:
    """Unite two sets of a union-find forest (kernel code), the lower root on top."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    while parent[j] != j:
        parent[j] = parent[parent[j]]
        j = parent[j]
    parent[max(i, j)] = min(i, j)


@njit(cache=True, nogil=True)
def numbered(parent: I32) -> tuple[I32, int]:
    """(n,) the sets of a forest whose roots are their lowest members, numbered by these, and how many there are."""
    number = np.empty(len(parent), np.int32)
    count = 0
    for i in range(len(parent)):
        if parent[i] == i:
            number[i] = count
            count += 1
        else:
            number[i] = number[parent[i]]
    return number, count
