"""What several measures read of one asset: its welded soup in a common frame, trees over it, decoded images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ml.asset import I32, U8, Asset, Texture
from tasks.box_tree import BoxTree, build_box_tree
from tasks.bvh import Bvh, build_bvh, unit_frame
from tasks.ray_tree import RayTree, build_ray_tree
from tasks.sampling import unit_normals
from tasks.topology import F64, Bool, degenerate_faces, face_components, half_edges, weld


@dataclass(frozen=True)
class Subject:
    """An asset with at least one face and finite positions, under measurement; everything is computed once, when asked.

    Geometry is in local units, (metres − centre) · scale, in which the asset spans 1 to 2: no threshold meets 1e±30.
    """

    asset: Asset
    known: Mapping[str, float] = field(default_factory=dict)  # metrics measured before
    covers: list[U8 | None] = field(default_factory=list)  # the UV cells that each part covers
    decoded: dict[bytes, U8] = field(default_factory=dict)  # images by their encoded bytes

    @cached_property
    def _frame(self) -> tuple[F64, float, F64, I32, I32]:
        vertices, faces, owner = self.asset.merged()
        centre, scale, local = unit_frame(vertices, faces)
        points, welded, _ = weld(local, faces)
        return centre, scale, points, welded, owner

    @property
    def centre(self) -> F64:
        """(3,) metres, of the box."""
        return self._frame[0]

    @property
    def scale(self) -> float:
        """Local units a metre, a power of two."""
        return self._frame[1]

    @property
    def points(self) -> F64:
        """(n, 3) positions, each once, local units."""
        return self._frame[2]

    @property
    def faces(self) -> I32:
        """(m, 3) of all parts in order, over `points`."""
        return self._frame[3]

    @property
    def owner(self) -> I32:
        """(m,) part of each face."""
        return self._frame[4]

    @cached_property
    def diagonal(self) -> float:
        """Of the box, local units."""
        return float(np.linalg.norm(np.ptp(self.points[self.faces.reshape(-1)], axis=0)))

    @cached_property
    def areas(self) -> F64:
        """(m,) local units²."""
        a, b, c = (self.points[self.faces[:, corner]] for corner in range(3))
        areas: F64 = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        return areas

    @cached_property
    def normals(self) -> F64:
        """(m, 3) unit, zero where a face has no area."""
        normals: F64 = unit_normals(self.points, self.faces)
        return normals

    @cached_property
    def solid(self) -> Bool:
        """(m,) faces that have an area."""
        return ~degenerate_faces(self.points, self.faces)

    @cached_property
    def edges(self) -> tuple[I32, I32]:
        """`half_edges` of the welded faces."""
        return half_edges(self.faces, len(self.points))

    @cached_property
    def components(self) -> I32:
        """(m,) connected piece of each face, −1 for one without edges."""
        return face_components(self.faces, *self.edges)

    @cached_property
    def boxes(self) -> BoxTree:
        """For near pairs and first exits."""
        return build_box_tree(self.points, self.faces, self.solid)

    @cached_property
    def rays(self) -> RayTree:
        """For whether anything is in the way."""
        return build_ray_tree(self.points, self.faces)

    @cached_property
    def nearest(self) -> Bvh:
        """For closest points."""
        return build_bvh(self.points, self.faces)

    @cached_property
    def corner_uv(self) -> F64:
        """(m, 3, 2) UVs at the corners of the faces, 0 where a part has none."""
        return np.concatenate(
            [
                np.zeros((len(part.faces), 3, 2)) if part.uv is None else part.uv.astype(np.float64)[part.faces]
                for part in self.asset.parts
            ]
        )

    @cached_property
    def texel(self) -> F64:
        """(parts,) UV units that a texel of each part's largest map is wide: 1 / √(width · height); 1 without a map."""
        sizes = [[w * h for w, h in (t.size for t in part.material.textures)] for part in self.asset.parts]
        return np.array([max(size, default=1) for size in sizes], np.float64) ** -0.5

    def pixels(self, texture: Texture) -> U8:
        """(h, w, 4) RGBA, decoded once; raises InputError `image.*`."""
        if texture.data not in self.decoded:
            self.decoded[texture.data] = texture.pixels()
        return self.decoded[texture.data]
