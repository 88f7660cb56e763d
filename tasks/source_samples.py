"""What places on the source show: colours and PBR values of its materials there, for texture and vertex bakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, U8, Asset, Material, Part, Texture
from tasks.bvh import build_bvh, closest_point
from tasks.texel_raster import interpolate, sample_bilinear

# A hit that faces away counts as 2 % of the diagonal farther: more than decimation moves a surface (mean 0.1–0.8 %
# down to a tenth of the faces), so the side that faces the same way wins on any wall thinner than that.
FACING_PENALTY = 0.02


@dataclass(frozen=True)
class Hits:
    """Places on the source's triangles."""

    owner: I32  # (t,) source part
    face: I32  # (t,) face within that part
    barycentric: F32  # (t, 3)


def closest_hits(source: Asset, points: npt.ArrayLike, normals: npt.ArrayLike) -> Hits:
    """The source's closest place to each of (t, 3) points that faces the same way as its (t, 3) normal."""
    vertices, faces, _ = source.merged()
    diagonal = float(np.linalg.norm(np.ptp(vertices[faces.reshape(-1)], axis=0)))
    found, barycentric, _ = closest_point(build_bvh(vertices, faces), points, normals, FACING_PENALTY * diagonal)
    return hits_of(source, found, barycentric.astype(np.float32))


def hits_of(source: Asset, face: I32, barycentric: F32) -> Hits:
    """Hits from faces (t,) counted over all of the source's parts."""
    first = np.cumsum([0, *(len(part.faces) for part in source.parts)])
    owner = (np.searchsorted(first, face, side="right") - 1).astype(np.int32)
    return Hits(owner, (face - first[owner]).astype(np.int32), barycentric)


@dataclass(frozen=True)
class SourceSamples:
    """The source's materials read at the hits, linear; a factor times its texture, as glTF 2.0 §3.9.2 has it."""

    source: Asset
    hits: Hits

    def materials(self) -> list[Material]:
        """Those of the parts that are hit, in order."""
        return [self.source.parts[index].material for index in np.flatnonzero(np.bincount(self.hits.owner))]

    def base_color(self) -> F32:
        """(t, 4) base colour with vertex colours in it; alpha is 1 on opaque materials."""
        values = self._sample(lambda m: m.base_color, lambda m: m.base_color_texture, srgb=True)
        for index, part in enumerate(self.source.parts):
            rows = np.flatnonzero(self.hits.owner == index) if part.colors is not None else ()
            if len(rows):
                values[rows] *= self._attribute(part.colors, part, rows) * np.float32(1 / 255)
        opaque = np.array([part.material.alpha_mode == "OPAQUE" for part in self.source.parts])
        values[opaque[self.hits.owner], 3] = 1.0
        return values

    def surface(self) -> F32:
        """(t, 3) occlusion, roughness and metallic."""
        values = self._sample(
            lambda m: (1.0, m.roughness, m.metallic, 1.0), lambda m: m.metallic_roughness_texture, srgb=False
        )
        occlusion = self._sample(lambda m: (1.0, 1.0, 1.0, 1.0), lambda m: m.occlusion_texture, srgb=False)[:, 0]
        strength = np.array([part.material.occlusion_strength for part in self.source.parts], dtype=np.float32)
        values[:, 0] = np.float32(1) - strength[self.hits.owner] * (np.float32(1) - occlusion)
        return values[:, :3]

    def emissive(self) -> F32:
        """(t, 3) emitted colour."""
        return self._sample(lambda m: (*m.emissive, 1.0), lambda m: m.emissive_texture, srgb=True)[:, :3]

    def _sample(
        self,
        factor: Callable[[Material], tuple[float, float, float, float]],
        texture: Callable[[Material], Texture | None],
        srgb: bool,
    ) -> F32:
        """(t, 4): each hit's factor times its texture where the part has one and UVs to read it by."""
        factors = np.array([factor(part.material) for part in self.source.parts], dtype=np.float32)
        values: F32 = factors[self.hits.owner]
        decoded: dict[bytes, U8] = {}
        for index, part in enumerate(self.source.parts):
            image = texture(part.material)
            rows = np.flatnonzero(self.hits.owner == index) if image is not None and part.uv is not None else ()
            if image is None or not len(rows):
                continue
            if image.data not in decoded:
                decoded[image.data] = image.pixels()
            uv = self._attribute(part.uv, part, rows)
            values[rows] *= sample_bilinear(decoded[image.data], _decode_table(srgb), uv)
        return values

    def _attribute(self, values: Any, part: Part, rows: Any) -> F32:
        result: F32 = interpolate(values, part.faces, self.hits.face[rows], self.hits.barycentric[rows])
        return result


@cache
def _decode_table(srgb: bool) -> F32:
    """(256,) 8-bit value → linear; the sRGB curve of IEC 61966-2-1."""
    value = np.arange(256) / 255.0
    curve = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return (curve if srgb else value).astype(np.float32)
