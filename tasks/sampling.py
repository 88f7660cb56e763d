"""Points on a surface: spread evenly over its area, or more of them where it bends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, InputError
from tasks.topology import F64, face_cross, half_edges

UINT = np.uintp  # an unsigned index needs no test for one counted from the end


@dataclass(frozen=True)
class Samples:
    """k places on a mesh."""

    points: F32  # (k, 3) in the mesh's frame and unit
    normals: F32  # (k, 3) unit: of the face, or where an edge was sampled the mean of those that meet there
    faces: I32  # (k,) a face each point lies on
    barycentric: F32  # (k, 3) weights of that face's corners


def uniform_samples(vertices: npt.ArrayLike, faces: I32, count: int, seed: int = 0) -> Samples:
    """`count` points uniform over the area of faces (m, 3) over vertices (n, 3), in the order of the faces.

    The faces' areas laid end to end are cut into `count` equal strata, and each point is uniform in its stratum
    (stratified sampling: Cochran 1977, §5). Every place is as likely as every other, as with independent points, but
    a face of area a holds within one of count·a/total of them in the mean of both ends. Faces without area get none.
    Raises InputError `mesh.no-faces`, `mesh.no-area`, `mesh.bad-index`, `mesh.not-finite`, `sampling.bad-count`.
    """
    points, triangles = checked(vertices, faces, count)
    return _spread(points, triangles, face_areas(points, triangles), count, seed)


def curvature_samples(vertices: npt.ArrayLike, faces: I32, count: int, seed: int = 0, share: float = 0.5) -> Samples:
    """As `uniform_samples`, with `share` (0 to 1) of the points by curvature instead of area; the rest by area.

    The curvature of a face is that of its edges, half of each: its length times the angle between the normals that
    meet there, the integral of the mean curvature over it (Cohen-Steiner & Morvan 2003), so that a finer mesh of the
    same shape gets the same points. Only edges between two faces bend. A flat mesh is sampled by area.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError("sampling.bad-share", f"share {share} is not between 0 and 1")
    points, triangles = checked(vertices, faces, count)
    weights = face_areas(points, triangles)
    bend = _face_bends(points, triangles, *half_edges(triangles, len(points)))
    bend[weights == 0.0] = 0.0
    if bend.sum() > 0.0:
        weights = weights * ((1.0 - share) / weights.sum()) + bend * (share / bend.sum())
    return _spread(points, triangles, weights, count, seed)


def checked(vertices: npt.ArrayLike, faces: I32, count: int) -> tuple[F64, I32]:
    """The mesh as kernels take it; raises InputError `sampling.bad-count`, `mesh.no-faces`, `mesh.bad-index`."""
    points = np.ascontiguousarray(vertices, dtype=np.float64).reshape(-1, 3)
    triangles = np.ascontiguousarray(faces, dtype=np.int32).reshape(-1, 3)
    if not 0 < count < 2**31:
        raise InputError("sampling.bad-count", f"{count} points cannot be taken")
    if not len(triangles):
        raise InputError("mesh.no-faces", "the mesh has no faces to sample")
    if triangles.min() < 0 or triangles.max() >= len(points):
        raise InputError("mesh.bad-index", f"face indices outside {len(points)} vertices")
    return points, triangles


def face_areas(points: F64, faces: I32) -> F64:
    """(m,) areas; raises InputError `mesh.not-finite` or `mesh.no-area`."""
    areas: F64
    areas, total = _areas(points, faces)
    if not np.isfinite(total):
        raise InputError("mesh.not-finite", "vertices in use are NaN or infinite, or too large to have an area")
    if not total > 0.0:
        raise InputError("mesh.no-area", f"none of {len(faces)} faces has an area")
    return areas


def empty_samples(count: int) -> Samples:
    """Samples to be filled in, in one block of memory.

    numpy asks for huge pages for a large block; in four, or from numba's allocator, 500k samples cost 5,000 page
    faults, more time than drawing them.
    """
    block = np.zeros(10 * count, np.float32)
    points, normals, barycentric = (block[3 * i * count : 3 * (i + 1) * count].reshape(count, 3) for i in range(3))
    return Samples(points, normals, block[9 * count :].view(np.int32), barycentric)


def _spread(points: F64, faces: I32, weights: F64, count: int, seed: int) -> Samples:
    samples = empty_samples(count)
    out = samples.points, samples.normals, samples.faces, samples.barycentric
    _walk(points, faces, weights, np.uint64(seed % 2**64), *out)
    return samples


@njit(cache=True, nogil=True)
def _areas(points: F64, faces: I32) -> tuple[F64, float]:
    areas = np.empty(len(faces))
    total = 0.0
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        areas[f] = 0.5 * np.sqrt(x * x + y * y + z * z)
        total += areas[f]
    return areas, total


