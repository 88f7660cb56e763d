"""Watertight: a closed manifold around any mesh, from a narrow band of distances and a flood fill from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numba import njit

from ml.asset import F32, I32, Asset, InputError, make_part
from tasks.flood_fill import flood_fill
from tasks.holes import hole_fans
from tasks.isosurface import isosurface
from tasks.narrow_band import narrow_band, project, triangle_table
from tasks.replacement import replaced_part, replaced_parts
from tasks.topology import F64, Bool, Topology, face_cross, topology, weld

PAD = 4.0  # voxels of free space around the mesh: more than the shell and the cell beyond it
# Half the shell's thickness in voxels: above √3/2, where the shell of a plane could let diagonal steps through, and
# the eps = 2/resolution on [−1.05, 1.05] of the literature (Dora, Chen et al. 2024).
THICKNESS = 2.0 / 2.1
REACH = THICKNESS + 1.0  # a cell edge that crosses the shell ends at most one voxel outside it
# Share of the shell's offset that faithful mode takes back. The rest keeps zero-thickness sheets and the fans around
# sharp corners from collapsing onto themselves.
SNAP = 0.9
MIN_RESOLUTION = 64
THIN_WALL = 2.0  # voxels, about: a zero-thickness sheet comes out 1.9 thick as shell and 0.2 as faithful
# (block, triangle) pairs, each at most 512 distances: 10 s and 64 MB. Real meshes need 0.1–2 M, random soups of large
# triangles thousands for each of them.
MAX_PAIRS = 16_000_000


@dataclass(frozen=True)
class WatertightOptions:
    """How finely, how tightly and when to remesh."""

    resolution: int = field(default=256, metadata={"min": 64, "max": 1024, "help": "voxels along the longest side"})
    mode: Literal["shell", "faithful"] = field(
        default="faithful", metadata={"help": "shell: about one voxel outside; faithful: brought back to the surface"}
    )
    when: Literal["needed", "always"] = field(
        default="needed", metadata={"help": "needed: leave closed, consistently wound meshes alone"}
    )
    fill_holes: float = field(
        default=0.2,  # scans' and generators' holes are smaller, the mouths of cups and vases larger
        metadata={"min": 0.0, "max": 1.0, "help": "close holes up to this share of the diagonal before remeshing"},
    )


def watertight(asset: Asset, options: WatertightOptions = WatertightOptions()) -> Asset:
    """The asset as one closed, outward manifold part with the material of its largest part and no UVs.

    `source` keeps the asset as it was for baking. Cavities that cannot be reached from outside become solid, nothing
    is dropped. A hole wider than a voxel that is not filled lets the outside in: what it leads into becomes a thin
    wall, and the note says so. Raises InputError `mesh.no-faces`, `watertight.failed`, or `watertight.too-dense` for
    more large triangles than MAX_PAIRS allows even at the lowest resolution.
    """
    for part in asset.parts:
        make_part(part.vertices, part.faces)
    if asset.face_count == 0:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    points, faces, owner = asset.merged()
    points, faces, _ = weld(points, faces)
    before = topology(points, faces)
    if options.when == "needed" and before.closed and before.volume > 0.0:
        return asset.noted(watertight=f"already closed, {before.components} components")
    diagonal = float(np.linalg.norm(asset.bounds()[1] - asset.bounds()[0]))
    filled, patched, holes = hole_fans(points, faces, options.fill_holes * diagonal)
    vertices, triangles, resolution = remesh(filled, patched, options.resolution, options.mode == "faithful")
    after = topology(vertices, triangles)
    if not after.closed or after.volume <= 0.0:
        raise InputError(
            "watertight.failed",
            f"remeshing at {resolution} left {after.boundary_edges} boundary and {after.nonmanifold_edges} "
            f"non-manifold edges, volume {after.volume:g} m³",
        )
    part = replaced_part(asset.parts[_largest(points, faces, owner)], vertices, triangles)
    note = f"{options.mode} at {resolution}, {after.components} components, {len(faces)} to {len(triangles)} faces"
    note += f", {holes} holes filled" if holes else ""
    note += ", mostly thin walls" if _wall_thickness(after) * resolution < THIN_WALL * diagonal else ""
    return replaced_parts(asset, (part,)).noted(watertight=note)


def remesh(points: F64, faces: I32, resolution: int, faithful: bool) -> tuple[F32, I32, int]:
    """A closed surface around faces (m, 3) over points (n, 3) in metres, and the resolution it was made at.

    That is halved, down to MIN_RESOLUTION, while the band would be larger than MAX_PAIRS allows.
    """
    used = points[faces].reshape(-1, 3)
    low = used.min(axis=0)
    extent = float((used.max(axis=0) - low).max())
    if not extent > 0.0:
        raise InputError("mesh.no-faces", f"all {len(faces)} faces lie in one point")
    while True:
        voxel = extent / (resolution - 2.0 * PAD)
        table = triangle_table((points - low) / voxel + PAD, faces)
        band = narrow_band(table, REACH, MAX_PAIRS)
        if band is not None:
            break
        if resolution <= MIN_RESOLUTION:
            raise InputError(
                "watertight.too-dense", f"{len(faces)} faces need more than {MAX_PAIRS} pairs of blocks at {resolution}"
            )
        resolution = max(MIN_RESOLUTION, resolution // 2)
    exterior, empty = flood_fill(band, THICKNESS)
    vertices, triangles, first = isosurface(band, exterior, empty, THICKNESS)
    if faithful:
        closest = project(vertices, first, table, band.starts, band.triangles, REACH)
        vertices = _snap(vertices, closest, triangles)
    return ((vertices - PAD) * voxel + low).astype(np.float32), triangles, resolution


def _snap(vertices: F64, closest: F64, triangles: I32) -> F64:
    """Vertices moved SNAP of the way to their closest surface points, less where a triangle would turn over.

    The corners of each turned triangle halve their way, and after four rounds stay, until none is left; where every
    corner stays nothing has turned, so this ends.
    """
    share = np.full(len(vertices), SNAP)
    for attempt in range(len(vertices)):
        moved = vertices + share[:, None] * (closest - vertices)
        turned = _turned_corners(vertices, moved, triangles)
        if not turned.any():
            break
        share[turned] *= 0.5 if attempt < 4 else 0.0
    return moved


@njit(cache=True, nogil=True)
def _turned_corners(before: F64, after: F64, triangles: I32) -> Bool:
    """(n,) True for corners of triangles whose normal turned by 90° or more, or whose area is gone."""
    turned = np.zeros(len(before), np.bool_)
    for f in range(len(triangles)):
        a, b, c = triangles[f]
        x, y, z = face_cross(before, a, b, c)
        p, q, r = face_cross(after, a, b, c)
        if not x * p + y * q + z * r > 1e-6 * (x * x + y * y + z * z):
            turned[a] = turned[b] = turned[c] = True
    return turned


def _wall_thickness(found: Topology) -> float:
    """Metres between the sides of a plate with this volume and area."""
    return 2.0 * found.volume / found.area


def _largest(points: F64, faces: I32, owner: I32) -> int:
    """The part with the most surface."""
    cross = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    return int(np.argmax(np.bincount(owner, np.sqrt(np.einsum("ij,ij->i", cross, cross)))))
