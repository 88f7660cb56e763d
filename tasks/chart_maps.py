"""A part's surface as maps over its UV charts: places, normals, curvature, and how far a detailed surface lies off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import F32, I32, Part
from ml.residual.patches import stacked_conditions
from tasks.bvh import build_bvh, closest_point
from tasks.normal_gradient import summed_normals, unit
from tasks.texel_raster import rasterize
from tasks.topology import F64, weld


@dataclass(frozen=True)
class ChartMaps:
    """Maps of size × size texels; outside the charts everything is 0."""

    mask: F32  # 1 on charts
    places: F64  # (…, 3) metres
    normals: F64  # (…, 3) unit, smooth across charts
    texel: float  # metres: median distance of neighbouring texels

    def conditions(self) -> F32:
        """(size, size, 3) what the residual model sees: by how many texels the neighbours lie above, and the mask."""
        bent = np.zeros_like(self.mask, dtype=np.float64)
        for axis, way in ((0, 1), (0, -1), (1, 1), (1, -1)):
            beside = np.roll(self.mask, way, axis) * self.mask
            step = (np.roll(self.places, way, axis) - self.places) * beside[..., None]
            bent += (step * self.normals).sum(axis=-1)
        return stacked_conditions((bent / self.texel).astype(np.float32), self.mask)

    def heights(self, points: F64, faces: I32) -> F32:
        """(size, size) metres along the normals to the closest places of a detailed surface: the residual it has."""
        on = self.mask > 0.0
        places = self.places[on]
        face, weights, _ = closest_point(build_bvh(points, faces), places.astype(np.float32))
        closest = np.einsum("ik,ikd->id", weights, points[faces[face]])
        heights = np.zeros(self.mask.shape, np.float32)
        heights[on] = ((closest - places) * self.normals[on]).sum(axis=1)
        return heights


def chart_maps(part: Part, size: int) -> ChartMaps:
    """The maps of a part that has `uv` in 0–1."""
    assert part.uv is not None
    points = part.vertices.astype(np.float64)
    face, weights = rasterize(part.uv.astype(np.float64), part.faces, size)
    on = face >= 0
    b, c = weights[on, 0].astype(np.float64), weights[on, 1].astype(np.float64)
    shares = np.stack([1.0 - b - c, b, c], axis=1)
    places, normals = np.zeros((size, size, 3)), np.zeros((size, size, 3))
    corners = part.faces[face[on]]
    places[on] = np.einsum("ik,ikd->id", shares, points[corners])
    normals[on] = unit(np.einsum("ik,ikd->id", shares, smooth_normals(part)[corners]))
    beside = on[:, 1:] & on[:, :-1]
    steps = np.linalg.norm(places[:, 1:] - places[:, :-1], axis=-1)[beside]
    return ChartMaps(on.astype(np.float32), places, normals, max(float(np.median(steps)) if len(steps) else 0.0, 1e-12))


def smooth_normals(part: Part) -> F64:
    """(n, 3) unit normals of the vertices, the same for all at one place."""
    points, faces, inverse = weld(part.vertices.astype(np.float64), part.faces)
    normals: F64 = unit(summed_normals(points, faces))[inverse]
    return normals
