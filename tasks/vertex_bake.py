"""Vertex colours: the source's visible base colour carried to the vertices of a mesh that has no UVs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ml.asset import Asset, Part
from ml.normals import vertex_normals
from ml.srgb import linear_bytes
from tasks.source_samples import SourceSamples, closest_hits


@dataclass(frozen=True)
class VertexBakeOptions:
    """Nothing to choose: every vertex takes the colour of the source's closest place that faces the same way."""


def vertex_bake(asset: Asset, options: VertexBakeOptions = VertexBakeOptions()) -> Asset:
    """The asset with the source's base colour at each vertex; parts with UVs and assets without a source stay.

    Printers and point tools read colours from PLY vertices, where a remeshed solid has lost its UVs.
    """
    source = asset.source
    if source is None or not source.face_count:
        return asset
    parts = tuple(_coloured(part, source) if part.uv is None and len(part.faces) else part for part in asset.parts)
    coloured = sum(len(new.vertices) for new, old in zip(parts, asset.parts, strict=True) if new is not old)
    return replace(asset, parts=parts).noted(vertex_bake=f"{coloured} vertices") if coloured else asset


def _coloured(part: Part, source: Asset) -> Part:
    hits = closest_hits(source, part.vertices, vertex_normals(part.vertices, part.faces))
    linear = SourceSamples(source).base_color(hits)
    colors, brightest = linear_bytes(linear[:, :3])
    colors[:, 3] = np.rint(np.clip(linear[:, 3], 0.0, 1.0) * 255)
    mode: Literal["BLEND", "OPAQUE"] = "BLEND" if (colors[:, 3] < 255).any() else "OPAQUE"
    return replace(part, colors=colors, material=replace(part.material, base_color=brightest, alpha_mode=mode))
