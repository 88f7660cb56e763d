"""Measuring: what a gate or a customer asks about an asset, as numbers with names from `tasks/metrics.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import U8, Asset, Part
from tasks.asked_measures import asked_metrics
from tasks.inside_out import inside_out_pieces
from tasks.measure_lightmap import lightmap_metrics
from tasks.measure_surface import albedo_metrics, part_coverage, texture_metrics, uv_metrics
from tasks.outputs import OutputFile
from tasks.stance import stance
from tasks.subject import Subject
from tasks.topology import Topology, topology, weld

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MeasureOptions:
    """Counts, sizes and topology are always measured, what costs more only where one of its numbers is wanted."""

    wanted: frozenset[str] = frozenset()  # metrics, as `Profile.metrics` names them; EVERYTHING in asked_measures


def measure(asset: Asset, options: MeasureOptions = MeasureOptions()) -> Asset:
    """The asset with the metrics of `tasks/metrics.py`; what it does not have (UVs, textures) has no metric.

    Those of `tasks/asked_measures.py` are made where `options.wanted` names one of them: all together cost as much as
    the rest of a short chain, and a customer who does not ask about walls need not pay for them.

    Never refuses: an asset without faces or with NaN gets the counts that the gate rejects it for. Raises InputError
    `image.*` for a texture that cannot be decoded.
    """
    metrics = {**count_metrics(asset), **texture_metrics(asset)}
    if asset.face_count and metrics["finite"]:
        covers = [part_coverage(part) for part in asset.parts]
        bounds = asset.bounds()
        metrics |= size_metrics(bounds, asset.metrics) | pivot_metrics(bounds) | shape_metrics(asset)
        decoded: dict[bytes, U8] = {}
        metrics |= uv_metrics(asset.parts, covers) | albedo_metrics(asset.parts, covers, decoded)
        metrics |= lightmap_metrics(asset.parts)
        metrics |= asked_metrics(Subject(asset, {**asset.metrics, **metrics}, covers, decoded), options.wanted)
    return asset.measured(metrics)


def measure_files(files: Sequence[OutputFile]) -> dict[str, float]:
    """`bytes.<format>` over the files of LOD0, `bytes.total` over all files, and what writing LOD0 measured."""
    formats = dict.fromkeys(file.format for file in files)
    sizes = {f"bytes.{f}": float(sum(len(x.data) for x in files if x.format == f and x.lod == 0)) for f in formats}
    told = {name: value for file in files if file.lod == 0 for name, value in file.metrics.items()}
    return {**sizes, **told, "bytes.total": float(sum(len(file.data) for file in files))}


def count_metrics(asset: Asset) -> dict[str, float]:
    """Budgets: what a renderer has to store and draw."""
    parts = asset.parts
    counts: dict[str, float] = {
        "finite": all(map(_finite, parts)),
        "triangles": asset.face_count,
        "vertices": asset.vertex_count,
        "parts": len(parts),
        "part.max_triangles": max((len(part.faces) for part in parts), default=0),
        "part.max_vertices": max((len(part.vertices) for part in parts), default=0),
        "materials": len({part.material for part in parts}),
        "draw_calls": sum(len(part.faces) > 0 for part in parts),
        "lods": len(asset.lods),
    }
    counts |= {f"lod{level}.triangles": lod.face_count for level, lod in enumerate(asset.lods, start=1)}
    return {name: float(value) for name, value in counts.items()}


def _finite(part: Part) -> bool:
    arrays = (part.vertices, part.normals, part.uv, part.uv1)
    return all(np.isfinite(array).all() for array in arrays if array is not None)


def size_metrics(bounds: F64, known: Mapping[str, float]) -> dict[str, float]:
    """Extents in metres, and how far they are from those the scale step was asked for."""
    width, height, depth = (float(extent) for extent in bounds[1] - bounds[0])
    sizes = {"size.width_m": width, "size.height_m": height, "size.depth_m": depth}
    asked = {axis: known.get(f"size.asked_{axis}_m", 0.0) for axis in ("width", "height", "depth")}
    errors = [abs(sizes[f"size.{axis}_m"] / value - 1.0) for axis, value in asked.items() if value > 0]
    error = {"size.asked_error": max(errors)} if errors else {}
    largest = max(sizes.values())
    return {
        **sizes,
        "size.max_m": largest,
        "size.min_m": min(sizes.values()),
        **error,
        **_category_error(largest, known),
    }


def _category_error(largest: float, known: Mapping[str, float]) -> dict[str, float]:
    """How many times the largest extent is out of what things of the row's category have; 1 inside."""
    low, high = known.get("size.category_min_m", 0.0), known.get("size.category_max_m", 0.0)
    if not 0.0 < low <= high or largest <= 0.0:
        return {}
    return {"size.category_factor": max(low / largest, largest / high, 1.0)}


def pivot_metrics(bounds: F64) -> dict[str, float]:
    """How far the origin is from the middle of the base, where engines put a prop down and turn it (shares, 0 best)."""
    extent = float((bounds[1] - bounds[0]).max())
    if not extent > 0.0:
        return {}
    x, _, z = 0.5 * (bounds[0] + bounds[1])
    return {
        "pivot.base": abs(float(bounds[0, 1])) / extent,
        "pivot.offset": float(np.hypot(x, z)) / extent,
    }


def shape_metrics(asset: Asset) -> dict[str, float]:
    """Topology, volume, area and stance, welded by position."""
    found = shells(asset.parts)
    closed = all(shell.closed for shell in found)
    vertices, faces, _ = asset.merged()
    stand = stance(vertices, faces, closed)
    volume = {"volume_m3": sum(shell.volume for shell in found)} if closed else {}
    return {
        **{f"topology.{name}": _total(found, name) for name in COUNTED},
        "topology.unused_vertices": float(sum(_unused(part) for part in asset.parts)),
        "topology.closed": float(closed),
        "topology.inverted": float(inside_out_pieces(asset.parts)),
        **volume,
        "area_m2": sum(shell.area for shell in found),
        "print.overhang_fraction": stand.overhang_fraction,
        "print.base_area_m2": stand.base_area,
        "stable": float(stand.stable),
        "stable.margin_m": stand.margin,
        "stable.tilt_deg": stand.tilt,
    }


COUNTED = (
    "boundary_edges",
    "nonmanifold_edges",
    "inconsistent_edges",
    "components",
    "degenerate_faces",
    "duplicate_faces",
)


def _total(shells: Sequence[Topology], name: str) -> float:
    return float(sum(getattr(shell, name) for shell in shells))


def shells(parts: Sequence[Part]) -> list[Topology]:
    """Topology of what is judged on its own, welded by position.

    A part that is closed by itself is one: closed parts that touch (a leg under its seat) must not count as
    non-manifold. The open parts are joined into one, because materials cut one closed surface into several parts.
    """
    drawn = [part for part in parts if len(part.faces)]
    alone = [_welded([part]) for part in drawn]
    open_parts = [part for part, shell in zip(drawn, alone, strict=True) if not shell.closed]
    if len(open_parts) <= 1:
        return alone
    return [*(shell for shell in alone if shell.closed), _welded(open_parts)]


def _welded(parts: Sequence[Part]) -> Topology:
    vertices, faces, _ = Asset(tuple(parts)).merged()
    welded, corners, _ = weld(vertices, faces)
    return topology(welded, corners)


def _unused(part: Part) -> int:
    used = np.zeros(len(part.vertices), dtype=bool)
    used[part.faces] = True
    return len(used) - int(used.sum())
