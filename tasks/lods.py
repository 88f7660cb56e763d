"""Levels of detail: LOD0 decimated, each level keeping LOD0's atlas and textures where its triangles still fit them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, InputError, Part
from ml.normals import face_crosses
from tasks.bake import BakeOptions, bake
from tasks.bvh import F64, build_bvh, closest_point
from tasks.normals import split_hard_edges
from tasks.simplify import decimate
from tasks.source_samples import FACING_PENALTY
from tasks.topology import face_components, half_edges, weld
from tasks.unwrap import UnwrapOptions, unwrap

# A part is never cut below a box's twelve triangles: under it, furniture legs and wheels collapse to slivers.
PART_FLOOR = 12
# A level has to save a tenth of the one before, else it only costs download.
LEAST_SAVING = 0.1
# Where a level strays farther from LOD0 than this share of the diagonal (99th percentile), collapses have torn it: ten
# models gave 0.0–3.6 % on sound levels and 6.6–14 % on a truck that had lost its wheels and corners.
MOST_STRAYING = 0.04
PROBES = 20_000
# A face is squeezed when a corner lies farther from its chart than this share of its longest edge; a part whose
# squeezed faces cover more than the limit gets an atlas of its own. Measured share of the surface that shows a wrong
# colour, carried against repainted: a checkered cow at 16 % of its faces 4.6 % against 0.8 % (squeezed 3 %), a truck
# of 247 charts 12.7 % against 1.5 % (squeezed 13 %). Carrying costs 20–80 ms a level, repainting 150–250 more.
SQUEEZED_EDGE_SHARE = 0.3
SQUEEZED_LIMIT = 0.05
# Charts lie this many diagonals apart while corners look for theirs: no closest point can cross into another.
CHART_SPACING = 4.0


@dataclass(frozen=True)
class LodOptions:
    """LOD k keeps `ratio`ᵏ of LOD0's faces, never fewer than `min_faces`."""

    levels: int = field(default=2, metadata={"min": 0, "max": 4, "help": "levels beside LOD0"})
    ratio: float = field(default=0.4, metadata={"min": 0.1, "max": 0.8, "help": "faces kept from level to level"})
    min_faces: int = field(default=64, metadata={"min": 12, "max": 100_000, "help": "no level goes below"})


def lods(asset: Asset, options: LodOptions = LodOptions()) -> Asset:
    """The asset with `lods` LOD1, LOD2, … and metrics `lod1.faces`, `lod1.deviation` (metres), …

    A level that saves under 10 % or strays from the shape ends the row. Raises InputError `mesh.no-faces`.
    Every level is decimated from LOD0, so errors do not add up, and shares its materials; where triangles have grown
    too large for LOD0's charts, the part is unwrapped and baked anew at half the texture size.
    """
    if not asset.face_count:
        raise InputError("mesh.no-faces", "the mesh has no faces")
    carriers = [Carrier.of(part) for part in asset.parts]
    probes = _probes(asset)
    levels: list[Asset] = []
    metrics: dict[str, float] = {}
    notes = ""
    for level in range(1, options.levels + 1):
        target = max(options.min_faces, round(asset.face_count * options.ratio**level))
        lod = Asset(tuple(carrier.reduced(target / asset.face_count) for carrier in carriers), asset.name)
        before = levels[-1] if levels else asset
        strays = _straying(probes, lod) if lod.face_count < before.face_count else 0.0
        objection = _objection(before.face_count, lod.face_count, strays / probes.diagonal)
        if objection:
            notes += f"; LOD{level} dropped: {objection}"
            break
        if any(low.material is not part.material for low, part in zip(lod.parts, asset.parts, strict=True)):
            notes += f"; LOD{level} repainted"
        levels.append(lod)
        metrics |= {f"lod{level}.faces": float(lod.face_count), f"lod{level}.deviation": strays}
    result = replace(asset, lods=tuple(levels)).measured(metrics)
    return result.noted(lods=f"{len(levels)} of {options.levels} levels{notes}")


