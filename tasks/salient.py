"""Points on the sharp edges of a surface, which uniform samples miss: the salient part of a shape model's input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, InputError
from tasks.farthest_points import farthest_points
from tasks.sampling import Samples, bend_cosine, checked, empty_samples, face_areas, mix, unit_normals
from tasks.topology import F64, I64, face_cross, half_edges, weld

LEANING = 0.985  # 9.9°
SHARP_DEGREES = 15.0  # Dora's (Chen et al. 2024); 30 in cubvh's and meshiki's examples


def salient_samples(
    vertices: npt.ArrayLike, faces: I32, count: int, angle_deg: float = SHARP_DEGREES, seed: int = 0
) -> Samples:
    """Exactly `count` points on the edges of faces (m, 3) over vertices (n, 3) whose faces meet at a sharp angle.

    Dora's rule (Chen et al. 2024, §3.2): an edge is salient when its faces' normals differ by more than `angle_deg`.
    Its endpoints come first, each once; when they are fewer than `count`, the rest is spread along the edges evenly
    by length; when they are more, farthest-point sampling keeps `count`. Vertices are joined by position, so that an
    edge whose vertices a file has split still counts; open edges and faces without area have no angle, and a face
    wound against its neighbour is measured as if it were not. A normal is the mean of the two faces', at an endpoint
    of all salient edges there. Raises what `uniform_samples` does, and `sampling.no-sharp-edges`.
    """
    cosine = np.cos(np.radians(angle_deg))
    points, triangles, offsets, halves = _welded(vertices, faces, count)
    sharp, lean = _sharp_edges(points, triangles, offsets, halves, cosine)
    if not len(sharp):
        raise InputError("sampling.no-sharp-edges", f"no two faces meet at more than {angle_deg:g} degrees")
    return _on_edges(points, triangles, sharp, lean, count, seed)


def leaning_samples(vertices: npt.ArrayLike, faces: I32, count: int, cosine: float = LEANING, seed: int = 0) -> Samples:
    """As `salient_samples`, by the rule of Hunyuan3D 2.1's data preparation (`sharp_sample_pointcloud`).

    A vertex is sharp when the normal of one of its faces and its own, the mean of its faces' by the angles of their
    corners (Thürmer & Wüthrich 1998), have a dot product below `cosine`; an edge is salient when both its ends are
    sharp. So it takes edges between two creases too, and gentler bends. Raises what
    `salient_samples` does.
    """
    points, triangles, offsets, halves = _welded(vertices, faces, count)
    sharp, lean = _leaning_edges(points, triangles, offsets, halves, cosine)
    if not len(sharp):
        raise InputError(
            "sampling.no-sharp-edges", f"no edge has two ends where a normal's product is below {cosine:g}"
        )
    return _on_edges(points, triangles, sharp, lean, count, seed)


def _welded(vertices: npt.ArrayLike, faces: I32, count: int) -> tuple[F64, I32, I32, I32]:
    """Vertices joined by position, faces, and their half-edges."""
    points, triangles = checked(vertices, faces, count)
    face_areas(points, triangles)
    points, triangles, _ = weld(points, triangles)
    return points, triangles, *half_edges(triangles, len(points))


def _on_edges(points: F64, faces: I32, sharp: I32, lean: F64, count: int, seed: int) -> Samples:
    """Exactly `count` points on these half-edges (s,), with their normals (s, 3): the endpoints, then along."""
    corners, normals = _endpoints(faces, sharp, lean, len(points))
    state = int(mix(np.uint64((seed + 0x9E3779B97F4A7C15) % 2**64)))  # mix(0) is 0: no start for a seed
    if len(corners) >= count:
        ends = points[faces.reshape(-1)[corners]]
        chosen = farthest_points(ends, count, state % len(ends))
        corners, normals = corners[chosen], normals[chosen]
    samples = empty_samples(count)
    out = samples.points, samples.normals, samples.faces, samples.barycentric
    _along(points, faces, sharp, lean, corners, normals, state / 2.0**64, *out)
    return samples


@njit(cache=True, nogil=True)
def _leaning_edges(points: F64, faces: I32, offsets: I32, halves: I32, cosine: float) -> tuple[I32, F64]:
    """The first half (s,) of each edge between two vertices that lean from one of their faces, and the sum (s, 3) of
    the vertices' normals. Faces without area have no say.
    """
    normals, own = unit_normals(points, faces), np.zeros((len(points), 3))
    for f in range(len(faces)):
        for k in range(3):
            a, b, c = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
            angle = _corner_angle(points, a, b, c)
            for axis in range(3):
                own[a, axis] += angle * normals[f, axis]
    for v in range(len(points)):
        length = np.sqrt(own[v, 0] ** 2 + own[v, 1] ** 2 + own[v, 2] ** 2)
        if length > 0.0:
            own[v] /= length
    leans = np.zeros(len(points), np.bool_)
    for f in range(len(faces)):
        x, y, z = normals[f, 0], normals[f, 1], normals[f, 2]
        if x * x + y * y + z * z > 0.5:
            for k in range(3):
                v = faces[f, k]
                leans[v] |= own[v, 0] * x + own[v, 1] * y + own[v, 2] * z < cosine
    sharp, lean, count = np.empty(len(offsets) - 1, np.int32), np.empty((len(offsets) - 1, 3)), 0
    for e in range(len(offsets) - 1):
        h = halves[offsets[e]]
        a, b = faces[h // 3, h % 3], faces[h // 3, (h % 3 + 1) % 3]
        if leans[a] and leans[b]:
            sharp[count] = h
            for axis in range(3):
                lean[count, axis] = own[a, axis] + own[b, axis]
            count += 1
    return sharp[:count].copy(), lean[:count].copy()


@njit(cache=True, nogil=True)
def _corner_angle(points: F64, a: int, b: int, c: int) -> float:
    """The angle at a, in radians."""
    x, y, z = face_cross(points, a, b, c)
    dot = 0.0
    for axis in range(3):
        dot += (points[b, axis] - points[a, axis]) * (points[c, axis] - points[a, axis])
    return float(np.arctan2(np.sqrt(x * x + y * y + z * z), dot))


@njit(cache=True, nogil=True)
def _sharp_edges(points: F64, faces: I32, offsets: I32, halves: I32, cosine: float) -> tuple[I32, F64]:
    """The first half (s,) of each salient edge and the sum (s, 3) of its two faces' normals.

    Where more than two faces meet, the first and the one that leans most from it count. 1e-9: the angles of a
    regular prism lie on either side of the threshold by rounding alone.
    """
    normals = unit_normals(points, faces)
    sharp = np.empty(len(offsets) - 1, np.int32)
    lean = np.empty((len(offsets) - 1, 3))
    count = 0
    for e in range(len(offsets) - 1):
        g, least, other = halves[offsets[e]], cosine - 1e-9, -1
        for i in range(offsets[e] + 1, offsets[e + 1]):
            h = halves[i]
            dot = bend_cosine(normals, faces, g, h)
            if dot < least:
                least, other = dot, h
        if other < 0:
            continue
        sign = -1.0 if faces[g // 3, g % 3] == faces[other // 3, other % 3] else 1.0
        for axis in range(3):
            lean[count, axis] = normals[g // 3, axis] + sign * normals[other // 3, axis]
        sharp[count] = g
        count += 1
    return sharp[:count].copy(), lean[:count].copy()


@njit(cache=True, nogil=True)
def _endpoints(faces: I32, sharp: I32, lean: F64, vertex_count: int) -> tuple[I64, F64]:
    """A corner (3·face + corner) of each vertex on a salient edge, by first edge, and the sum of the edges' normals."""
    known = np.full(vertex_count, -1, np.int32)
    corners = np.empty(2 * len(sharp), np.int64)
    normals = np.zeros((2 * len(sharp), 3))
    count = 0
    for s in range(len(sharp)):
        f, k = sharp[s] // 3, sharp[s] % 3
        for corner in (k, (k + 1) % 3):
            v = faces[f, corner]
            if known[v] < 0:
                known[v] = count
                corners[count] = 3 * f + corner
                count += 1
            for axis in range(3):
                normals[known[v], axis] += lean[s, axis]
    return corners[:count].copy(), normals[:count].copy()