@njit(cache=True, nogil=True)
def mix(state: np.uint64) -> np.uint64:
    """64 random bits of a counter (splitmix64; Steele, Lea & Flood 2014), for kernels: the same on every machine."""
    x = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _walk(
    points: F64, faces: I32, weights: F64, seed: np.uint64, out: F32, normals: F32, owner: I32, barycentric: F32
) -> None:
    """One point in each stratum of the weights laid end to end: reading faces in order beats a search for each (2×)."""
    count = len(out)
    total = 0.0
    last = 0
    for f in range(len(weights)):
        total += weights[f]
        if weights[f] > 0.0:
            last = f
    step = total / count
    gamma = np.uint64(0x9E3779B97F4A7C15)
    state = mix(seed + gamma)
    f, end, known = -1, 0.0, -1
    nx = ny = nz = np.float32(0.0)
    for i in range(count):
        state += gamma
        draw = mix(state)
        state += gamma
        place = mix(state)
        target = (i + (draw >> np.uint64(11)) * 2.0**-53) * step
        while target >= end and f < last:  # `last`: rounding may put the end of the last stratum past the sum
            f += 1
            end += weights[UINT(f)]
        u, v = (place >> np.uint64(32)) * 2.0**-32, (place & np.uint64(0xFFFFFFFF)) * 2.0**-32
        if u + v > 1.0:
            u, v = 1.0 - u, 1.0 - v
        a, b, c = UINT(faces[UINT(f), 0]), UINT(faces[UINT(f), 1]), UINT(faces[UINT(f), 2])
        if f != known:
            x, y, z = face_cross(points, a, b, c)
            scale = 1.0 / np.sqrt(x * x + y * y + z * z)
            nx, ny, nz, known = np.float32(x * scale), np.float32(y * scale), np.float32(z * scale), f
        w = 1.0 - u - v
        at = UINT(i)
        out[at, 0] = w * points[a, 0] + u * points[b, 0] + v * points[c, 0]
        out[at, 1] = w * points[a, 1] + u * points[b, 1] + v * points[c, 1]
        out[at, 2] = w * points[a, 2] + u * points[b, 2] + v * points[c, 2]
        normals[at, 0], normals[at, 1], normals[at, 2] = nx, ny, nz
        owner[at] = f
        barycentric[at, 0], barycentric[at, 1], barycentric[at, 2] = w, u, v


@njit(cache=True, nogil=True)
def unit_normals(points: F64, faces: I32) -> F64:
    """(m, 3) unit face normals, zero without an area, for kernels."""
    normals = np.zeros((len(faces), 3))
    for f in range(len(faces)):
        x, y, z = face_cross(points, faces[f, 0], faces[f, 1], faces[f, 2])
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            normals[f, 0], normals[f, 1], normals[f, 2] = x / length, y / length, z / length
    return normals


@njit(cache=True, nogil=True)
def _has_normal(normals: F64, f: int) -> bool:
    """Whether a face has an area."""
    return bool(normals[f, 0] != 0.0 or normals[f, 1] != 0.0 or normals[f, 2] != 0.0)


@njit(cache=True, nogil=True)
def bend_cosine(normals: F64, faces: I32, g: int, h: int) -> float:
    """Cosine of the angle between the normals at two half-edges of one edge, as if both faces were wound alike.

    1, flat, where a face has no area and so no angle.
    """
    p, q = g // 3, h // 3
    if not _has_normal(normals, p) or not _has_normal(normals, q):
        return 1.0
    dot = normals[p, 0] * normals[q, 0] + normals[p, 1] * normals[q, 1] + normals[p, 2] * normals[q, 2]
    return float(-dot if faces[p, g % 3] == faces[q, h % 3] else dot)


@njit(cache=True, nogil=True)
def _face_bends(points: F64, faces: I32, offsets: I32, halves: I32) -> F64:
    bends = np.zeros(len(faces))
    normals = unit_normals(points, faces)
    for e in range(len(offsets) - 1):
        if offsets[e + 1] - offsets[e] != 2:
            continue
        g, h = halves[offsets[e]], halves[offsets[e] + 1]
        a, b = faces[g // 3, g % 3], faces[g // 3, (g % 3 + 1) % 3]
        x, y, z = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        angle = np.arccos(min(1.0, max(-1.0, bend_cosine(normals, faces, g, h))))
        bends[g // 3] += 0.5 * angle * np.sqrt(x * x + y * y + z * z)
        bends[h // 3] += 0.5 * angle * np.sqrt(x * x + y * y + z * z)
    return bends
