"""Rims of charts: straightened, what was cut off given away, and crumbs taken in."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from ml.union_find import join, numbered
from tasks.charts import edge_lengths, grouped
from tasks.topology import F64
from tasks.uv_mesh import FlatMesh

SWEEPS = 12  # over all rims; each moves a rim by a face or two
NEAR = 16  # faces around one that vote on where it belongs
FACING = 1.0  # votes that a face loses for a cluster it looks away from, times 1 − cosine
NEARNESS = 1.0  # votes it loses for lying off a cluster's centre, times the square in radii: it makes charts convex
CRUMB, CUT_OFF = 0.01, 0.5  # of a neighbour's area, below which a whole cluster, and a piece cut off one, goes over


def tidied(mesh: FlatMesh, label: I32) -> I32:
    """The clusters with straighter rims and without crumbs, numbered by first face, each of them connected."""
    smooth: I32 = _smoothed(mesh.points, mesh.faces, mesh.across, mesh.normals, mesh.areas, label)
    connected, count = _connected(smooth, mesh.across)
    whole: I32 = _absorbed(
        connected,
        count,
        _limits(connected, count, smooth, mesh.areas),
        mesh.across,
        mesh.areas,
        edge_lengths(mesh.points, mesh.faces),
    )
    return whole


@njit(cache=True, nogil=True)
def _smoothed(points: F64, faces: I32, across: I32, normals: F64, areas: F64, label: I32) -> I32:
    """Faces at a rim go over to the cluster that fits them best by what lies around, by normal and by distance."""
    label = label.copy()
    sums = np.zeros((label.max() + 1, 7))  # area times normal, area times centre, area
    rows = np.empty((len(label), 7))
    for f in range(len(label)):
        for axis in range(3):
            centre = (points[faces[f, 0], axis] + points[faces[f, 1], axis] + points[faces[f, 2], axis]) / 3.0
            rows[f, axis], rows[f, 3 + axis] = areas[f] * normals[f, axis], areas[f] * centre
        rows[f, 6] = areas[f]
        sums[label[f]] += rows[f]
    ring = np.empty(NEAR, np.int32)
    weight = np.zeros(len(sums))
    for _ in range(SWEEPS):
        moved = 0
        for f in range(len(label)):
            rim = False
            for k in range(3):
                rim |= across[f, k] >= 0 and label[across[f, k] // 3] != label[f]
            if not rim:
                continue
            near = _neighbourhood(across, f, ring)
            total = 0.0
            for i in range(near):
                weight[label[ring[i]]] += areas[ring[i]]
                total += areas[ring[i]]
            best, most = label[f], weight[label[f]] / total - _misfit(sums[label[f]], rows[f]) + 1e-3
            for k in range(3):
                j = label[across[f, k] // 3] if across[f, k] >= 0 else best
                fit = weight[j] / total - _misfit(sums[j], rows[f])
                if fit > most:
                    most, best = fit, j
            for i in range(near):
                weight[label[ring[i]]] = 0.0
            if best != label[f]:
                sums[label[f]] -= rows[f]
                sums[best] += rows[f]
                label[f] = best
                moved += 1
        if moved == 0:
            break
    return label


@njit(cache=True, nogil=True)
def _misfit(cluster: F64, row: F64) -> float:
    """How far a face looks away from a cluster's mean normal and lies from its centre, in radii of a disc as large."""
    length = np.sqrt(cluster[0] ** 2 + cluster[1] ** 2 + cluster[2] ** 2)
    cosine = (cluster[0] * row[0] + cluster[1] * row[1] + cluster[2] * row[2]) / max(length * row[6], 1e-300)
    apart = 0.0
    for axis in range(3, 6):
        apart += (cluster[axis] / max(cluster[6], 1e-300) - row[axis] / row[6]) ** 2
    return float(FACING * (1.0 - cosine) + NEARNESS * apart / max(cluster[6] / np.pi, 1e-300))


@njit(cache=True, nogil=True)
def _neighbourhood(across: I32, face: int, ring: I32) -> int:
    """The faces nearest over edges, the face itself first, into `ring`; their number."""
    ring[0] = face
    count, at = 1, 0
    while at < count:
        for k in range(3):
            other = across[ring[at], k] // 3
            known = across[ring[at], k] < 0
            for i in range(count):
                known |= ring[i] == other
            if not known:
                ring[count] = other
                count += 1
                if count == len(ring):
                    return count
        at += 1
    return count


@njit(cache=True, nogil=True)
def _connected(label: I32, across: I32) -> tuple[I32, int]:
    """(m,) connected piece of equal labels, numbered by first face, and their number."""
    parent = np.arange(len(label)).astype(np.int32)
    for f in range(len(label)):
        for k in range(3):
            if across[f, k] > 3 * f + k and label[across[f, k] // 3] == label[f]:
                join(parent, f, across[f, k] // 3)
    pieces: tuple[I32, int] = numbered(parent)
    return pieces


@njit(cache=True, nogil=True)
def _limits(piece: I32, count: int, label: I32, areas: F64) -> F64:
    """Share of a neighbour's area below which each piece becomes part of it: larger for what was cut off a cluster."""
    size = np.zeros(count)
    largest = np.full(label.max() + 1, -1, np.int32)
    for f in range(len(label)):
        size[piece[f]] += areas[f]
    limits = np.full(count, CUT_OFF)
    for f in range(len(label)):
        best = largest[label[f]]
        if best < 0 or size[piece[f]] > size[best]:
            largest[label[f]] = piece[f]
    for i in largest:
        if i >= 0:
            limits[i] = CRUMB
    return limits


@njit(cache=True, nogil=True)
def _absorbed(label: I32, count: int, limits: F64, across: I32, areas: F64, lengths: F64) -> I32:
    """Clusters far smaller than the neighbour with which they share most of their rim become part of it."""
    size = np.zeros(count)
    for f in range(len(label)):
        size[label[f]] += areas[f]
    start, order = grouped(label, count)
    target = np.arange(count).astype(np.int32)
    shared = np.zeros(count)
    for i in range(count):
        best, most = -1, 0.0
        for g in range(2):  # sums the rim by neighbour, then clears the sums
            for s in range(start[i], start[i + 1]):
                f = order[s]
                for k in range(3):
                    if across[f, k] < 0 or label[across[f, k] // 3] == i:
                        continue
                    j = label[across[f, k] // 3]
                    if g:
                        shared[j] = 0.0
                        continue
                    shared[j] += lengths[f, k]
                    if shared[j] > most and size[i] < limits[i] * size[j]:
                        best, most = j, shared[j]
        if best >= 0:
            target[i] = best  # of strictly larger area: no circles
    for i in range(count):
        while target[target[i]] != target[i]:
            target[i] = target[target[i]]
    whole = np.empty(len(label), np.int32)
    number = np.full(count, -1, np.int32)
    made = 0
    for f in range(len(label)):
        i = target[label[f]]
        if number[i] < 0:
            number[i] = made
            made += 1
        whole[f] = number[i]
    return whole
