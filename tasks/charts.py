"""Charts: faces clustered by how far their normals spread, compact and never across a sharp bend."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from ml.union_find import numbered
from tasks.topology import F64, I64
from tasks.uv_mesh import FlatMesh

# 1 − |mean normal|: 0.5 is a hemisphere. Relaxation flattens that much: on ten bench meshes 0.25 and 0.55 stretch alike
# (L² 1.001, worst 2–3) at a third fewer charts, and what the gaps between charts take is in use. 0.05 gave 140 charts
# where this gives 40.
SPREAD = 0.55
SHAPE = 1.0  # what a union costs for its rim, per area of its smaller half, when it is as round as a disc
SHARP = 0.05  # cosine between mean normals below which no two unite: 87°, so that a box falls into its sides
LONG = 3.0  # rim² / (4π area) beyond which no union grows, 1 for a disc: longer charts fill a square badly
FOUR_PI = 4.0 * np.pi
ROUNDS = 100  # of mutual best unions; each takes away about a third of the clusters, 40 are enough for a million


def cluster(mesh: FlatMesh, spread: float) -> I32:
    """(m,) cluster of each face, numbered by first face.

    Hierarchical face clustering (Garland, Willmott & Heckbert 2001) with the L2,1 error of variational shape
    approximation (Cohen-Steiner, Alliez & Desbrun 2004): uniting clusters of area-weighted normal sums N costs
    2·(|Nᵢ| + |Nⱼ| − |Nᵢ + Nⱼ|), plus a penalty for a rim that is long for its area. Instead of a queue, all pairs that
    are each other's best unite in one round, so that the cost is linear.
    """
    labels: I32 = _cluster(mesh.across, mesh.normals, mesh.areas, edge_lengths(mesh.points, mesh.faces), spread)
    return labels


@njit(cache=True, nogil=True)
def edge_lengths(points: F64, faces: I32) -> F64:
    """(m, 3) length of the edge that leaves each corner."""
    lengths = np.empty((len(faces), 3))
    for f in range(len(faces)):
        for k in range(3):
            d = points[faces[f, (k + 1) % 3]] - points[faces[f, k]]
            lengths[f, k] = np.sqrt((d * d).sum())
    return lengths


@njit(cache=True, nogil=True)
def _cluster(across: I32, normals: F64, areas: F64, lengths: F64, spread: float) -> I32:
    count = len(areas)
    label = np.arange(count).astype(np.int32)
    sums = np.empty((count, 5))  # normal sum, area, rim
    first, second = np.empty(3 * count // 2 + 1, np.int32), np.empty(3 * count // 2 + 1, np.int32)
    shared = np.empty(3 * count // 2 + 1)
    pairs = 0
    for f in range(count):
        for axis in range(3):
            sums[f, axis] = areas[f] * normals[f, axis]
        sums[f, 3], sums[f, 4] = areas[f], lengths[f].sum()
        for k in range(3):
            if across[f, k] > 3 * f + k:
                first[pairs], second[pairs], shared[pairs] = f, across[f, k] // 3, lengths[f, k]
                pairs += 1
    for _ in range(ROUNDS):
        best = _best_partners(first, second, shared, pairs, sums, spread)
        target = np.arange(len(sums)).astype(np.int32)
        united = 0
        for i in range(len(sums)):
            j = best[i]
            if j > i and best[j] == i:
                target[j] = i
                united += 1
        if united == 0:
            break
        sums, pairs = _unite(target, sums, first, second, shared, pairs, label)
    return label


@njit(cache=True, nogil=True)
def _jitter(i: int, j: int) -> float:
    """0.9–1.1 by a hash of the pair: on regular meshes equal costs would let pairs unite one after the other."""
    x = np.uint64(i) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(j)
    x = (x ^ (x >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(32)
    return 0.9 + 0.2 * np.float64(x & np.uint64(0xFFFF)) / 65536.0


@njit(cache=True, nogil=True)
def _cost(sums: F64, i: int, j: int, shared: float, spread: float) -> float:
    """What uniting two clusters costs; infinite beyond the spread."""
    x, y, z = sums[i, 0] + sums[j, 0], sums[i, 1] + sums[j, 1], sums[i, 2] + sums[j, 2]
    length = np.sqrt(x * x + y * y + z * z)
    area = sums[i, 3] + sums[j, 3]
    if length < (1.0 - spread) * area:
        return np.inf
    first = np.sqrt(sums[i, 0] ** 2 + sums[i, 1] ** 2 + sums[i, 2] ** 2)
    second = np.sqrt(sums[j, 0] ** 2 + sums[j, 1] ** 2 + sums[j, 2] ** 2)
    if length * length < first * first + second * second + 2.0 * SHARP * first * second:
        return np.inf
    rim = max(sums[i, 4] + sums[j, 4] - 2.0 * shared, 0.0)
    round_i, round_j = sums[i, 4] ** 2 / sums[i, 3], sums[j, 4] ** 2 / sums[j, 3]
    uneven = rim * rim / area / FOUR_PI
    if uneven > LONG and uneven > max(round_i, round_j) / FOUR_PI:
        return np.inf
    small = min(sums[i, 3], sums[j, 3])
    return float(max(2.0 * (first + second - length), 0.0) + SHAPE * small * spread * uneven)


@njit(cache=True, nogil=True)
def _best_partners(first: I32, second: I32, shared: F64, pairs: int, sums: F64, spread: float) -> I32:
    best = np.full(len(sums), -1, np.int32)
    least = np.full(len(sums), np.inf)
    for e in range(pairs):
        i, j = first[e], second[e]
        cost = _cost(sums, i, j, shared[e], spread) * _jitter(min(i, j), max(i, j))
        if cost < least[i]:
            least[i], best[i] = cost, j
        if cost < least[j]:
            least[j], best[j] = cost, i
    return best


@njit(cache=True, nogil=True)
def _unite(target: I32, sums: F64, first: I32, second: I32, shared: F64, pairs: int, label: I32) -> tuple[F64, int]:
    """Sums of the united clusters, renumbered, rims less what is shared; labels and pairs follow, in place."""
    number, count = numbered(target)  # the target is the lower of the two
    made = np.zeros((count, 5))
    for i in range(len(target)):
        made[number[i]] += sums[i]
    for f in range(len(label)):
        label[f] = number[label[f]]
    kept = 0
    for e in range(pairs):
        i, j = number[first[e]], number[second[e]]
        if i == j:
            made[i, 4] -= 2.0 * shared[e]
        else:
            first[kept], second[kept], shared[kept] = min(i, j), max(i, j), shared[e]
            kept += 1
    return made, _joined_pairs(first, second, shared, kept, count)


@njit(cache=True, nogil=True)
def _joined_pairs(first: I32, second: I32, shared: F64, pairs: int, count: int) -> int:
    """One entry for each pair of clusters, in place: bucketed by the lower one, found again by a mark."""
    start = np.zeros(count + 1, np.int64)
    for e in range(pairs):
        start[first[e] + 1] += 1
    for i in range(count):
        start[i + 1] += start[i]
    cursor = start.copy()
    other, length = np.empty(pairs, np.int32), np.empty(pairs)
    for e in range(pairs):
        other[cursor[first[e]]], length[cursor[first[e]]] = second[e], shared[e]
        cursor[first[e]] += 1
    seen: I64 = np.full(count, -1, np.int64)
    made = 0
    for i in range(count):
        begin = made
        for e in range(start[i], start[i + 1]):
            j = other[e]
            if seen[j] >= begin:
                shared[seen[j]] += length[e]
            else:
                seen[j] = made
                first[made], second[made], shared[made] = i, j, length[e]
                made += 1
    return made


@njit(cache=True, nogil=True)
def grouped(label: I32, count: int) -> tuple[I64, I32]:
    """Faces by label: starts (count + 1,) into order (m,)."""
    start = np.zeros(count + 1, np.int64)
    for f in range(len(label)):
        start[label[f] + 1] += 1
    for i in range(count):
        start[i + 1] += start[i]
    cursor = start.copy()
    order = np.empty(len(label), np.int32)
    for f in range(len(label)):
        order[cursor[label[f]]] = f
        cursor[label[f]] += 1
    return start, order
