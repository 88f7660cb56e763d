"""What unwrapping knows of a mesh: faces laid flat, who lies across an edge, and a chart as a small mesh of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import I32
from ml.union_find import join
from tasks.topology import F64, face_cross, half_edges

Bool = npt.NDArray[np.bool_]

# Cotangents of 1.1° and of 89.4°: a positive weight keeps the system solvable where triangles are obtuse (a clamped
# Laplacian still has isometries as its minimum), and one sliver must not outweigh all its neighbours.
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 50.0
MOST_SHEETS = 4  # pairs of faces that are told apart at one edge, which bounds the work at fans of thousands


@dataclass(frozen=True)
class FlatMesh:
    """A welded mesh without degenerate faces, scaled to a unit box."""

    points: F64  # (n, 3)
    faces: I32  # (m, 3)
    across: I32  # (m, 3) half-edge beyond the edge that leaves each corner, −1 at rims
    normals: F64  # (m, 3) of length one
    areas: F64  # (m,)
    rest: F64  # (m, 3) x1, x2, y2: the face in the plane, corners at (0, 0), (x1, 0) and (x2, y2)
    weights: F64  # (m, 3) half the cotangent opposite the edge that leaves each corner, within limits

    def part(self, kept: I32, label: I32) -> FlatMesh:
        """The faces `kept` (k,) alone, those with different labels (k,) apart."""
        place = np.full(len(self.faces), -1, np.int64)
        place[kept] = np.arange(len(kept))
        across = self.across[kept]
        other = np.where(across >= 0, place[across // 3], -1)
        same = (other >= 0) & (label[other] == label[:, None])
        across = np.where(same, 3 * other + across % 3, -1).astype(np.int32)
        normals, areas, rest, weights = (a[kept] for a in (self.normals, self.areas, self.rest, self.weights))
        return FlatMesh(self.points, self.faces[kept], across, normals, areas, rest, weights)


def flat_mesh(points: F64, faces: I32) -> FlatMesh:
    """The mesh of (n, 3) points in any unit and (m, 3) faces, none of which is degenerate."""
    used = points[faces.reshape(-1)]
    low = used.min(axis=0)
    scaled = np.ascontiguousarray((points - low) / max(float((used.max(axis=0) - low).max()), 1e-300))
    normals, areas, rest, weights = _laid_flat(scaled, faces)
    across = _across(faces, *half_edges(faces, len(points)), normals)
    return FlatMesh(scaled, faces, across, normals, areas, rest, weights)


@njit(cache=True, nogil=True)
def _across(faces: I32, offsets: I32, halves: I32, normals: F64) -> I32:
    """Faces that wind alike across an edge; of more than two (the back of a card, a fin) those that bend least."""
    across = np.full((len(faces), 3), -1, np.int32)
    for e in range(len(offsets) - 1):
        for _ in range(min((offsets[e + 1] - offsets[e]) // 2, MOST_SHEETS)):
            least, g, h = -2.0, -1, -1
            for i in range(offsets[e], min(offsets[e + 1], offsets[e] + 2 * MOST_SHEETS)):
                for j in range(offsets[e], i):
                    p, q = halves[i], halves[j]
                    free = across[p // 3, p % 3] < 0 and across[q // 3, q % 3] < 0
                    if free and faces[p // 3, p % 3] != faces[q // 3, q % 3]:
                        dot = (normals[p // 3] * normals[q // 3]).sum()
                        if dot > least:
                            least, g, h = dot, p, q
            if g >= 0:
                across[g // 3, g % 3] = h
                across[h // 3, h % 3] = g
    return across


@njit(cache=True, nogil=True)
def _laid_flat(points: F64, faces: I32) -> tuple[F64, F64, F64, F64]:
    """Normals, areas, shapes in the plane and edge weights."""
    count = len(faces)
    normals, areas = np.zeros((count, 3)), np.zeros(count)
    rest, weights = np.zeros((count, 3)), np.empty((count, 3))
    for f in range(count):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = face_cross(points, a, b, c)
        double = max(np.sqrt(x * x + y * y + z * z), 1e-300)
        normals[f, 0], normals[f, 1], normals[f, 2] = x / double, y / double, z / double
        areas[f] = 0.5 * double
        u, v = points[b] - points[a], points[c] - points[a]
        uu, uv, vv = (u * u).sum(), (u * v).sum(), (v * v).sum()
        rest[f, 0] = np.sqrt(uu)
        rest[f, 1] = uv / rest[f, 0]
        rest[f, 2] = double / rest[f, 0]
        # The angle at corner c is opposite edge a→b, which leaves corner 0; its cotangent is dot / (twice the area).
        dots = (vv - uv, uv, uu - uv)
        for k in range(3):
            weights[f, k] = 0.5 * min(max(dots[k] / double, LEAST_WEIGHT), MOST_WEIGHT)
    return normals, areas, rest, weights


@njit(cache=True, nogil=True)
def chart_mesh(own: I32, across: I32, joined: Bool, weights: F64, place: I32) -> tuple[I32, int, I32, F64, I32]:
    """A chart's faces `own` (k,) as a mesh over vertices of its own: corners (k, 3), vertex count, edges (e, 2), their
    weights (e,), and rim half-edges 3·i + corner (r,) in which i counts `own`.

    Corners are one vertex only where `joined` edges (m, 3) connect them, so that a chart which meets itself along a
    seam or at a point stays cut there. `place` (m,) is scratch that needs no clearing.
    """
    count = len(own)
    for i in range(count):
        place[own[i]] = i
    parent = np.arange(3 * count).astype(np.int32)
    edges, values = np.empty((3 * count, 2), np.int32), np.empty(3 * count)
    rims = np.empty(3 * count, np.int32)
    made = rim = 0
    for i in range(count):
        f = own[i]
        for k in range(3):
            other = across[f, k]
            if not joined[f, k]:
                rims[rim] = 3 * i + k
                rim += 1
            elif other > 3 * f + k:
                g, j = place[other // 3], other % 3
                join(parent, 3 * i + k, 3 * g + (j + 1) % 3)
                join(parent, 3 * i + (k + 1) % 3, 3 * g + j)
                edges[made, 0], edges[made, 1] = 3 * i + k, 3 * i + (k + 1) % 3
                values[made] = weights[f, k] + weights[other // 3, j]
                made += 1
    for r in range(rim):
        i, k = rims[r] // 3, rims[r] % 3
        edges[made, 0], edges[made, 1] = 3 * i + k, 3 * i + (k + 1) % 3
        values[made] = weights[own[i], k]
        made += 1
    corners = np.empty((count, 3), np.int32)
    label = np.empty(3 * count, np.int32)
    vertices = 0
    for c in range(3 * count):
        if parent[c] == c:
            label[c] = vertices
            vertices += 1
        else:
            label[c] = label[parent[c]]
        corners[c // 3, c % 3] = label[c]
    for e in range(made):
        edges[e, 0], edges[e, 1] = label[edges[e, 0]], label[edges[e, 1]]
    return corners, vertices, edges[:made].copy(), values[:made].copy(), rims[:rim].copy()
