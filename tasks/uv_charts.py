"""UV charts of any asset, imported or unwrapped here: how many, how dense in texels, how stretched."""

from __future__ import annotations

import numpy as np

from ml.asset import I32
from tasks.subject import Subject
from tasks.topology import F64, Bool, face_components, half_edges, weld
from tasks.uv_stretch import CAP, stretch

ENDS = (0.01, 0.99)  # of the surface: a sliver's density says nothing about how a map looks


def chart_metrics(subject: Subject) -> dict[str, float]:
    """uv.charts, uv.stretch and its kin, uv.texel_density* in texels a metre; nothing without UVs.

    A chart is what hangs together in space and in the UV square. Stretch is measured part by part, each at its own
    scale (`tasks/uv_stretch.py`), and averaged over the area; what parts differ in is density. A chart's density is the
    root of texels over m² (as the Khronos asset auditor's `uvs.pixelsPerMeter`), with the largest map of its material;
    least and most leave out 1 % of the surface each. A chart smaller than a texel both ways is a swatch, which takes
    its colour from a palette, and has no density; nor has what shows no map.
    """
    mapped = np.array([part.uv is not None for part in subject.asset.parts])[subject.owner] & (subject.areas > 0.0)
    if not mapped.any():
        return {}
    corners = subject.corner_uv[mapped]
    owner, areas = subject.owner[mapped], subject.areas[mapped] / subject.scale**2
    place = subject.faces[mapped].astype(np.float64) * len(subject.asset.parts) + owner[:, None]
    ids = np.column_stack([corners.reshape(-1, 2), place.reshape(-1)])
    kept, faces, _ = weld(ids, np.arange(len(ids), dtype=np.int32).reshape(-1, 3))
    labels = face_components(faces, *half_edges(faces, len(kept)))
    labels = np.where(labels < 0, labels.max(initial=-1) + 1, labels)  # what is flat in the square is one chart more
    counted = {"uv.charts": float(len(np.unique(labels)))}
    return counted | _stretch(subject, corners, owner, mapped, areas) | _density(subject, corners, owner, areas, labels)


def _stretch(subject: Subject, corners: F64, owner: I32, mapped: Bool, areas: F64) -> dict[str, float]:
    points = subject.points[subject.faces[mapped]]
    found = []
    for index in np.unique(owner):
        own = owner == index
        found.append((float(areas[own].sum()), stretch(points[own], corners[own])))
    total = sum(area for area, _ in found)

    def mean(values: list[float]) -> float:
        return sum(area * value for (area, _), value in zip(found, values, strict=True)) / total

    return {
        "uv.stretch": mean([each.l2**2 for _, each in found]) ** 0.5,
        "uv.stretch_max": max(each.worst for _, each in found),
        "uv.angle_distortion": mean([each.angle for _, each in found]),
        "uv.area_distortion": mean([each.area for _, each in found]),
    }


def _density(subject: Subject, corners: F64, owner: I32, areas: F64, labels: I32) -> dict[str, float]:
    textured = np.array([bool(part.material.textures) for part in subject.asset.parts])[owner]
    texels = np.where(textured, subject.texel[owner] ** -2.0, 0.0)
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    drawn = 0.5 * np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) * texels
    surface, shown = np.bincount(labels, np.where(textured, areas, 0.0)), np.bincount(labels, drawn)
    box = np.full((len(surface), 4), -np.inf)
    spread = corners / subject.texel[owner][:, None, None]
    np.maximum.at(box, np.repeat(labels, 3), np.concatenate([spread, -spread], axis=2).reshape(-1, 4))
    swatch = (box[:, :2] + box[:, 2:]).max(axis=1) < 1.0
    keep = (surface > 0.0) & ~swatch
    density, weight = np.sqrt(shown[keep] / surface[keep]), surface[keep]
    if not density.any():
        return {}
    order = np.argsort(density)
    reached = np.cumsum(weight[order]) / weight.sum()
    low, high = (float(density[order][np.searchsorted(reached, end)]) for end in ENDS)
    return {
        "uv.texel_density": float(np.sqrt(shown[keep].sum() / surface[keep].sum())),
        "uv.texel_density_min": low,
        "uv.texel_density_max": high,
        "uv.texel_density_ratio": min(high / low, CAP) if low > 0.0 else CAP,
    }