def _objection(before: int, faces: int, straying: float) -> str:
    """Why a level is not worth shipping, or nothing."""
    if faces > (1 - LEAST_SAVING) * before:
        return f"{faces} of {before} faces saves under {LEAST_SAVING:.0%}"
    if straying > MOST_STRAYING:
        return f"at {faces} faces the surface strays {straying:.1%} of the diagonal, over {MOST_STRAYING:.0%}"
    return ""


@dataclass(frozen=True)
class Probes:
    """Points on LOD0 that each level has to stay near."""

    points: F64
    diagonal: float  # metres


def _probes(asset: Asset) -> Probes:
    """At most PROBES face corners and middles, evenly through the face order."""
    vertices, faces, _ = asset.merged()
    corners = vertices[faces[:: max(1, 4 * len(faces) // PROBES)]]
    points = np.concatenate([corners.reshape(-1, 3), corners.mean(axis=1)])
    return Probes(points, max(float(np.linalg.norm(np.ptp(asset.bounds(), axis=0))), 1e-30))


def _straying(probes: Probes, lod: Asset) -> float:
    """Metres within which 99 % of the probes find the level's surface."""
    vertices, faces, _ = lod.merged()
    return float(np.quantile(closest_point(build_bvh(vertices, faces), probes.points)[2], 0.99))


@dataclass(frozen=True)
class Carrier:
    """One part of LOD0 prepared to hand its UVs and colours to decimated copies of itself."""

    part: Part
    positions: F64  # (k, 3) welded
    faces: I32  # (m, 3) over them, in the part's face order
    charts: I32  # (m,) UV chart of each face

    @staticmethod
    def of(part: Part) -> Carrier:
        """Weld the part by position and find its charts."""
        positions, faces, _ = weld(part.vertices.astype(np.float64), part.faces)
        return Carrier(part, positions, faces, uv_charts(part, faces))

    def reduced(self, share: float) -> Part:
        """The part with about `share` of its faces, or itself when that saves nothing."""
        target = max(PART_FLOOR, round(share * len(self.faces)))
        if target >= len(self.faces):
            return self.part
        vertices, faces = decimate(self.positions.astype(np.float32), self.faces, target)
        if len(faces) >= len(self.faces) or not len(faces):
            return self.part
        if self.part.uv is None and self.part.colors is None:
            return split_hard_edges(replace(self.part, vertices=vertices, faces=faces, normals=None))
        dressed, squeezed = self._dressed(vertices, faces)
        dressed = split_hard_edges(dressed)
        return self._repainted(dressed) if squeezed > SQUEEZED_LIMIT and self._repaintable else dressed

    @property
    def _repaintable(self) -> bool:
        """Baking carries no normal map over, and without textures squeezed UVs show nothing."""
        material = self.part.material
        return material.base_color_texture is not None and material.normal_texture is None

    def _repainted(self, low: Part) -> Part:
        """The decimated part under a new atlas of half LOD0's texture size, baked from LOD0."""
        texture = self.part.material.base_color_texture
        if texture is None or len(low.faces) > UnwrapOptions.max_faces:
            return low
        size = min(max(texture.size[0] // 2, 64), 4096)
        bare = Asset((replace(low, uv=None),), low.material.name, source=Asset((self.part,)))
        painted = bake(unwrap(bare, UnwrapOptions(size)), BakeOptions(size)).parts[0]
        return replace(painted, name=low.name)

    def _dressed(self, vertices: F32, faces: I32) -> tuple[Part, float]:
        """The decimated triangles with UVs and colours of the LOD0 chart that each face lies on; the squeezed share.

        A face belongs to one chart, so no triangle ever spans the gap between two; its corners take the closest
        point of that chart alone, so a corner beyond the chart's border stops at the border.
        """
        chart = self._chart_of(vertices, faces)
        face, barycentric, distance = self._closest_in_chart(vertices, faces, chart)
        values = [
            np.einsum("ck,ckd->cd", barycentric, attribute[self.part.faces[face]].astype(np.float64))
            for attribute in (self.part.uv, self.part.colors)
            if attribute is not None
        ]
        # Corners at one vertex and chart have one closest point but for the hint's side: compare what they got.
        record = np.concatenate([faces.reshape(-1, 1), *values], axis=1).astype(np.float64)
        rows = record.view(np.dtype((np.void, 8 * record.shape[1]))).reshape(-1)
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        by_use = np.argsort(first, kind="stable")
        rank = np.argsort(by_use, kind="stable").astype(np.int32)
        columns: list[F64] = [value[first[by_use]] for value in values]
        dressed = replace(
            self.part,
            vertices=vertices[faces.reshape(-1)[first[by_use]]],
            faces=rank[inverse].reshape(-1, 3),
            normals=None,
            uv=None if self.part.uv is None else columns[0].astype(np.float32),
            colors=None if self.part.colors is None else _bytes(columns[-1]),
        )
        return dressed, _squeezed_share(vertices, faces, distance)

    @property
    def _diagonal(self) -> float:
        return float(np.linalg.norm(np.ptp(self.positions, axis=0)))

    def _chart_of(self, vertices: F32, faces: I32) -> I32:
        """(f,) the chart most of four probes land on: the centroid, which wins ties, and one towards each corner."""
        corners = vertices[faces].astype(np.float64)
        centre = corners.mean(axis=1, keepdims=True)
        probes = np.concatenate([centre, 0.4 * centre + 0.6 * corners], axis=1)
        hint = np.repeat(face_crosses(vertices, faces), 4, axis=0)
        bvh = build_bvh(self.positions, self.faces)
        hit, _, _ = closest_point(bvh, probes.reshape(-1, 3), hint, FACING_PENALTY * self._diagonal)
        votes = self.charts[hit].reshape(-1, 4)
        agreeing = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
        chosen: I32 = votes[np.arange(len(votes)), agreeing.argmax(axis=1)]
        return chosen

    def _closest_in_chart(self, vertices: F32, faces: I32, chart: I32) -> tuple[I32, F64, F64]:
        """Closest LOD0 face, barycentric and distance of every corner (3f,) within its face's chart.

        All charts share one hierarchy, each moved along X to a place of its own.
        """
        step = np.array([CHART_SPACING * self._diagonal, 0.0, 0.0])
        apart = self.positions[self.faces] + self.charts[:, None, None] * step
        bvh = build_bvh(apart.reshape(-1, 3), np.arange(3 * len(self.faces)).reshape(-1, 3))
        query = vertices[faces] + chart[:, None, None] * step
        hint = np.repeat(face_crosses(vertices, faces), 3, axis=0)
        return closest_point(bvh, query.reshape(-1, 3), hint, FACING_PENALTY * self._diagonal)


def uv_charts(part: Part, welded: I32) -> I32:
    """(m,) chart of each face: faces joined over edges whose two ends agree in position and UV; all 0 without UVs."""
    if part.uv is None:
        return np.zeros(len(part.faces), dtype=np.int32)
    flat = np.concatenate([part.uv, np.zeros((len(part.uv), 1), dtype=np.float32)], axis=1)
    _, coordinates, _ = weld(flat, part.faces)
    key = welded.astype(np.int64) * (int(coordinates.max(initial=0)) + 1) + coordinates
    ends, joined = np.unique(key, return_inverse=True)
    faces = np.ascontiguousarray(joined.reshape(-1, 3), dtype=np.int32)
    charts = face_components(faces, *half_edges(faces, len(ends)))
    return np.where(charts < 0, charts.max(initial=-1) + 1, charts).astype(np.int32)


def _squeezed_share(vertices: F32, faces: I32, distance: F64) -> float:
    """Share of the surface in faces with a corner (3f,) farther off its chart than SQUEEZED_EDGE_SHARE of an edge."""
    corners = vertices[faces].astype(np.float64)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    area = np.linalg.norm(face_crosses(vertices, faces), axis=1)
    squeezed = distance.reshape(-1, 3).max(axis=1) > SQUEEZED_EDGE_SHARE * longest
    return float(area[squeezed].sum() / max(float(area.sum()), 1e-300))


def _bytes(values: npt.NDArray[Any]) -> U8:
    rounded: U8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return rounded
