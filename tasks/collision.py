"""Collision: convex bodies that stand in for an asset in physics, by approximate convex decomposition."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import scipy  # ndimage loads on first use

from ml.asset import I32, Asset, InputError, Material, Part, make_part
from tasks.convex_hull import convex_body
from tasks.convex_split import convex_pieces
from tasks.convex_voxels import EMPTY, INSIDE, Voxels, solid_voxels
from tasks.holes import hole_fans
from tasks.sampling import uniform_samples
from tasks.soup import proper_faces
from tasks.topology import F64, Bool

SURFACE_SAMPLES = 40_000  # a body's corners lie on the asset, to about 0.5 % of its size where it is round
PROBES = 4_000  # in the bodies and on the surface: shares are told to 1 or 2 %
HOLE = 0.2  # of the diagonal: the widest hole closed first, as in `watertight`; a cup stays hollow
NEAR = 0.01  # of the diagonal: a surface this near a body is covered by it


@dataclass(frozen=True)
class CollisionOptions:
    """How many bodies and how closely they follow the asset."""

    max_hulls: int = field(default=16, metadata={"min": 1, "max": 64, "help": "most convex bodies"})
    max_vertices: int = field(
        default=64,
        metadata={"min": 8, "max": 255, "help": "most vertices of a body; PhysX, in Unity and Unreal, takes 255"},
    )
    concavity: float = field(
        default=0.1, metadata={"min": 0.0, "max": 1.0, "help": "empty space in all bodies, share of the solid"}
    )
    resolution: int = field(default=64, metadata={"min": 16, "max": 128, "help": "grid cells along the longest side"})


def collision(asset: Asset, options: CollisionOptions = CollisionOptions()) -> Asset:
    """The asset with `collision`, at most `max_hulls` closed convex bodies, each within `max_vertices`.

    The solid is cut on a grid; each body is the hull of the asset's own surface in its piece, so that it is no thicker
    than the asset. Flipped faces and small holes do no harm: what a flood from outside cannot reach is solid. Metrics:
    `collision.hulls`, `.max_vertices`, `.outside` (share of the bodies' volume a grid cell or more outside the asset)
    and `.uncovered` (share of the surface farther than 1 % of the diagonal from every body). Raises InputError `mesh.*`
    and `collision.too-dense`.
    """
    soup, triangles, _ = asset.merged()
    make_part(soup, triangles)  # finite positions, indices in range
    points, proper, _ = proper_faces(soup, triangles)
    if not len(proper):
        raise InputError("mesh.no-faces", f"none of {len(triangles)} faces has an area")
    size = float(np.linalg.norm(np.ptp(points[proper.reshape(-1)], axis=0)))
    vertices, faces, _ = hole_fans(points, proper, HOLE * size)
    voxels = solid_voxels(vertices, faces, options.resolution)
    cells = voxels.core()
    pieces = convex_pieces(cells, options.max_hulls, options.concavity * len(cells))
    owner = _owners(voxels, pieces)
    clouds = _clouds(voxels, owner, vertices, faces, len(pieces))
    made = [convex_body(cloud, options.max_vertices) for cloud in clouds]
    bodies = tuple(Part(v, f, Material("collision"), f"collision_{i:02d}") for i, (v, f) in enumerate(made) if len(f))
    result = replace(asset, collision=bodies).measured(_metrics(voxels, vertices, faces, bodies))
    return result.noted(collision=f"{len(bodies)} convex bodies of {sum(len(b.vertices) for b in bodies)} vertices")


def _owners(voxels: Voxels, pieces: list[I32]) -> I32:
    """(nx, ny, nz) piece of each grid point; those outside take their nearest neighbour's."""
    owner = np.full(voxels.kind.shape, -1, np.int32)
    for index, cells in enumerate(pieces):
        owner[tuple(cells.T)] = index
    nearest = scipy.ndimage.distance_transform_edt(owner < 0, return_distances=False, return_indices=True)
    everywhere: I32 = owner[tuple(nearest)]
    return everywhere


def _clouds(voxels: Voxels, owner: I32, vertices: F64, faces: I32, count: int) -> list[F64]:
    """What each body goes around: its share of the surface, and the middle of the cuts through the inside."""
    samples = uniform_samples(vertices, faces, SURFACE_SAMPLES).points.astype(np.float64)
    points = np.concatenate([vertices[np.unique(faces)], samples])
    group = owner[tuple(voxels.cells(points).T)]
    cuts, ends = _cuts(voxels, owner)
    points, group = np.concatenate([points, cuts]), np.concatenate([group, ends])
    return [points[group == index] for index in range(count)]


def _cuts(voxels: Voxels, owner: I32) -> tuple[F64, I32]:
    """Points half-way between neighbours inside the solid that belong to different pieces, once for either piece."""
    points, ends = [np.zeros((0, 3))], [np.zeros(0, np.int32)]
    inside = voxels.kind == INSIDE
    for axis in range(3):
        here = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        there = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        at = np.argwhere(inside[here] & inside[there] & (owner[here] != owner[there]))
        middle = voxels.low + voxels.spacing * (at + 0.5 * np.eye(3)[axis])
        points += [middle, middle]
        ends += [owner[here][tuple(at.T)], owner[there][tuple(at.T)]]
    return np.concatenate(points), np.concatenate(ends)


def _metrics(voxels: Voxels, vertices: F64, faces: I32, bodies: tuple[Part, ...]) -> dict[str, float]:
    """Figures of the bodies, by points in them and on the surface."""
    planes = [_planes(body) for body in bodies]
    diagonal = float(np.linalg.norm(np.ptp(vertices[faces.reshape(-1)], axis=0)))
    surface = uniform_samples(vertices, faces, PROBES, seed=1).points.astype(np.float64)
    inner = _points_inside(bodies, planes)
    outside = voxels.kind[tuple(voxels.cells(inner).T)] == EMPTY
    return {
        "collision.hulls": float(len(bodies)),
        "collision.max_vertices": float(max((len(body.vertices) for body in bodies), default=0)),
        "collision.outside": float(outside.mean()) if len(outside) else 0.0,
        "collision.uncovered": float(1.0 - _covered(planes, surface, NEAR * diagonal).mean()),
    }


def _planes(body: Part) -> F64:
    """(f, 4) outward unit normal and offset of each face that has an area."""
    points = body.vertices.astype(np.float64)
    a, b, c = (points[body.faces[:, k]] for k in range(3))
    crosses = np.cross(b - a, c - a)
    lengths = np.linalg.norm(crosses, axis=1)
    proper = lengths > 0.0
    normals = crosses[proper] / lengths[proper, None]
    return np.column_stack([normals, (normals * points[body.faces[proper, 0]]).sum(axis=1)])


def _covered(planes: list[F64], points: F64, margin: float) -> Bool:
    """(n,) whether some body comes within about `margin` metres of each point."""
    covered = np.zeros(len(points), np.bool_)
    for body in planes:
        covered |= (points @ body[:, :3].T <= body[:, 3] + margin).all(axis=1)
    return covered


def _points_inside(bodies: tuple[Part, ...], planes: list[F64]) -> F64:
    """About PROBES points spread evenly over the volume of all bodies."""
    random = np.random.default_rng(0)
    boxes = [np.ptp(body.vertices.astype(np.float64), axis=0) for body in bodies]
    total = max(sum(float(box.prod()) for box in boxes), 1e-300)
    found = [np.zeros((0, 3))]
    for body, sides, box in zip(bodies, planes, boxes, strict=True):
        count = int(np.ceil(2 * PROBES * float(box.prod()) / total))
        points = body.vertices.min(axis=0) + random.random((count, 3)) * box
        found.append(points[_covered([sides], points, 0.0)])
    return np.concatenate(found)
