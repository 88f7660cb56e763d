"""The bodies of an asset, the connected pieces it is put together from, and where they touch one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import I32, Asset
from ml.union_find import join, numbered
from tasks.bvh import build_bvh, closest_point
from tasks.self_intersections import self_intersections
from tasks.topology import F64, face_components, half_edges, weld

TOUCH = 0.005  # of the diagonal: bodies no farther apart than this hang together
MOST_NEAR = 400  # pairs of bodies whose gap is measured; beyond, only what intersects counts as touching


@dataclass(frozen=True)
class Bodies:
    """Faces over welded points, each with its body and its part."""

    points: F64  # (n, 3) metres, welded within each part
    faces: I32  # (m, 3)
    label: I32  # (m,) body of each face, −1 for one without an edge
    owner: I32  # (m,) part of each face
    vertex: tuple[I32, ...]  # per part (n,): the welded point of each of its vertices
    body: I32  # (n,) body of each welded point, −1 where no face uses it
    diagonal: float  # metres

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.label.max(initial=-1)) + 1

    def box(self, body: int) -> F64:
        """(2, 3) corners of one body in metres."""
        own = self.points[self.body == body]
        return np.stack([own.min(axis=0), own.max(axis=0)])

    def of_parts(self, indices: tuple[int, ...]) -> set[int]:
        """The bodies that faces of these parts belong to."""
        return {int(b) for b in np.unique(self.label[np.isin(self.owner, indices)]) if b >= 0}

    def parts_of(self, bodies: set[int]) -> set[int]:
        """The parts that faces of these bodies belong to."""
        return {int(p) for p in np.unique(self.owner[np.isin(self.label, list(bodies))])}


def find_bodies(asset: Asset) -> Bodies:
    """The bodies of an asset; raises InputError `mesh.no-faces`.

    Faces hang together over edges within a part, welded by position, and over an edge where exactly one face of each
    of two parts meets: so closed parts that touch stay two bodies, and a scan cut into materials is one.
    """
    low, high = asset.bounds()
    points, faces, vertex, start = [], [], [], 0
    for part in asset.parts:
        kept, own, inverse = weld(part.vertices.astype(np.float64), part.faces)
        points.append(kept)
        faces.append(own + start)
        vertex.append((inverse + start).astype(np.int32))
        start += len(kept)
    merged, joined = np.concatenate(points), np.concatenate(faces).astype(np.int32)
    owner = np.repeat(np.arange(len(asset.parts), dtype=np.int32), [len(part.faces) for part in asset.parts])
    label = face_components(joined, *half_edges(joined, len(merged)))
    label = _across_parts(merged, joined, owner, label)
    body = np.full(len(merged), -1, np.int32)
    body[joined[label >= 0]] = label[label >= 0][:, None]
    return Bodies(merged, joined, label, owner, tuple(vertex), body, float(np.linalg.norm(high - low)))


def _across_parts(points: F64, faces: I32, owner: I32, label: I32) -> I32:
    """Labels joined where two parts share an edge that is open in each, numbered anew."""
    _, welded, _ = weld(points, faces)
    offsets, halves = half_edges(welded, len(points))
    first = offsets[:-1][np.diff(offsets) == 2]
    f, g = halves[first] // 3, halves[first + 1] // 3
    across = owner[f] != owner[g]
    parent = np.arange(int(label.max(initial=-1)) + 1, dtype=np.int32)
    for a, b in np.unique(np.stack([label[f[across]], label[g[across]]], axis=1), axis=0):
        if a >= 0 and b >= 0:
            join(parent, a, b)
    number, _ = numbered(parent)
    result: I32 = np.where(label >= 0, number[label] if len(number) else label, -1).astype(np.int32)
    return result


Links = dict[tuple[int, int], F64]  # (lower body, higher body) → (k, 3) places where they touch


def find_links(bodies: Bodies) -> Links:
    """Where bodies touch: the middle of each two triangles' common box where they intersect, or else the places where
    they are closest, where that is within TOUCH of the diagonal.
    """
    found = self_intersections(bodies.points, bodies.faces).pairs
    a, b = bodies.label[found[:, 0]], bodies.label[found[:, 1]]
    apart = (a != b) & (a >= 0) & (b >= 0)
    found, a, b = found[apart], a[apart], b[apart]
    corners = bodies.points[bodies.faces[found]]  # (k, 2, 3, 3)
    low, high = corners.min(axis=2).max(axis=1), corners.max(axis=2).min(axis=1)
    middle = (low + high) / 2
    keys = np.minimum(a, b).astype(np.int64) * bodies.count + np.maximum(a, b)
    links: Links = {}
    for key in np.unique(keys).tolist():
        links[key // bodies.count, key % bodies.count] = middle[keys == key]
    near = _near_boxes(bodies, TOUCH * bodies.diagonal)
    for pair in near if len(near) <= MOST_NEAR else []:
        if pair not in links:
            found_gap = gap(bodies, *pair)
            if found_gap.distance <= TOUCH * bodies.diagonal:
                links[pair] = found_gap.places
    return links


def _near_boxes(bodies: Bodies, reach: float) -> list[tuple[int, int]]:
    boxes = np.stack([bodies.box(k) for k in range(bodies.count)])
    low, high = boxes[:, 0] - reach / 2, boxes[:, 1] + reach / 2
    meet = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
    first, second = np.nonzero(np.triu(meet, 1))
    return [(int(i), int(j)) for i, j in zip(first, second, strict=True)]


@dataclass(frozen=True)
class Gap:
    """How far apart two bodies are, metres."""

    distance: float
    places: F64  # (k, 3) the corners of either that are closest to the other
    step: F64  # (3,) from the first body to the second, where they are closest


def gap(bodies: Bodies, a: int, b: int) -> Gap:
    """The gap from the corners of either body to the surface of the other; where surfaces cross it is no measure."""
    best = Gap(np.inf, np.zeros((1, 3)), np.zeros(3))
    for one, other, sign in ((a, b, 1.0), (b, a, -1.0)):
        corners = bodies.points[bodies.body == one]
        faces = bodies.faces[bodies.label == other]
        face, barycentric, distance = closest_point(build_bvh(bodies.points, faces), corners)
        at = int(distance.argmin())
        if distance[at] < best.distance:
            places = corners[distance <= distance[at] + 0.1 * TOUCH * bodies.diagonal]
            step = barycentric[at] @ bodies.points[faces[face[at]]] - corners[at]
            best = Gap(float(distance[at]), places, sign * step)
    return best
