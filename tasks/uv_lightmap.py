"""A second UV set for baked light: every face in a place of its own, whatever the first set does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.asset import F32, Part
from tasks.uv_layout import Layout, shared_corners

LIGHTMAP_PADDING = 2  # texels: light is filtered over one texel to each side, and lightmaps are sampled without mips


def lightmapped(parts: Sequence[Part], layout: Layout, resolution: int) -> tuple[Part, ...]:
    """The parts with `uv1`, all in one square of `resolution` texels; vertices are split where it has a seam.

    `layout` holds the charts of all faces of the parts, in their order. Faces and all other attributes stay.
    """
    corners = layout.packed(LIGHTMAP_PADDING / resolution)
    ends = np.cumsum([len(part.faces) for part in parts])
    return tuple(_with_uv1(part, uv) for part, uv in zip(parts, np.split(corners, ends[:-1]), strict=True))


def _with_uv1(part: Part, corners: F32) -> Part:
    values = corners.reshape(-1, 2)
    faces, kept = shared_corners(part.faces.reshape(-1, 1), values)
    origin = part.faces.reshape(-1)[kept]
    return replace(
        part,
        vertices=part.vertices[origin],
        faces=faces,
        normals=None if part.normals is None else part.normals[origin],
        uv=None if part.uv is None else part.uv[origin],
        uv1=values[kept],
        colors=None if part.colors is None else part.colors[origin],
    )
