"""Closed, outward-oriented, welded solids: boxes, lathes, tubes, prisms, frames, ellipsoids and rough spheres."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ml.parametric.outlines import circle, inset, triangulate
from ml.parametric.solid import F64, I32, Solid


def signed_volume(vertices: F64, faces: I32) -> float:
    """Volume in m³ by the divergence theorem; negative when the faces look inward."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def outward(vertices: F64, faces: I32) -> Solid:
    """The closed surface with its winding reversed when it encloses a negative volume."""
    about = vertices - vertices.mean(axis=0)
    return Solid(vertices, faces if signed_volume(about, faces) > 0.0 else np.ascontiguousarray(faces[:, ::-1]))


@lru_cache(maxsize=256)
def _strip(rows: int, sides: int, wrap: bool) -> I32:
    """Triangles of a grid of `rows` rings of `sides` points, each ring closed; `wrap` also joins last to first."""
    i, j = np.meshgrid(np.arange(rows if wrap else rows - 1), np.arange(sides), indexing="ij")
    up, along = (i + 1) % rows, (j + 1) % sides
    a, b, c, d = i * sides + j, i * sides + along, up * sides + along, up * sides + j
    quads = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
    return quads.astype(np.int32)


def _fan(first: int, sides: int, apex: int, flip: bool) -> I32:
    ring = first + np.arange(sides)
    ahead = first + (np.arange(sides) + 1) % sides
    faces = np.stack([np.full(sides, apex), *((ring, ahead) if flip else (ahead, ring))], axis=1)
    return faces.astype(np.int32)


def loft(rings: npt.ArrayLike, bottom: npt.ArrayLike | None = None, top: npt.ArrayLike | None = None) -> Solid:
    """A skin over (k, n, 3) rings, closed at both ends by a fan to `bottom` and `top` (default: the ring's mean)."""
    grid = np.asarray(rings, dtype=np.float64)
    rows, sides, _ = grid.shape
    first = grid[0].mean(axis=0) if bottom is None else np.asarray(bottom, dtype=np.float64)
    last = grid[-1].mean(axis=0) if top is None else np.asarray(top, dtype=np.float64)
    vertices = np.concatenate([grid.reshape(-1, 3), first[None], last[None]])
    base = rows * sides
    caps = (_fan(0, sides, base, flip=False), _fan(base - sides, sides, base + 1, flip=True))
    return outward(vertices, np.concatenate([_strip(rows, sides, False), *caps]))


def loop(rings: npt.ArrayLike) -> Solid:
    """A skin over (k, n, 3) rings that closes on itself, as a torus does."""
    grid = np.asarray(rings, dtype=np.float64)
    return outward(grid.reshape(-1, 3), _strip(grid.shape[0], grid.shape[1], True))


def _turns(profile: F64, sides: int) -> F64:
    ring = circle(1.0, sides)
    radius = profile[:, 0, None]
    height = np.broadcast_to(profile[:, 1, None], (len(profile), sides))
    return np.stack([radius * ring[:, 0], height, radius * ring[:, 1]], axis=-1)


def lathe(profile: npt.ArrayLike, sides: int = 24) -> Solid:
    """A (k, 2) profile of (radius, y) revolved about Y; it may start and end on the axis, or is capped flat there."""
    line = np.asarray(profile, dtype=np.float64)
    inner = line[line[:, 0] > 1e-9]
    ends = ((0.0, float(line[0, 1]), 0.0), (0.0, float(line[-1, 1]), 0.0))
    return loft(_turns(inner, sides), *ends)


def lathe_ring(profile: npt.ArrayLike, sides: int = 24) -> Solid:
    """A closed (k, 2) loop of (radius, y), all radii positive, revolved about Y."""
    return loop(_turns(np.asarray(profile, dtype=np.float64), sides))


def cylinder(radius: float, height: float, sides: int = 24, top: float | None = None, bevel: float = 0.0) -> Solid:
    """A cylinder or cone frustum standing on y = 0, its two rims chamfered by `bevel`."""
    upper = radius if top is None else top
    if bevel <= 0.0:
        return lathe([(radius, 0.0), (upper, height)], sides)
    b = min(bevel, 0.45 * height, 0.9 * radius, 0.9 * upper)
    return lathe([(radius - b, 0.0), (radius, b), (upper, height - b), (upper - b, height)], sides)


def torus(radius: float, thickness: float, sides: int = 32, around: int = 12) -> Solid:
    """A ring of tube radius `thickness` about the Y axis, centred at the origin."""
    return lathe_ring(circle(thickness, around) + np.array((radius, 0.0)), sides)


