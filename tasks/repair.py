"""Repair: the cheapest mend that works, rung by rung from welding to a watertight remesh, each outcome on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ml.asset import F32, I32, Asset, InputError, Part, make_part
from tasks.clean import CleanOptions, clean
from tasks.holes import fill_holes
from tasks.measure import shells
from tasks.self_intersections import self_intersections
from tasks.signed_distance import build_distance_field, unsigned_distance
from tasks.topology import F64, duplicate_faces, weld
from tasks.watertight import WatertightOptions, watertight

INWARD = 1e-9  # share of area × diagonal beyond which a negative volume is not that of a double-sided sheet


@dataclass(frozen=True)
class RepairOptions:
    """What counts as repaired and how far to go; lengths are shares of the asset's diagonal."""

    weld_tolerance: float = field(
        default=1e-5,
        metadata={"min": 0.0, "max": 0.01, "help": "merge positions closer than this share of the diagonal"},
    )
    fill_holes: float = field(
        default=0.1, metadata={"min": 0.0, "max": 1.0, "help": "close holes up to this share of the diagonal"}
    )
    self_intersections: bool = field(default=False, metadata={"help": "repaired means free of self-intersections too"})
    remesh: bool = field(default=True, metadata={"help": "remesh watertight where nothing lighter helps"})
    resolution: int = field(default=256, metadata={"min": 64, "max": 1024, "help": "voxels of the remesh"})


def repair(asset: Asset, options: RepairOptions = RepairOptions()) -> Asset:
    """The asset after the first rung that leaves it closed, consistently wound and outward, part by part or together.

    The rungs build on each other: weld, flip (turn faces), drop (degenerate and duplicate faces), fill (small holes),
    remesh (faithful), shell (remesh, which cannot cross itself). Flips and drops come before filling because they add
    nothing. The note `repair` has what was left after each, the metrics the last rung (0: sound as it was) and how far
    the surface moved, both ways, in % of the diagonal. Where even the last allowed rung fails the note says
    `not repaired`. Raises InputError `mesh.no-faces`, and what `make_part` and `watertight` raise.
    """
    for part in asset.parts:
        make_part(part.vertices, part.faces)
    if asset.face_count == 0:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    diagonal = float(np.linalg.norm(np.ptp(asset.bounds(), axis=0)))
    state, log, rung = asset, [], 0
    left = faults(asset, options.self_intersections, diagonal)
    log.append(f"before: {left or 'sound'}")
    for name, mend in _rungs(options, diagonal):
        if not left:
            break
        state, rung = mend(state), rung + 1
        left = faults(state, options.self_intersections, diagonal)
        log.append(f"{name}: {left or 'sound'}")
    if left:
        log.append("not repaired")
    moved = 100.0 * farthest(asset, state) / diagonal if rung and diagonal > 0.0 else 0.0
    return state.noted(repair="; ".join(log)).measured({"repair.rung": float(rung), "repair.moved_percent": moved})


def _rungs(options: RepairOptions, diagonal: float) -> Iterator[tuple[str, Callable[[Asset], Asset]]]:
    """Name and mend, cheapest first."""
    turn = CleanOptions(weld_tolerance=0.0, drop_degenerate=False, drop_duplicates=False)
    yield "weld", lambda asset: _weld(asset, options.weld_tolerance * diagonal)
    yield "flip", lambda asset: clean(asset, turn)
    yield "drop", lambda asset: clean(asset, CleanOptions(weld_tolerance=options.weld_tolerance))
    yield "fill", lambda asset: clean(_fill(asset, options.fill_holes * diagonal), turn)
    if options.remesh:
        for name, mode in (("remesh", "faithful"), ("shell", "shell")):
            plan = WatertightOptions(options.resolution, mode, "always", options.fill_holes)  # type: ignore[arg-type]
            yield name, lambda asset, plan=plan: watertight(asset, plan)  # type: ignore[misc]


