"""A mesh that shrinks by edge collapses: its corner lists, curves and quadrics, made afresh now and then."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import I32
from tasks.quadric import vertex_quadrics
from tasks.topology import F64, I64, Bool, half_edges

I8 = npt.NDArray[np.int8]

FREE, CURVE, FIXED = 0, 1, 2  # kinds of vertices: anywhere, inside a border or seam line, where such lines end or meet


class Mesh(NamedTuple):
    """What a state is made from; see State for the fields."""

    points: F64
    faces: I32
    wedges: I32
    values: F64
    strayed: F64
    names: I32
    origin: I32


class State(NamedTuple):
    """The mesh while it shrinks; corners h = 3·face + k of each vertex form a linked list of live faces only."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    wedges: I32  # (m, 3) row of `values` at each corner; where it differs across an edge, the mesh has a seam
    values: F64  # (w, d) attributes
    quadrics: F64  # (n, TERMS)
    errors: F64  # (n,) of each vertex's quadric at the vertex
    alive: Bool  # (m,)
    head: I32  # (n,) first corner, −1 for a vertex that is gone
    tail: I32  # (n,)
    following: I32  # (3m,)
    kind: I8  # (n,) FREE, CURVE or FIXED
    stamp: I32  # (n,) changes with the vertex
    mark: I64  # (n,) scratch
    strayed: F64  # (n,) about how far the surface had moved here when the quadrics were last made
    names: I32  # (n,) the vertex as its caller numbers it
    origin: I32  # (m,) the face as its caller numbers it
    counts: I64  # [0] the last mark given, [1] collapses in the log
    log: I32  # (c, 2) names of the kept and the removed vertex of each collapse; (0, 2) where nobody asked for it
    places: F64  # (c, 3) where the kept vertex went


def shrinking(points: F64, faces: I32, wedges: I32, values: F64, logged: bool = False) -> State:
    """The state before the first collapse; of the arrays given it changes `values` alone.

    Coordinates are expected to be of order one. A row of `values` belongs to one vertex.
    """
    rows = len(points) if logged else 0
    mesh = Mesh(
        points.copy(), faces.copy(), wedges.copy(), values, np.zeros(len(points)), _count(points), _count(faces)
    )
    return _fresh(mesh, np.zeros(2, np.int64), np.zeros((rows, 2), np.int32), np.zeros((rows, 3)))


def restarted(state: State) -> State:
    """What is left as a mesh of its own, its quadrics made anew from the faces as they are.

    Forgetting the planes of faces long gone places vertices better (Lindstrom & Turk 1998, 'memoryless'), and short
    arrays are faster to walk. The state given is used up.
    """
    kept, alive = np.flatnonzero(state.head >= 0), state.alive
    rank = np.empty(len(state.head), np.int32)
    rank[kept] = _count(kept)
    mesh = Mesh(
        state.points[kept],
        rank[state.faces[alive]],
        state.wedges[alive],
        state.values,
        _strayed(state)[kept],
        state.names[kept],
        state.origin[alive],
    )
    return _fresh(mesh, state.counts, state.log, state.places, bool(state.kind.any()))


def _count(rows: npt.NDArray[Any]) -> I32:
    return np.arange(len(rows), dtype=np.int32)


def _fresh(mesh: Mesh, counts: I64, log: I32, places: F64, seamed: bool = True) -> State:
    """A state over these arrays; a mesh without a curve stays one, so that its edges need no look (`seamed`)."""
    points, faces, wedges, values, strayed, names, origin = mesh
    offsets, halves = half_edges(faces, len(points)) if seamed else (np.zeros(1, np.int32), np.zeros(0, np.int32))
    curve = _curve_edges(faces, wedges, offsets, halves)
    head, tail, following = _corner_lists(faces, len(points))
    counts[0] = 0
    return State(
        points=points,
        faces=faces,
        wedges=wedges,
        values=values,
        quadrics=vertex_quadrics(points, faces, offsets, halves, curve == 1),
        errors=np.zeros(len(points)),
        alive=np.ones(len(faces), np.bool_),
        head=head,
        tail=tail,
        following=following,
        kind=_kinds(faces, offsets, halves, curve, len(points)),
        stamp=np.zeros(len(points), np.int32),
        mark=np.zeros(len(points), np.int64),
        strayed=strayed,
        names=names,
        origin=origin,
        counts=counts,
        log=log,
        places=places,
    )


@njit(cache=True, nogil=True)
def _strayed(state: State) -> F64:
    """(n,) about how far the surface has moved at each vertex: the root mean square distance to its planes adds up."""
    strayed = state.strayed.copy()
    for v in range(len(strayed)):
        weight = state.quadrics[v, 10]
        if state.head[v] >= 0 and weight > 0.0:
            strayed[v] += math.sqrt(state.errors[v] / weight)
    return strayed


@njit(cache=True, nogil=True)
def _curve_edges(faces: I32, wedges: I32, offsets: I32, halves: I32) -> I8:
    """(e,) 1 for edges without exactly two faces or along a seam, 2 where both faces run the same way, 0 inside."""
    curve = np.zeros(len(offsets) - 1, np.int8)
    for e in range(len(curve)):
        g, h = halves[offsets[e]], halves[offsets[e + 1] - 1]
        gf, gk, hf, hk = g // 3, g % 3, h // 3, h % 3
        if offsets[e + 1] - offsets[e] != 2:
            curve[e] = 1
        elif faces[gf, gk] == faces[hf, hk]:
            same = wedges[gf, gk] == wedges[hf, hk] and wedges[gf, (gk + 1) % 3] == wedges[hf, (hk + 1) % 3]
            curve[e] = 2 if same else 1
        elif wedges[gf, gk] != wedges[hf, (hk + 1) % 3] or wedges[gf, (gk + 1) % 3] != wedges[hf, hk]:
            curve[e] = 1
    return curve


@njit(cache=True, nogil=True)
def _kinds(faces: I32, offsets: I32, halves: I32, curve: I8, vertex_count: int) -> I8:
    """FREE off all curves, CURVE between two edges of one, else FIXED."""
    degree = np.zeros(vertex_count, np.int32)
    for e in range(len(curve)):
        if curve[e]:
            h = halves[offsets[e]]
            degree[faces[h // 3, h % 3]] += 1
            degree[faces[h // 3, (h % 3 + 1) % 3]] += 1
    kinds = np.zeros(vertex_count, np.int8)
    for v in range(vertex_count):
        if degree[v]:
            kinds[v] = CURVE if degree[v] == 2 else FIXED
    return kinds


@njit(cache=True, nogil=True)
def _corner_lists(faces: I32, vertex_count: int) -> tuple[I32, I32, I32]:
    head, tail = np.full(vertex_count, -1, np.int32), np.full(vertex_count, -1, np.int32)
    following = np.full(3 * len(faces), -1, np.int32)
    for h in range(3 * len(faces)):
        v = faces[h // 3, h % 3]
        if head[v] < 0:
            head[v] = h
        else:
            following[tail[v]] = h
        tail[v] = h
    return head, tail, following