@njit(cache=True, nogil=True)
def _along(
    points: F64,
    faces: I32,
    sharp: I32,
    lean: F64,
    corners: I64,
    normals: F64,
    phase: float,
    out: F32,
    normal: F32,
    owner: I32,
    barycentric: F32,
) -> None:
    """The endpoints, then points at equal steps along the edges laid end to end, the first `phase` of a step in."""
    count = len(out)
    for i in range(len(corners)):
        _place(points, faces, corners[i], 0.0, normals[i], out[i], normal[i], barycentric[i])
        owner[i] = corners[i] // 3
    length = np.empty(len(sharp))
    for s in range(len(sharp)):
        a, b = faces[sharp[s] // 3, sharp[s] % 3], faces[sharp[s] // 3, (sharp[s] % 3 + 1) % 3]
        x, y, z = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        length[s] = np.sqrt(x * x + y * y + z * z)
    step = length.sum() / max(count - len(corners), 1)
    s, end = 0, length[0]
    for i in range(len(corners), count):
        target = (i - len(corners) + phase) * step
        while target >= end and s + 1 < len(sharp):
            s += 1
            end += length[s]
        share = min(max(1.0 - (end - target) / length[s], 0.0), 1.0)
        _place(points, faces, sharp[s], share, lean[s], out[i], normal[i], barycentric[i])
        owner[i] = sharp[s] // 3


@njit(cache=True, nogil=True)
def _place(points: F64, faces: I32, half: int, share: float, lean: F64, out: F32, normal: F32, weights: F32) -> None:
    """One sample at `share` of the way along a half-edge; where the normals cancel out it has its face's."""
    f, k = half // 3, half % 3
    a, b, c = faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]
    x, y, z = lean[0], lean[1], lean[2]
    if x * x + y * y + z * z < 1e-12:
        x, y, z = face_cross(points, a, b, c)
    scale = 1.0 / np.sqrt(x * x + y * y + z * z)
    normal[0], normal[1], normal[2] = x * scale, y * scale, z * scale
    for axis in range(3):
        out[axis] = (1.0 - share) * points[a, axis] + share * points[b, axis]
    weights[k], weights[(k + 1) % 3] = 1.0 - share, share
