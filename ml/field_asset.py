"""A learned field as an asset: one closed part in metres that stands on the ground and wears the field's looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.asset import F32, U8, Asset, Material, make_part
from ml.field_mesh import field_mesh
from ml.looks import F64, Looks
from ml.plane_field import PlaneField
from ml.srgb import decode_table, linear_bytes


@dataclass(frozen=True)
class ShapeField:
    """What a shape latent decodes to, as arrays."""

    distance: PlaneField  # one value v: the signed distance is unit · sinh v, isotropic
    looks: PlaneField  # eight values, before the sigmoid
    extents: F32  # (3,) half sides of the box over the longest
    unit: float
    farthest: float  # v is held within ±this

    def distances(self, points: F32) -> F32:
        """(n,) of (n, 3) points in the box frame."""
        values = np.clip(self.distance.values(points)[:, 0], -self.farthest, self.farthest)
        return np.asarray(self.unit * np.sinh(values), dtype=np.float32)


def field_asset(field: ShapeField, metres: float, resolution: int, name: str) -> Asset:
    """The field's surface at `metres` along its longest side, standing on y = 0, centred on x and z, front +Z.

    A closed 2-manifold with linear vertex colours; its material carries the field, which `bake` reads per texel.
    Raises InputError as `field_mesh` does.
    """
    box, faces = field_mesh(field.distances, field.extents, resolution)
    sides = field.extents.astype(np.float64)
    low, high = (end(box, axis=0) * sides for end in (np.min, np.max))
    scale = metres / float((high - low).max())
    offset = -scale * np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    vertices = box * (sides * scale) + offset
    frame = np.column_stack([np.diag(1.0 / (sides * scale)), -offset / (sides * scale)])
    material, colors = worn(field.looks, frame, vertices, name)
    return Asset((make_part(vertices, faces, material, name=name, colors=colors),), name=name)


def worn(field: PlaneField, frame: F64, vertices: F64, name: str) -> tuple[Material, U8]:
    """The material that carries a field of looks, and the colours of (n, 3) vertices in metres, which `frame` brings to
    the field's box; roughness and metallic are the medians over them."""
    looks = Looks(field, frame)
    seen = looks.at(vertices)
    colors, brightest = linear_bytes(decode_table()[seen[:, :3]])
    roughness, metallic = np.median(seen[:, 3:5], axis=0) / 255.0
    material = Material(name, brightest, metallic=float(metallic), roughness=float(roughness), looks=looks)
    return material, colors
