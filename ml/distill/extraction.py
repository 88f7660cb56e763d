"""A field's surface as an asset: a closed mesh in the colours that the field has there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ml.asset import F32, I32, U8, Asset, Material, Part, make_part
from ml.distill.field import Field
from ml.field_mesh import field_mesh
from ml.looks import F64
from ml.srgb import decode_table, linear_bytes

BLOCK = 1 << 16  # points at once
ROUGHNESS = 0.7  # of a surface about which pictures say nothing but its colour


def field_surface(field: Field, centre: F64 | float, radius: float, resolution: int, name: str) -> Asset:
    """The surface with linear vertex colours, `radius` metres to a unit of the field around `centre`.

    A closed 2-manifold cut at `resolution` cells a side of the field's cube. Raises InputError `field.empty` and
    `field.not-finite` as `field_mesh` does.
    """
    box, faces = field_mesh(lambda points: distances(field, points), (1.0, 1.0, 1.0), resolution)
    return Asset((coloured(field, box, faces, box.astype(np.float64) * radius + centre, name),), name=name)


def coloured(field: Field, box: F32, faces: I32, metres: F64, name: str) -> Part:
    """The part of (n, 3) points of the field, whose places in metres are given, in the field's colours."""
    colours, brightest = linear_bytes(decode_table()[surface_colours(field, box)])
    return make_part(metres, faces, Material(name, brightest, roughness=ROUGHNESS), name=name, colors=colours)


def standing(asset: Asset, metres: float) -> Asset:
    """An asset of one part at `metres` along its longest side, on y = 0 and centred on x and z."""
    (part,) = asset.parts
    low, high = asset.bounds()
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    vertices = (part.vertices - foot) * (metres / float((high - low).max()))
    return replace(asset, parts=(replace(part, vertices=vertices.astype(np.float32)),))


def distances(field: Field, points: F32) -> F32:
    """(n,) signed distances of (n, 3) points."""
    return _read(lambda block: field.distance(block)[:, None], field, points, 1)[:, 0]


def distance_changes(field: Field, points: F32) -> F32:
    """(n,) what was learnt about the distances of (n, 3) points."""
    return _read(lambda block: field.distance_change(block)[:, None], field, points, 1)[:, 0]


def start_colours(field: Field, points: F32) -> U8:
    """(n, 3) sRGB bytes before anything was learnt."""
    found = _read(lambda block: field.start(block)[1].sigmoid(), field, points, 3)
    return np.asarray(np.rint(255.0 * np.nan_to_num(found)), dtype=np.uint8)


def surface_colours(field: Field, points: F32) -> U8:
    """(n, 3) sRGB bytes."""
    found = _read(lambda block: field.read(block)[1], field, points, 3)
    return np.asarray(np.rint(255.0 * np.nan_to_num(found)), dtype=np.uint8)


@torch.no_grad()
def _read(read: Callable[[Tensor], Tensor], field: Field, points: F32, width: int) -> F32:
    """`read` by blocks, from numpy and back."""
    like = next(field.parameters())
    out = np.empty((len(points), width), np.float32)
    for start in range(0, len(points), BLOCK):
        block = torch.from_numpy(np.ascontiguousarray(points[start : start + BLOCK]))
        out[start : start + BLOCK] = read(block.to(like)).float().cpu().numpy()
    return out
