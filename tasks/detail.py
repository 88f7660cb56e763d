"""Detail: fine relief drawn by a small diffusion model over an asset's UV charts, and the surface moved by it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ml.asset import F32, I32, Asset, InputError, Part
from ml.residual.field import ResidualField, fit_field
from ml.residual.network import STEPS, draw_residual, shipped_weights
from tasks.chart_maps import ChartMaps, chart_maps, smooth_normals
from tasks.moved_part import moved_part
from tasks.quarter import quartered
from tasks.region import Region, parse_region, part_indices, region_weights
from tasks.self_intersections import self_intersections
from tasks.topology import F64, weld
from tasks.uncross import uncross
from tasks.unwrap import UnwrapOptions, in_unit_square, unwrap
from tasks.uv_xatlas import MOST_FACES

LIMIT = 0.05  # of the longest side: no place moves farther
FINE = 1.5  # texels: edges this long on average carry what the map shows
HALVINGS = 4  # of the relief, where it makes faces cross; then it is left out


@dataclass(frozen=True)
class DetailOptions:
    """How much relief, how fine, and where."""

    amount: float = field(
        default=0.002, metadata={"min": 0.0, "max": 0.02, "help": "share of the longest side; less on what is smooth"}
    )
    texels: int = field(default=256, metadata={"min": 64, "max": 1024, "help": "of the map it is drawn on, a side"})
    steps: int = field(default=STEPS, metadata={"min": 5, "max": 10, "help": "of the diffusion"})
    seed: int = field(default=0, metadata={"min": 0, "max": 2**32 - 1, "help": "another number, another relief"})
    region: str = field(default="", metadata={"help": "JSON of parts, boxes and spheres; empty for all of it"})
    max_faces: int = field(default=200_000, metadata={"min": 1000, "max": 1_000_000, "help": "of the finer surface"})


def detail(asset: Asset, options: DetailOptions = DetailOptions()) -> Asset:
    """The asset with relief: refined = base + R(u, v) along the smooth normal, R from a hash grid over its charts.

    A part with UVs in 0–1 keeps them and its maps; anything else gets one atlas (xatlas, to `uv_xatlas.MOST_FACES`) and
    a `source` to bake from. Faces are quartered until they carry the relief, up to `max_faces`. Closed stays closed, no
    faces come to cross, and no place moves by more than LIMIT of the longest side. Metrics `detail.rms_percent`,
    `detail.most_percent` (of that side). Raises InputError `mesh.*`, `region.*`, `uv.too-many-faces`.
    """
    flat = _with_charts(asset, options.texels)
    base = flat.parts[0]
    side = float(np.ptp(asset.bounds(), axis=0).max())
    if not side > 0.0:
        raise InputError("mesh.no-area", f"all {asset.face_count} faces lie in one point")
    maps = chart_maps(base, options.texels)
    drawn = draw_residual(shipped_weights(), maps.conditions(), options.seed, options.steps)
    relief = np.clip(drawn * np.float32(options.amount * side), -LIMIT * side, LIMIT * side)
    fine = _fine_enough(base, maps, options.max_faces)
    weights = _weights(asset, fine, parse_region(options.region))
    moved = displaced(fine, fit_field(relief, maps.mask), weights, LIMIT * side)
    apart = np.linalg.norm(moved.vertices.astype(np.float64) - fine.vertices, axis=1) * (100.0 / side)
    measured = {"detail.rms_percent": float(np.sqrt(np.mean(apart**2))), "detail.most_percent": float(apart.max())}
    note = (
        f"{asset.face_count} to {len(fine.faces)} faces, relief of {measured['detail.rms_percent']:.3g} % of the side"
    )
    made = replace(flat, parts=(moved,), lods=(), collision=())
    return made.noted(detail=note).measured(measured)


def _with_charts(asset: Asset, texels: int) -> Asset:
    """One part with UVs in 0–1."""
    method: Literal["charts", "xatlas"] = "xatlas" if asset.face_count <= MOST_FACES else "charts"
    kept = len(asset.parts) == 1 and in_unit_square(asset.parts[0].uv)
    return unwrap(asset, UnwrapOptions(texels, padding=2, method=method, when="needed" if kept else "always"))


def _weights(asset: Asset, fine: Part, region: Region) -> F32:
    """(n,) 0 … 1 of the finer part's vertices; named parts of an asset that was merged count as the boxes around them.

    Raises InputError `region.*`.
    """
    if len(asset.parts) > 1 and region.parts:
        named = [asset.parts[index].vertices for word in region.parts for index in part_indices(asset, word)]
        boxes = [(*map(float, points.min(axis=0)), *map(float, points.max(axis=0))) for points in named]
        region = Region((), (*region.boxes, *boxes), region.spheres)  # type: ignore[arg-type]
    return region_weights(replace(asset, parts=(fine,)), region)[0]


def _fine_enough(part: Part, maps: ChartMaps, most: int) -> Part:
    """The part quartered until its edges are FINE texels long on average, or four times its faces were too many."""
    while 4 * len(part.faces) <= most:
        corners = part.vertices[part.faces].astype(np.float64)
        if np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).mean() <= FINE * maps.texel:
            break
        part = quartered(part)
    return part


def displaced(part: Part, field: ResidualField, weights: F32, limit: float) -> Part:
    """The part moved along its smooth normals by the field (metres), at most `limit`, less where faces would cross.

    Vertices at one place move alike: by the mean of what the field says on the charts that meet there.
    """
    assert part.uv is not None
    points, faces, inverse = weld(part.vertices.astype(np.float64), part.faces)
    count = np.bincount(inverse, minlength=len(points))
    along = np.bincount(inverse, field.values(part.uv) * weights, len(points)) / np.maximum(count, 1)
    ways = np.zeros_like(points)
    ways[inverse] = smooth_normals(part)
    shift = np.clip(along, -limit, limit)[:, None] * ways
    allowed = len(self_intersections(points, faces).pairs)
    for halving in range(HALVINGS):
        moved = _apart(points, shift * 0.5**halving, faces, allowed, limit)
        if len(self_intersections(moved, faces).pairs) <= allowed:
            return moved_part(part, moved[inverse].astype(np.float32))
    return part


def _apart(points: F64, shift: F64, faces: I32, allowed: int, limit: float) -> F64:
    """Points moved, with crossing faces smoothed apart, none farther than `limit` from where it was."""
    moved = uncross(points + shift, faces, np.abs(shift).max(axis=1) > 0.0, allowed)
    away = np.linalg.norm(moved - points, axis=1, keepdims=True)
    short: F64 = points + (moved - points) * np.minimum(1.0, limit / np.maximum(away, 1e-300))
    return short.astype(np.float32).astype(np.float64)
