"""The marching-cubes case table, derived from the rules that make its surfaces closed manifolds."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

I8 = npt.NDArray[np.int8]

# Corner c of a cell lies at x = c & 1, y = c >> 1 & 1, z = c >> 2; edge e runs along axis e // 4 from corner EDGES[e].
EDGES = [(low, low | 1 << axis) for axis in range(3) for low in range(8) if not low >> axis & 1]


@cache
def case_table() -> tuple[I8, I8, I8]:
    """Triangles of each of the 256 cases as edge indices (256, 3·most), their number (256,), low corner of edges (12,).

    Inside corners are the set bits. On every cell face the inside corners are kept apart where the choice is
    ambiguous, the same from both sides, so surfaces of neighbouring cells always meet (Montani, Scateni & Scopigno
    1994); and no triangle side inside a cell runs along a cell face, where the neighbour could repeat it. Together
    with the one loop that passes each crossed edge, that makes every result a closed 2-manifold.
    """
    cases = [[triangle for loop in _loops(case) for triangle in _triangulate(loop)] for case in range(256)]
    most = max(len(case) for case in cases)
    table = np.full((256, 3 * most), -1, np.int8)
    for case, triangles in enumerate(cases):
        table[case, : 3 * len(triangles)] = np.array(triangles, np.int8).reshape(-1)
    counts = np.array([len(case) for case in cases], np.int8)
    return table, counts, np.array([low for low, _ in EDGES], np.int8)


@cache
def _cell_faces() -> list[list[int]]:
    """The corners of each cell face, counter-clockwise seen from outside."""
    faces = []
    for axis in range(3):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        ring = [0, u, u | v, v]
        faces += [ring[::-1], [corner | 1 << axis for corner in ring]]
    return faces


def _edge(a: int, b: int) -> int:
    return EDGES.index((min(a, b), max(a, b)))


def _loops(case: int) -> list[list[int]]:
    """The closed polygons of a case as crossed edges; seen from outside the solid they run clockwise."""
    follows = {}
    for ring in _cell_faces():
        for i in range(4):
            if case >> ring[i] & 1 and not case >> ring[(i + 1) % 4] & 1:
                start = i  # walk back to where this run of inside corners began
                while case >> ring[start - 1] & 1:
                    start -= 1
                follows[_edge(ring[i], ring[(i + 1) % 4])] = _edge(ring[start - 1], ring[start])
    loops = []
    while follows:
        loop = [min(follows)]
        while loop[0] != (following := follows.pop(loop[-1])):
            loop.append(following)
        loops.append(loop)
    return loops


def _triangulate(loop: list[int]) -> list[tuple[int, int, int]]:
    """The fan of a loop, turned counter-clockwise, around an apex whose diagonals all run through the cell."""
    sides = [{f for f, ring in enumerate(_cell_faces()) if set(EDGES[edge]) <= set(ring)} for edge in range(12)]
    for turn in range(len(loop)):
        fan = loop[turn:] + loop[:turn]
        if not any(sides[fan[0]] & sides[edge] for edge in fan[2:-1]):
            return [(fan[0], b, a) for a, b in pairwise(fan[1:])]
    raise AssertionError(f"no fan of {loop} keeps off the cell faces")