def faults(asset: Asset, crossings: bool, diagonal: float) -> str:
    """What keeps the asset from being sound, in words; empty when nothing does."""
    found = shells(asset.parts)
    counts = {
        "open edges": sum(shell.boundary_edges for shell in found),
        "edges of three faces or more": sum(shell.nonmanifold_edges for shell in found),
        "edges wound against each other": sum(shell.inconsistent_edges for shell in found),
        "shells inside out": sum(shell.closed and shell.volume < -INWARD * shell.area * diagonal for shell in found),
        "parts without an area": sum(not shell.closed and shell.area == 0.0 for shell in found),
    }
    if crossings:
        points, faces, _ = _welded(asset)
        counts["crossing faces"] = int(self_intersections(points, faces).faces.sum())
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def farthest(before: Asset, after: Asset) -> float:
    """Metres from the corners, edge middles and centres of either surface to the other: Hausdorff at those points.

    Faces that both have, whichever way they are wound, are at distance 0 and not asked about.
    """
    meshes = [asset.merged()[:2] for asset in (before, after)]
    count = len(meshes[0][0])
    points, faces, _ = weld(
        np.concatenate([meshes[0][0], meshes[1][0]]), np.concatenate([meshes[0][1], meshes[1][1] + count])
    )
    first, second = np.split(faces, [len(meshes[0][1])])
    away = 0.0
    for source, target in ((first, second), (second, first)):
        both = np.sort(np.concatenate([target, source]), axis=1)
        corners = points[source[~duplicate_faces(both)[len(target) :]]]
        if len(corners):
            middles = 0.5 * (corners + np.roll(corners, 1, axis=1))
            asked = np.concatenate([corners.reshape(-1, 3), middles.reshape(-1, 3), corners.mean(axis=1)])
            distances = unsigned_distance(build_distance_field(points, target), asked).distance
            away = max(away, float(distances.max()))
    return away


def _welded(asset: Asset) -> tuple[F64, I32, I32]:
    """All parts as one mesh over distinct positions, and the part of each face."""
    points, faces, owner = asset.merged()
    points, faces, _ = weld(points, faces)
    return points, faces, owner


def _weld(asset: Asset, tolerance: float) -> Asset:
    """Vertices moved onto the first one within `tolerance` metres, across parts; seams stay split."""
    points, faces, _ = asset.merged()
    kept, _, inverse = weld(points, faces, tolerance)
    moved = np.split(kept[inverse].astype(np.float32), np.cumsum([len(part.vertices) for part in asset.parts])[:-1])
    parts = zip(asset.parts, moved, strict=True)
    return replace(asset, parts=tuple(replace(part, vertices=np.ascontiguousarray(to)) for part, to in parts))


def _fill(asset: Asset, size: float) -> Asset:
    """Small holes of the parts not closed by themselves, taken together, covered by faces of the part beside each."""
    open_parts = [i for i, part in enumerate(asset.parts) if len(part.faces) and not shells([part])[0].closed]
    if not open_parts:
        return asset
    pieces = Asset(tuple(asset.parts[i] for i in open_parts))
    points, faces, owner = _welded(pieces)
    patches = fill_holes(points, faces, size)
    everywhere = np.concatenate([points, patches.points]).astype(np.float32)
    parts = list(asset.parts)
    for n, i in enumerate(open_parts):
        mine = patches.faces[owner[patches.beside // 3] == n]
        first = int(np.searchsorted(owner, n))
        parts[i] = _with_patch(parts[i], faces[first : first + len(parts[i].faces)], everywhere, mine)
    return replace(asset, parts=tuple(parts))


def _with_patch(part: Part, welded: I32, points: F32, patch: I32) -> Part:
    """The part with faces that index `points`: its own vertices where it has one there, new ones elsewhere, which take
    their attributes from the patch's first vertex that it has.
    """
    if not len(patch):
        return part
    own = np.full(len(points), -1, np.int64)
    own[welded[::-1].reshape(-1)] = part.faces[::-1].reshape(-1)
    known = own[patch] >= 0
    like = np.where(known.any(axis=1), own[patch[np.arange(len(patch)), known.argmax(axis=1)]], int(part.faces[0, 0]))
    missing, first = np.unique(patch[~known], return_index=True)
    model = np.repeat(like, (~known).sum(axis=1))[first]
    own[missing] = len(part.vertices) + np.arange(len(missing))
    rows = np.concatenate([np.arange(len(part.vertices)), model])
    vertices = np.concatenate([part.vertices, points[missing]])
    attributes = {
        name: None if values is None else np.ascontiguousarray(values[rows])
        for name, values in (("normals", part.normals), ("uv", part.uv), ("colors", part.colors))
    }
    faces = np.concatenate([part.faces, own[patch].astype(np.int32)])
    return replace(part, vertices=vertices, faces=faces, **attributes)  # type: ignore[arg-type]