@lru_cache(maxsize=8)
def _box_template(steps: int) -> tuple[F64, F64, I32]:
    """Corner signs (n, 3), bevel directions (n, 3) and faces of a rounded box; positions are sign·core + dir·bevel."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    grid = [(a, b, steps - a - b) for a in range(steps + 1) for b in range(steps + 1 - a)]
    index = {cell: k for k, cell in enumerate(grid)}
    patch = np.array(grid, dtype=np.float64)
    patch /= np.linalg.norm(patch, axis=1, keepdims=True)
    signs = np.repeat(corners, len(grid), axis=0)
    dirs = (corners[:, None, :] * patch[None]).reshape(-1, 3)
    local = [t for a, b, _ in grid for t in _patch_triangles(a, b, steps, index)]
    faces = [tuple(c * len(grid) + k for k in t) for c in range(8) for t in local]
    faces += [t for axis in range(3) for t in _edge_triangles(axis, steps, index, len(grid))]
    faces += [t for axis in range(3) for t in _side_triangles(axis, steps, index, len(grid))]
    triangles = np.array(faces, dtype=np.int32)
    points = signs + 0.5 * dirs
    a, b, c = (points[triangles[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) < 0.0  # convex about the origin
    triangles[inward] = triangles[inward][:, ::-1]
    return signs, dirs, triangles


def _patch_triangles(a: int, b: int, steps: int, index: dict[tuple[int, int, int], int]) -> list[tuple[int, ...]]:
    def at(i: int, j: int) -> int:
        return index[(i, j, steps - i - j)]

    found: list[tuple[int, ...]] = []
    if a + b < steps:
        found.append((at(a, b), at(a + 1, b), at(a, b + 1)))
    if a + b < steps - 1:
        found.append((at(a + 1, b), at(a + 1, b + 1), at(a, b + 1)))
    return found


def _corner(signs: dict[int, int]) -> int:
    return sum((signs[axis] > 0) << (2 - axis) for axis in range(3))


def _edge_triangles(
    axis: int, steps: int, index: dict[tuple[int, int, int], int], size: int
) -> list[tuple[int, int, int]]:
    """The four bevel strips along one axis: `steps` quads each, between the two corners that differ in that axis."""
    u, v = (k for k in range(3) if k != axis)
    found = []
    for su, sv in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        low, high = (_corner({axis: s, u: su, v: sv}) * size for s in (-1, 1))
        rim = []
        for k in range(steps + 1):
            cell = [0, 0, 0]
            cell[u], cell[v] = k, steps - k
            rim.append(index[(cell[0], cell[1], cell[2])])
        for p, q in pairwise(rim):
            found += [(low + p, low + q, high + q), (low + p, high + q, high + p)]
    return found


def _side_triangles(
    axis: int, steps: int, index: dict[tuple[int, int, int], int], size: int
) -> list[tuple[int, int, int]]:
    """The two flat sides across one axis."""
    u, v = (k for k in range(3) if k != axis)
    cell = [0, 0, 0]
    cell[axis] = steps
    tip = index[(cell[0], cell[1], cell[2])]
    found = []
    for sign in (-1, 1):
        a, b, c, d = (
            _corner({axis: sign, u: su, v: sv}) * size + tip for su, sv in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        )
        found += [(a, b, c), (a, c, d)]
    return found


BOX_SIGNS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
BOX_FACES = np.array(
    [0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3],
    dtype=np.int32,
).reshape(-1, 3)


def box(width: float, height: float, depth: float, bevel: float = 0.0, steps: int = 1) -> Solid:
    """A box standing on y = 0, its edges chamfered (`steps` 1) or rounded (2 and more) by `bevel` metres."""
    half = np.array((width, height, depth)) / 2.0
    lift = np.array((0.0, height / 2.0, 0.0))
    b = min(bevel, 0.49 * min(width, height, depth))
    if b < 1e-5:
        return Solid(BOX_SIGNS * half + lift, BOX_FACES)
    signs, dirs, faces = _box_template(steps)
    return Solid(signs * (half - b) + dirs * b + lift, faces)


def ellipsoid(width: float, height: float, depth: float, power: float = 1.0, sides: int = 24) -> Solid:
    """A superellipsoid on y = 0: `power` 1 is an ellipsoid, toward 0 a pillow and then a box (Barr 1981)."""
    rows = max(sides // 2, 4)
    up = np.linspace(-np.pi / 2, np.pi / 2, rows + 1)[1:-1]
    ring = circle(1.0, sides)

    def rounded(x: F64) -> F64:
        return np.sign(x) * np.abs(x) ** power

    flat = rounded(np.cos(up))[:, None]
    rings = np.stack(
        [
            flat * rounded(ring[:, 0]) * width / 2,
            np.repeat((rounded(np.sin(up)) * height / 2)[:, None], sides, axis=1),
            flat * rounded(ring[:, 1]) * depth / 2,
        ],
        axis=-1,
    )
    ends = ((0.0, -height / 2, 0.0), (0.0, height / 2, 0.0))
    return loft(rings, *ends).at(y=height / 2)


def tube(
    path: npt.ArrayLike,
    radius: npt.ArrayLike,
    sides: int = 10,
    flat: float = 1.0,
    closed: bool = False,
) -> Solid:
    """A round (or, with `flat` ≠ 1, elliptical) section swept along a (k, 3) path; `radius` is one value or (k,).

    Frames are carried along by parallel transport, so the section does not spin (Wang et al. 2008).
    """
    line = np.asarray(path, dtype=np.float64)
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    if not closed:
        ahead[0], ahead[-1] = line[1] - line[0], line[-1] - line[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = _transported(ahead)
    other = np.cross(ahead, side)
    ring = circle(1.0, sides)
    thick = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(line),))[:, None, None]
    rings = line[:, None] + thick * (ring[:, 0, None] * side[:, None] + flat * ring[:, 1, None] * other[:, None])
    return loop(rings) if closed else loft(rings)


def _transported(ahead: F64) -> F64:
    start = np.array((0.0, 0.0, 1.0)) if abs(ahead[0, 2]) < 0.9 else np.array((1.0, 0.0, 0.0))
    side = np.empty_like(ahead)
    current = start
    for k, direction in enumerate(ahead):
        current = current - direction * (current @ direction)
        current = current / np.sqrt(current @ current)
        side[k] = current
    return side


def prism(outline: npt.ArrayLike, depth: float, bevel: float = 0.0) -> Solid:
    """A simple (n, 2) xy outline extruded along z, centred on z = 0; the rims of both faces chamfered by `bevel`."""
    line = np.asarray(outline, dtype=np.float64)
    half = depth / 2.0
    b = min(bevel, 0.45 * depth)
    layers = [(line, -half), (line, half)]
    if b > 0.0:
        small = inset(line, b)
        layers = [(small, -half), (line, -half + b), (line, half - b), (small, half)]
    sides = len(line)
    vertices = np.concatenate([np.column_stack([flat, np.full(sides, z)]) for flat, z in layers])
    cap = triangulate(line)
    last = (len(layers) - 1) * sides
    faces = [_strip(len(layers), sides, False), cap[:, ::-1], cap + last]
    if _area(line) < 0.0:
        faces = [faces[0], cap, cap[:, ::-1] + last]
    return outward(vertices, np.concatenate(faces).astype(np.int32))


def _area(line: F64) -> float:
    ahead = np.roll(line, -1, axis=0)
    return float(np.sum(line[:, 0] * ahead[:, 1] - line[:, 1] * ahead[:, 0]) / 2.0)


def frame(outer: npt.ArrayLike, inner: npt.ArrayLike, depth: float) -> Solid:
    """Two (n, 2) xy outlines of the same length as a rim with a hole, `depth` thick, centred on z = 0."""
    layers = [(outer, depth / 2), (outer, -depth / 2), (inner, -depth / 2), (inner, depth / 2)]
    rings = [np.column_stack([np.asarray(line, dtype=np.float64), np.full(len(outer), z)]) for line, z in layers]  # type: ignore[arg-type]
    return loop(np.stack(rings))


@lru_cache(maxsize=8)
def _icosphere(levels: int) -> tuple[F64, I32]:
    """A unit sphere of 20·4^levels triangles, from a subdivided icosahedron."""
    g = (1 + 5**0.5) / 2
    points = [(-1.0, g, 0.0), (1.0, g, 0.0), (-1.0, -g, 0.0), (1.0, -g, 0.0), (0.0, -1.0, g), (0.0, 1.0, g)]
    points += [(0.0, -1.0, -g), (0.0, 1.0, -g), (g, 0.0, -1.0), (g, 0.0, 1.0), (-g, 0.0, -1.0), (-g, 0.0, 1.0)]
    faces = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2)]
    faces += [(10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5)]
    faces += [(2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]
    vertices, triangles = np.array(points, dtype=np.float64), np.array(faces, dtype=np.int64)
    for _ in range(levels):
        edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        unique, inverse = np.unique(edges, axis=0, return_inverse=True)
        middle = inverse.reshape(-1, 3) + len(vertices)
        vertices = np.concatenate([vertices, vertices[unique].mean(axis=1)])
        a, b, c = triangles.T
        ab, bc, ca = middle.T
        triangles = np.stack([a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca], axis=1).reshape(-1, 3)
    return vertices / np.linalg.norm(vertices, axis=1, keepdims=True), triangles.astype(np.int32)


def blob(radius: float, lumps: float, rng: np.random.Generator, levels: int = 3) -> Solid:
    """A sphere about the origin whose radius is shaken by up to `lumps` (a share, below 0.5) by five seeded waves."""
    unit, faces = _icosphere(levels)
    waves = rng.normal(size=(5, 3)) * np.array((1.5, 2.0, 3.0, 4.0, 5.0))[:, None]
    weight = np.array((0.34, 0.26, 0.18, 0.13, 0.09))
    shake = np.sin(unit @ waves.T + rng.uniform(0, 2 * np.pi, 5)) @ weight
    return Solid(unit * (radius * (1.0 + lumps * shake))[:, None], faces)
