"""The charts of all parts of an asset, flat and at one scale, ready to be packed and measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, Part
from tasks.pack import kept_gap, pack_charts
from tasks.topology import F64, degenerate_faces, weld
from tasks.uv_atlas import flattened
from tasks.uv_mesh import flat_mesh
from tasks.uv_stretch import stretch
from tasks.uv_xatlas import xatlas_charts

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """Charts of the faces over all parts, in their order; faces without an area are in none."""

    faces: I32  # (m, 3) all faces, joined by position within each part
    shown: Bool  # (m,) faces with an area, k of them
    points: F64  # (k, 3, 3) their corners, metres
    flat: F64  # (k, 3, 2) the same in the plane, every chart at one scale
    chart: I32  # (k,) from 0

    @property
    def charts(self) -> int:
        """Number of charts."""
        return int(self.chart.max(initial=-1)) + 1

    def packed(self, gap: float) -> F32:
        """UVs (m, 3, 2) of every corner in 0–1, charts at least `gap` (share of the side) apart where that fits.

        Faces without an area show nothing: each of their corners takes a UV of some face at its position.
        """
        corners = np.zeros((len(self.faces), 3, 2), dtype=np.float32)
        if self.charts:
            corners[self.shown] = pack_charts(self.flat.astype(np.float32), self.chart, gap)
        if self.charts and not self.shown.all():
            table = np.zeros((int(self.faces.max()) + 1, 2), dtype=np.float32)
            table[self.faces[self.shown].reshape(-1)[::-1]] = corners[self.shown].reshape(-1, 2)[::-1]
            corners[~self.shown] = table[self.faces[~self.shown]]
        return corners

    def measures(self, corners: F32, padding: int, resolution: int) -> dict[str, float]:
        """The `uv.…` metrics of `tasks/metrics.py` for UVs that `packed` gave."""
        drawn = corners[self.shown].astype(np.float64)
        found = stretch(self.points, drawn)
        kept = kept_gap(self.charts, padding / resolution) * resolution
        a, b = drawn[:, 1] - drawn[:, 0], drawn[:, 2] - drawn[:, 0]
        return {
            "uv.charts": float(self.charts),
            "uv.utilisation": float(0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()),
            "uv.stretch": found.l2,
            "uv.stretch_max": found.worst,
            "uv.angle_distortion": found.angle,
            "uv.area_distortion": found.area,
            "uv.texel_density": found.scale * resolution,
            "uv.padding": kept,
            "uv.mip_levels": float(math.floor(math.log2(kept / 3.0)) + 1) if kept >= 3.0 else 0.0,
        }


def shared_corners(*values: npt.NDArray[Any]) -> tuple[I32, I32]:
    """Faces (m, 3) whose corners are one vertex where all `values` (3m, 1–3 columns each) are the same, and the corner
    that stands for each vertex, in order of first use. Hashes, so that a fan of any size costs what its corners do.
    """
    corners = np.arange(len(values[0]), dtype=np.int32).reshape(-1, 3)
    number = np.zeros((len(values[0]), 3))
    for axis, rows in enumerate(values):
        wide = np.zeros((len(rows), 3))
        wide[:, : rows.shape[1]] = rows
        number[:, axis] = weld(wide, corners)[2]
    kept, faces, _ = weld(number, corners)
    first = np.empty(len(kept), np.int32)
    first[faces.reshape(-1)[::-1]] = corners.reshape(-1)[::-1]  # the last write wins: each vertex's first corner
    return faces, first


def laid_out(parts: Sequence[Part], method: str, parameterisation: str) -> Layout:
    """The parts' faces cut and flattened; parts are joined by position each for itself."""
    points, faces, owners = [], [], 0
    for part in parts:
        welded, joined, _ = weld(part.vertices.astype(np.float64), part.faces)
        points.append(welded)
        faces.append(joined + np.int32(owners))
        owners += len(welded)
    vertices, every = np.concatenate(points), np.concatenate(faces).astype(np.int32)
    shown = ~degenerate_faces(vertices, every)
    proper = every[shown]
    if not len(proper):
        return Layout(every, shown, np.zeros((0, 3, 3)), np.zeros((0, 3, 2)), np.zeros(0, np.int32))
    mesh = flat_mesh(vertices, proper)
    flat, chart = xatlas_charts(mesh) if method == "xatlas" else flattened(mesh, parameterisation)
    return Layout(every, shown, vertices[proper], flat, chart)
