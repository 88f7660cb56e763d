"""Watertight: a closed manifold around any mesh, from a narrow band of distances and a flood fill from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.asset import F32, I32, Asset, InputError, make_part
from ml.block_surface import isosurface
from tasks.cavities import cavities, hidden_share
from tasks.closed_surface import ClosedSurface, check_closed
from tasks.flood_fill import flood_fill
from tasks.holes import hole_fans
from tasks.narrow_band import narrow_band, used_box
from tasks.replacement import replaced_part, replaced_parts
from tasks.snap import closest_points
from tasks.topology import F64, face_components, half_edges, topology, weld
from tasks.untangle import move

PAD = 4.0  # voxels of free space around the mesh: more than the shell and the cell beyond it
# Half the shell's thickness in voxels: above √3/2, where the shell of a plane could let diagonal steps through, and
# the eps = 2/resolution on [−1.05, 1.05] of the literature (Dora, Chen et al. 2024).
THICKNESS = 2.0 / 2.1
REACH = THICKNESS + 1.01  # a cell edge that crosses the shell ends at most one voxel outside it, and rounding
# Share of the shell's offset that faithful mode takes back. The rest keeps zero-thickness sheets and the fans around
# sharp corners from collapsing onto themselves: at 0.98 the guard works twice as hard, at 1 it holds back half of all.
SNAP = 0.95
MIN_RESOLUTION = 64
THIN_WALL = 2.0  # voxels, about: a zero-thickness sheet comes out 1.9 thick as shell and 0.1 as faithful
# (block, triangle) pairs, each at most 512 distances: 10 s. Real meshes need 0.1–4 M, random soups of large triangles
# thousands for each of them.
MAX_PAIRS = 16_000_000
SEEN_FACES = 65_536  # faces looked at for the share that is hidden: ±0.4 %
HIDDEN = 0.02  # a share that a few creases reach


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
    remove_interior: bool = field(
        default=False, metadata={"help": "fill cavities, the inner walls of double shells included"}
    )
    min_component: float = field(
        default=0.0,  # the field's 'keep the largest' loses wheels
        metadata={"min": 0.0, "max": 1.0, "help": "drop bodies smaller than this share of the whole's diagonal"},
    )


@dataclass(frozen=True)
class Remeshed:
    """A closed surface and what was found on the way."""

    vertices: F32  # (n, 3) metres
    faces: I32  # (m, 3) outward
    resolution: int  # that it was made at
    cavities: int  # enclosed spaces outside the input
    cavity_m3: float  # their volume as the grid points in them
    hidden: float  # share of the input's area that no outside comes near


def watertight(asset: Asset, options: WatertightOptions = WatertightOptions()) -> Asset:
    """The asset as one closed, outward manifold part with the material of its largest part and no UVs.

    `source` keeps the asset as it was for baking. Every body stays unless `min_component` drops it. Spaces that
    cannot be reached from outside become solid, except cavities: those outside the input by its winding, which keep
    their walls unless `remove_interior` fills them. A hole wider than a voxel that is not filled lets the outside in:
    what it leads into becomes a thin wall, and the note says so. Sets the metrics watertight.*. Raises InputError
    `mesh.no-faces`, `watertight.failed`, or `watertight.too-dense` for more large triangles than MAX_PAIRS allows
    even at the lowest resolution.
    """
    for part in asset.parts:
        make_part(part.vertices, part.faces)
    if asset.face_count == 0:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    points, faces, owner = asset.merged()
    points, faces, _ = weld(points, faces)
    if options.when == "needed":
        before = topology(points, faces)
        plain = before.components == 1 or not (options.remove_interior or options.min_component > 0.0)
        if before.closed and before.volume > 0.0 and plain:
            return asset.noted(watertight=f"already closed, {before.components} components")
    low, high = used_box(points, faces)
    diagonal = float(np.linalg.norm(high - low))
    filled, patched, holes = hole_fans(points, faces, options.fill_holes * diagonal)
    made = remesh(filled, patched, options.resolution, options.mode == "faithful", options.remove_interior)
    vertices, triangles, dropped = _without_small(made.vertices, made.faces, options.min_component * diagonal)
    after = check_closed(vertices, triangles)
    if after.unmatched or not after.volume > 0.0:
        raise InputError(
            "watertight.failed",
            f"remeshing at {made.resolution} left {after.unmatched} vertices on open edges, volume {after.volume:g} m³",
        )
    part = replaced_part(asset.parts[_largest(points, faces, owner)], vertices, triangles)
    note = f"{options.mode} at {made.resolution}, {after.components} components, {len(faces)} to {len(triangles)} faces"
    note += f", {dropped} small ones dropped" if dropped else ""
    note += f", {holes} holes filled" if holes else ""
    note += f", {made.cavities} cavities {'filled' if options.remove_interior else 'kept'}" if made.cavities else ""
    note += f", {made.hidden:.0%} of the surface was inside" if made.hidden > HIDDEN else ""
    note += ", mostly thin walls" if _wall_thickness(after) * made.resolution < THIN_WALL * diagonal else ""
    return replaced_parts(asset, (part,)).noted(watertight=note).measured(_metrics(made, after, dropped))


def _metrics(made: Remeshed, after: ClosedSurface, dropped: int) -> dict[str, float]:
    return {
        "watertight.resolution": float(made.resolution),
        "watertight.components": float(after.components),
        "watertight.dropped": float(dropped),
        "watertight.cavities": float(made.cavities),
        "watertight.cavity_m3": made.cavity_m3,
        "watertight.hidden": made.hidden,
    }


def remesh(points: F64, faces: I32, resolution: int, faithful: bool, solid: bool = True) -> Remeshed:
    """A closed surface around faces (m, 3) over points (n, 3) in metres; `solid` fills its cavities.

    The resolution is halved, down to MIN_RESOLUTION, while the band would be larger than MAX_PAIRS allows.
    """
    box: F64 = used_box(points, faces)
    low, extent = box[0], float((box[1] - box[0]).max())
    if not extent > 0.0:
        raise InputError("mesh.no-faces", f"all {len(faces)} faces lie in one point")
    while True:
        voxel = extent / (resolution - 2.0 * PAD)
        local = (points - low) / voxel + PAD
        band = narrow_band(local, faces, REACH, MAX_PAIRS)
        if band is not None:
            break
        if resolution <= MIN_RESOLUTION:
            raise InputError(
                "watertight.too-dense", f"{len(faces)} faces need more than {MAX_PAIRS} pairs of blocks at {resolution}"
            )
        resolution = max(MIN_RESOLUTION, resolution // 2)
    exterior, empty = flood_fill(band, THICKNESS)
    hidden = hidden_share(local, faces, band.shape, band.slot, exterior, empty, SEEN_FACES)
    hollow = cavities(local, faces, band, exterior, empty, THICKNESS)
    if not solid:
        exterior, empty = hollow.exterior, hollow.empty
    surface = isosurface(band, exterior, empty, THICKNESS)
    vertices, shift = surface.vertices, low - PAD * voxel
    if faithful:
        closest = closest_points(local, faces, band, surface, THICKNESS)
        vertices, _ = move(
            vertices, closest, surface.faces, surface.starts, SNAP, (band.shape, band.slot), voxel, shift
        )
    stored = np.asarray(vertices * voxel + shift, np.float32)
    return Remeshed(stored, surface.faces, resolution, hollow.count, hollow.points * voxel**3, hidden)


def _without_small(vertices: F32, faces: I32, size: float) -> tuple[F32, I32, int]:
    """Without the components whose box diagonal is below `size` metres, the largest excepted; how many those were."""
    if size <= 0.0:
        return vertices, faces, 0
    labels = face_components(faces, *half_edges(faces, len(vertices)))
    low, high = np.full((labels.max() + 1, 3), np.inf), np.full((labels.max() + 1, 3), -np.inf)
    for corner in range(3):
        np.minimum.at(low, labels, vertices[faces[:, corner]])
        np.maximum.at(high, labels, vertices[faces[:, corner]])
    diagonals = np.linalg.norm(high - low, axis=1)
    kept = faces[(diagonals >= min(size, diagonals.max()))[labels]]
    used, renumbered = np.unique(kept, return_inverse=True)
    return (
        vertices[used],
        renumbered.reshape(-1, 3).astype(np.int32),
        int((diagonals < min(size, diagonals.max())).sum()),
    )


def _wall_thickness(found: ClosedSurface) -> float:
    """Metres between the sides of a plate with this volume and area."""
    return 2.0 * found.volume / found.area


def _largest(points: F64, faces: I32, owner: I32) -> int:
    """The part with the most surface."""
    if not owner.any():
        return 0
    cross = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    return int(np.argmax(np.bincount(owner, np.sqrt(np.einsum("ij,ij->i", cross, cross)))))
