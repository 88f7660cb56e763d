"""Fans: the faces around a vertex, joined over edges; one with two is not manifold, and holes run from fan to fan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ml.asset import I32
from ml.union_find import join
from tasks.predicates import PLANE_ERROR
from tasks.topology import F64, I64, Bool, face_cross


@dataclass(frozen=True)
class Rims:
    """The holes of a mesh, as the half-edges with one face around each."""

    halves: I32  # (r,) half-edges, hole by hole, each hole's in the order in which they run
    start: I32  # (k + 1,) where each hole begins in them
    ordered: Bool  # (k,) False where the order is lost: three faces on an edge, or faces wound against each other
    perimeters: F64  # (k,) m
    boundaries: int  # closed curves that bound the surface once it has one vertex a fan: holes that touch are one


def corner_fans(faces: I32, offsets: I32, halves: I32) -> tuple[I32, int]:
    """Fan of each corner (3m,), numbered by first corner (−1 in faces with a repeated index), and how many there are.

    Two corners at one vertex are in one fan when a chain of faces that share edges there leads from one to the other.
    A closed or bounded surface has one fan a vertex; two cones that meet in their tips have two there.
    """
    fans, count = _corner_fans(faces, offsets, halves)
    return fans, count


def nonmanifold_vertices(faces: I32, fans: I32, vertex_count: int) -> int:
    """How many vertices have more than one fan."""
    return int(_split_vertices(faces, fans, vertex_count))


def plain_vertices(points: F64, faces: I32, offsets: I32, halves: I32) -> Bool:
    """(n,) True where the fan is a closed ring that surely lies once around the vertex, seen along one of the axes.

    Faces of such a fan meet in nothing but their common corners and edges: seen along that axis they do not overlap.
    """
    plain: Bool = _plain(points, faces, _open_ends(faces, offsets, halves, len(points)))
    return plain


def rims(points: F64, faces: I32, offsets: I32, halves: I32, fans: I32) -> Rims:
    """The holes of faces (m, 3) over points (n, 3) in metres, from their half-edges and fans.

    A rim passes from edge to edge inside a fan, so sheets that touch in a vertex keep theirs apart; where it comes back
    to a vertex it is cut there, so holes that touch in a vertex are two.
    """
    rim = halves[offsets[:-1][np.diff(offsets) == 1]]
    ahead = rim - rim % 3 + (rim + 1) % 3  # the corner at the half-edge's other end
    count = int(fans.max(initial=-1)) + 1
    curve = joined(fans[rim], fans[ahead], count)
    curves = int(curve.max(initial=-1)) + 1
    leaving, broken = _chains(fans[rim], fans[ahead], curve, curves, count)
    group = np.argsort(curve, kind="stable")
    first = np.searchsorted(curve[group], np.arange(curves + 1))
    corners = faces.reshape(-1)
    order, start, ordered = _trace(corners[rim], fans[ahead], leaving, broken, group, first, len(points))
    ends = points[corners[ahead[order]]] - points[corners[rim[order]]]
    totals = np.append(0.0, np.cumsum(np.sqrt(np.einsum("ij,ij->i", ends, ends))))
    return Rims(rim[order], start, ordered, np.diff(totals[start]), curves)


def joined(start: I32, end: I32, count: int) -> I32:
    """Which connected set each link (r,) between nodes `start` and `end` below `count` is in, by first link."""
    labels: I32 = _joined(start, end, count)
    return labels


@njit(cache=True, nogil=True)
def _corner_fans(faces: I32, offsets: I32, halves: I32) -> tuple[I32, int]:
    fans = np.arange(3 * len(faces)).astype(np.int32)
    for e in range(len(offsets) - 1):
        for i in range(offsets[e] + 1, offsets[e + 1]):
            g, h = halves[i - 1], halves[i]
            g_end, h_end = g - g % 3 + (g + 1) % 3, h - h % 3 + (h + 1) % 3
            if faces[g // 3, g % 3] == faces[h // 3, h % 3]:
                join(fans, g, h)
                join(fans, g_end, h_end)
            else:
                join(fans, g, h_end)
                join(fans, g_end, h)
    count = 0
    for f in range(len(faces)):
        solid = faces[f, 0] != faces[f, 1] and faces[f, 1] != faces[f, 2] and faces[f, 2] != faces[f, 0]
        for c in range(3 * f, 3 * f + 3):
            if not solid:
                fans[c] = -1
            elif fans[c] == c:
                fans[c] = count
                count += 1
            else:
                fans[c] = fans[fans[c]]  # a parent is an earlier corner, already numbered
    return fans, count


@njit(cache=True, nogil=True)
def _split_vertices(faces: I32, fans: I32, vertex_count: int) -> int:
    first = np.full(vertex_count, -1, np.int32)
    split = np.zeros(vertex_count, np.bool_)
    for c in range(len(fans)):
        v = faces[c // 3, c % 3]
        if fans[c] >= 0:
            if first[v] < 0:
                first[v] = fans[c]
            elif first[v] != fans[c]:
                split[v] = True
    return int(split.sum())


@njit(cache=True, nogil=True)
def _joined(start: I32, end: I32, count: int) -> I32:
    parent = np.arange(count).astype(np.int32)
    for i in range(len(start)):
        join(parent, start[i], end[i])
    number = np.full(count, -1, np.int32)
    labels = np.empty(len(start), np.int32)
    sets = 0
    for i in range(len(start)):
        root = start[i]
        while parent[root] != root:
            root = parent[root]
        if number[root] < 0:
            number[root] = sets
            sets += 1
        labels[i] = number[root]
    return labels


@njit(cache=True, nogil=True)
def _open_ends(faces: I32, offsets: I32, halves: I32, vertex_count: int) -> Bool:
    """(n,) True at the ends of edges that have not just two faces, wound against each other along it."""
    ends = np.zeros(vertex_count, np.bool_)
    for e in range(len(offsets) - 1):
        g, h = halves[offsets[e]], halves[offsets[e + 1] - 1]
        if offsets[e + 1] - offsets[e] != 2 or faces[g // 3, g % 3] == faces[h // 3, h % 3]:
            ends[faces[g // 3, g % 3]] = ends[faces[g // 3, (g + 1) % 3]] = True
    return ends


@njit(cache=True, nogil=True)
def _plain(points: F64, faces: I32, open_ends: Bool) -> Bool:
    """All faces around a vertex turn the same way in the projection, and one of them passes over the half-line from
    the vertex along the projection's first axis: ring and winding number are one.
    """
    total = np.zeros((len(points), 3))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        for k in range(3):
            total[faces[f, k], 0] += x
            total[faces[f, k], 1] += y
            total[faces[f, k], 2] += z
    bad, passes = open_ends.copy(), np.zeros(len(points), np.int32)
    turn = np.empty(3)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for axis in range(3):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            left = (points[a, i] - points[c, i]) * (points[b, j] - points[c, j])
            right = (points[a, j] - points[c, j]) * (points[b, i] - points[c, i])
            sure = abs(left - right) > PLANE_ERROR * (abs(left) + abs(right))
            turn[axis] = left - right if sure else 0.0
        for k in range(3):
            v, p, q = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            axis = 0
            for other in range(1, 3):
                if abs(total[v, other]) > abs(total[v, axis]):
                    axis = other
            if turn[axis] * total[v, axis] <= 0.0:
                bad[v] = True
            second = (axis + 2) % 3
            if turn[axis] < 0.0:
                p, q = q, p
            passes[v] += points[p, second] < points[v, second] <= points[q, second]
    plain: Bool = ~bad & (passes == 1)
    return plain


@njit(cache=True, nogil=True)
def _chains(begin: I32, end: I32, curve: I32, curves: int, fans: int) -> tuple[I32, Bool]:
    """The rim edge that leaves each fan, and for which curves that is not one after the other."""
    leaving, entering = np.full(fans, -1, np.int32), np.zeros(fans, np.int32)
    broken = np.zeros(curves, np.bool_)
    for i in range(len(begin)):
        broken[curve[i]] |= leaving[begin[i]] >= 0
        leaving[begin[i]] = i
        entering[end[i]] += 1
    for i in range(len(begin)):
        broken[curve[i]] |= leaving[end[i]] < 0 or entering[begin[i]] != 1
    return leaving, broken


@njit(cache=True, nogil=True)
def _trace(
    vertex: I32, end: I32, leaving: I32, broken: Bool, group: I64, first: I64, vertices: int
) -> tuple[I32, I32, Bool]:
    """Order of the rim edges, where each hole starts, and whether it is in order; edges of one curve are those of a
    run of `group` from `first` on, each leaves `vertex` and enters fan `end`.
    """
    order, start = np.empty(len(group), np.int32), np.zeros(len(group) + 1, np.int32)
    ordered = np.ones(len(group), np.bool_)
    place, stack = np.full(vertices, -1, np.int32), np.empty(len(group) + 1, np.int32)
    filled = holes = 0
    for c in range(len(broken)):
        if broken[c]:
            order[filled : filled + first[c + 1] - first[c]] = group[first[c] : first[c + 1]]
            filled += first[c + 1] - first[c]
            ordered[holes] = False
            holes += 1
            start[holes] = filled
            continue
        j, top = group[first[c]], 0
        for _ in range(first[c + 1] - first[c] + 1):
            v = vertex[j]
            if place[v] >= 0:  # back at v: what ran since is a hole of its own
                bottom = place[v]
                for k in range(bottom, top):
                    place[vertex[stack[k]]] = -1
                    order[filled] = stack[k]
                    filled += 1
                top = bottom
                holes += 1
                start[holes] = filled
            place[v], stack[top] = top, j
            top, j = top + 1, leaving[end[j]]
        place[v] = -1
    return order, start[: holes + 1].copy(), ordered[:holes].copy()
