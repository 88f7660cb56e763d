"""Winding: faces of a component turned to agree with each other, and closed components turned outward."""

from __future__ import annotations

import numpy as np
from numba import njit

from ml.asset import I32
from tasks.topology import F64, Bool, face_components, half_edges

# Inward components tested for being cavities, largest first; each test walks all faces once (30 ms for 200k).
MAX_CAVITY_TESTS = 64


def winding_flips(points: F64, faces: I32) -> tuple[Bool, int]:
    """Which faces (m,) to reverse so that winding is consistent and closed components look outward; how many
    components that touches.

    Agreement spreads over edges with exactly two faces; the larger side by area keeps its winding. An inward closed
    component stays inward when an odd number of closed components encloses it: it is the wall of a cavity. One-sided
    surfaces (a Möbius strip) keep the seam they must have.
    """
    offsets, halves = half_edges(faces, len(points))
    labels = face_components(faces, offsets, halves)
    count = int(labels.max(initial=-1)) + 1
    flips = _agreement(faces, offsets, halves)
    a, b, c = (points[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    area = np.sqrt(np.einsum("ij,ij->i", cross, cross))
    counted = labels >= 0
    minority = _sums(labels, np.where(flips, area, -area), count) > 0.0
    flips[counted] ^= minority[labels[counted]]
    origin = points[faces[0, 0]] if len(faces) else np.zeros(3)
    volume = _sums(labels, np.einsum("ij,ij->i", a - origin, cross) * np.where(flips, -1.0, 1.0), count)
    inward = _closed_components(faces, offsets, halves, labels, flips, count) & (volume < 0.0)
    if inward.any():
        closed = _closed_components(faces, offsets, halves, labels, flips, count)
        inward &= ~_cavities(points, faces, labels, closed, inward, np.abs(volume))
        flips[counted] ^= inward[labels[counted]]
    touched = _sums(labels, flips.astype(np.float64), count) > 0.0
    return flips, int(touched.sum())


def _sums(labels: I32, values: F64, count: int) -> F64:
    counted = labels >= 0
    totals: F64 = np.bincount(labels[counted], values[counted], minlength=count).astype(np.float64)
    return totals


def _closed_components(faces: I32, offsets: I32, halves: I32, labels: I32, flips: Bool, count: int) -> Bool:
    """(count,) True where every edge has two faces that run along it in opposite directions once flipped."""
    sizes = np.diff(offsets)
    closed = np.ones(count, np.bool_)
    closed[labels[halves[np.repeat(sizes != 2, sizes)] // 3]] = False
    first = offsets[:-1][sizes == 2]
    g, h = halves[first], halves[first + 1]
    same = faces[g // 3, g % 3] == faces[h // 3, h % 3]
    closed[labels[(g // 3)[same ^ flips[g // 3] ^ flips[h // 3]]]] = False
    return closed


def _cavities(points: F64, faces: I32, labels: I32, closed: Bool, inward: Bool, size: F64) -> Bool:
    """(count,) True for inward components that an odd number of larger closed components encloses."""
    low, high = np.full((len(closed), 3), np.inf), np.full((len(closed), 3), -np.inf)
    counted = labels >= 0
    for corner in range(3):
        np.minimum.at(low, labels[counted], points[faces[counted, corner]])
        np.maximum.at(high, labels[counted], points[faces[counted, corner]])
    cavity = np.zeros(len(closed), np.bool_)
    candidates = np.flatnonzero(inward)
    for component in candidates[np.argsort(-size[candidates], kind="stable")][:MAX_CAVITY_TESTS]:
        around = closed & (size > size[component])
        around &= (low < low[component]).all(axis=1) & (high > high[component]).all(axis=1)
        if around.any():
            inside = np.flatnonzero(counted & around[labels])
            angles = _solid_angles(points[faces[inside]] - points[faces[np.argmax(labels == component), 0]])
            turns = np.bincount(labels[inside], angles, minlength=len(closed)) / (4.0 * np.pi)
            cavity[component] = int((np.abs(turns) > 0.5).sum()) % 2 == 1
    return cavity


def _solid_angles(corners: F64) -> F64:
    """Signed solid angle of triangles (m, 3, 3) seen from the origin (Van Oosterom & Strackee 1983)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    la, lb, lc = (np.sqrt(np.einsum("ij,ij->i", v, v)) for v in (a, b, c))
    ab, bc, ca = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
    top = np.einsum("ij,ij->i", a, np.cross(b, c))
    angles: F64 = 2.0 * np.arctan2(top, la * lb * lc + ab * lc + bc * la + ca * lb)
    return angles


@njit(cache=True, nogil=True)
def _agreement(faces: I32, offsets: I32, halves: I32) -> Bool:
    """(m,) True where a face must be reversed to agree with the first face of its component, spread breadth first."""
    partner = np.full(3 * len(faces), -1, np.int32)
    for e in range(len(offsets) - 1):
        if offsets[e + 1] - offsets[e] == 2:
            g, h = halves[offsets[e]], halves[offsets[e] + 1]
            partner[g], partner[h] = h, g
    flips = np.zeros(len(faces), np.bool_)
    seen = np.zeros(len(faces), np.bool_)
    queue = np.empty(len(faces), np.int32)
    for root in range(len(faces)):
        if seen[root]:
            continue
        seen[root] = True
        queue[0] = root
        head, tail = 0, 1
        while head < tail:
            f = queue[head]
            head += 1
            for k in range(3):
                h = partner[3 * f + k]
                if h >= 0 and not seen[h // 3]:
                    seen[h // 3] = True
                    flips[h // 3] = flips[f] ^ (faces[f, k] == faces[h // 3, h % 3])
                    queue[tail] = h // 3
                    tail += 1
    return flips
