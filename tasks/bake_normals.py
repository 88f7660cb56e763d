"""Normal maps: the source's shading normals, its own normal maps in them, in the tangent frames of the low mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from ml.asset import F32, I32, U8, Asset, Part
from tasks.normals import HARD_EDGE_DEGREES, split_hard_edges
from tasks.raster import creased_normals
from tasks.source_samples import SourceSamples, present
from tasks.tangents import with_tangents
from tasks.texel_projection import Projection
from tasks.texel_raster import bilinear_taps, corner_mean
from tasks.topology import Bool, weld

FLAT_STEPS = 1  # 8-bit steps: a map that nowhere leaves the surface's own normal by more says nothing
LEAST_Z = 1e-3  # glTF 2.0 §3.9.3 has no normals that point below the surface


@dataclass(frozen=True)
class Frames:
    """A mesh's tangent frames at its faces' corners."""

    normals: F32  # (m, 3, 3) unit
    tangents: F32  # (m, 3, 4) as glTF has them

    @staticmethod
    def of(part: Part) -> Frames:
        """The frames that the exporters write; the part needs UVs and normals."""
        framed, tangents = with_tangents(part)
        assert framed.normals is not None
        return Frames(framed.normals[framed.faces], tangents[framed.faces])


@dataclass(frozen=True)
class SourceNormals:
    """The shading normals of the source; of parts without normals those that creases of 35° leave smooth."""

    samples: SourceSamples

    @cached_property
    def corners(self) -> F32:
        """(m, 3, 3) over all parts' faces."""
        corners = [_corner_normals(part) for part in self.samples.source.parts]
        return corners[0] if len(corners) == 1 else np.concatenate(corners)

    @cached_property
    def frames(self) -> dict[int, Frames]:
        """Of the parts with a normal map, by number."""
        parts = self.samples.source.parts
        mapped = [i for i, part in enumerate(parts) if part.uv is not None and part.material.normal_texture is not None]
        return {i: Frames.of(parts[i] if parts[i].normals is not None else split_hard_edges(parts[i])) for i in mapped}

    def smooth(self, places: Projection) -> F32:
        """(t, 3) unit normals, reversed where the source shows its back; without its normal maps."""
        normals: F32 = _shading_normals(self.corners, places.face, places.barycentric, places.turned)
        return normals

    def at(self, places: Projection) -> F32:
        """The same with the source's normal maps."""
        normals, hits = self.smooth(places), self.samples.hits(places.face, places.barycentric)
        for index in present(hits):
            part = self.samples.source.parts[index]
            if index in self.frames and part.uv is not None and part.material.normal_texture is not None:
                frames, image = self.frames[index], self.samples.map_of(index, part.material.normal_texture, "normal")
                where = (index, hits.owner, hits.face, hits.barycentric)
                scale = part.material.normal_scale
                _perturb(normals, *where, part.faces, part.uv, frames.normals, frames.tangents, image, scale)
        return normals


def _corner_normals(part: Part) -> F32:
    if part.normals is not None:
        return part.normals[part.faces]
    points, faces, _ = weld(part.vertices, part.faces)
    corners = np.empty((len(faces), 3, 3), np.float32)
    creased_normals(points, faces, np.cos(np.radians(HARD_EDGE_DEGREES)), corners)
    return corners


def same_shading(part: Part, source: Asset) -> bool:
    """Whether a part with the source's triangles also has its normals: no source normal map, no other normals."""
    if any(own.material.normal_texture is not None and own.uv is not None for own in source.parts):
        return False
    start = 0
    for own in source.parts:
        stop = start + len(own.faces)
        if own.normals is not None and part.normals is not None:
            given = own.normals[own.faces]
            if not np.array_equal(given, part.normals[part.faces[start:stop]]):
                return False
        start = stop
    return True


@njit(cache=True, nogil=True)
def _shading_normals(corners: F32, face: I32, barycentric: F32, turned: Bool) -> F32:
    out = np.zeros((len(face), 3), np.float32)
    for i in range(len(face)):
        x = y = z = np.float32(0)
        for k in range(3):
            w, f = barycentric[i, k], face[i]
            x, y, z = x + w * corners[f, k, 0], y + w * corners[f, k, 1], z + w * corners[f, k, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            scale = (np.float32(-1) if turned[i] else np.float32(1)) / length
            out[i, 0], out[i, 1], out[i, 2] = x * scale, y * scale, z * scale
    return out


@njit(cache=True, nogil=True)
def _frame(normals: F32, tangents: F32, f: int, barycentric: F32, i: int) -> Any:
    """Interpolated tangent, bitangent and normal; as MikkTSpace has it, none is brought to unit length."""
    tx = ty = tz = nx = ny = nz = np.float32(0)
    for k in range(3):
        w = barycentric[i, k]
        tx, ty, tz = tx + w * tangents[f, k, 0], ty + w * tangents[f, k, 1], tz + w * tangents[f, k, 2]
        nx, ny, nz = nx + w * normals[f, k, 0], ny + w * normals[f, k, 1], nz + w * normals[f, k, 2]
    s = tangents[f, 0, 3]
    return tx, ty, tz, s * (ny * tz - nz * ty), s * (nz * tx - nx * tz), s * (nx * ty - ny * tx), nx, ny, nz


@njit(cache=True, nogil=True)
def _perturb(
    out: F32,
    index: int,
    owner: I32,
    face: I32,
    barycentric: F32,
    faces: I32,
    uv: F32,
    normals: F32,
    tangents: F32,
    image: U8,
    scale: float,
) -> None:
    """Turn the rows of `out` whose owner is `index` by a normal map; the side they point to stays."""
    for i in range(len(face)):
        f = face[i]
        if owner[i] != index:
            continue
        u, v = corner_mean(uv, faces, f, barycentric, i, 0), corner_mean(uv, faces, f, barycentric, i, 1)
        (x0, x1, y0, y1), (a, b, c, d) = bilinear_taps(image, u, v)
        p, q, r = [
            (a * image[y0, x0, k] + b * image[y0, x1, k] + c * image[y1, x0, k] + d * image[y1, x1, k]) / 127.5 - 1.0
            for k in range(3)
        ]
        tx, ty, tz, bx, by, bz, nx, ny, nz = _frame(normals, tangents, f, barycentric, i)
        side = 1.0 if nx * out[i, 0] + ny * out[i, 1] + nz * out[i, 2] >= 0 else -1.0
        p, q = p * scale, q * scale
        x, y, z = p * tx + q * bx + r * nx, p * ty + q * by + r * ny, p * tz + q * bz + r * nz
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0.0:
            side /= length
            out[i, 0], out[i, 1], out[i, 2] = x * side, y * side, z * side


@njit(cache=True, nogil=True)
def paint_normals(flat: U8, texel: I32, normals: F32, tangents: F32, face: I32, barycentric: F32, wanted: F32) -> Any:
    """Write unit normals `wanted` (t, 3) into a (size², 3) map in the frames there; the farthest step from flat.

    The frame's inverse, not its transpose: interpolated frames are not quite orthogonal.
    """
    farthest = np.int64(0)
    for i in range(len(texel)):
        tx, ty, tz, bx, by, bz, nx, ny, nz = _frame(normals, tangents, face[i], barycentric, i)
        mx, my, mz = wanted[i, 0], wanted[i, 1], wanted[i, 2]
        ax, ay, az = by * nz - bz * ny, bz * nx - bx * nz, bx * ny - by * nx
        det = tx * ax + ty * ay + tz * az
        x, y, z = 0.0, 0.0, 1.0
        if abs(det) > 1e-12 and (mx != 0 or my != 0 or mz != 0):
            x = (mx * ax + my * ay + mz * az) / det
            y = (mx * (ny * tz - nz * ty) + my * (nz * tx - nx * tz) + mz * (nx * ty - ny * tx)) / det
            z = max((mx * (ty * bz - tz * by) + my * (tz * bx - tx * bz) + mz * (tx * by - ty * bx)) / det, LEAST_Z)
        scale = 127.5 / np.sqrt(x * x + y * y + z * z)
        at = texel[i]
        flat[at, 0], flat[at, 1], flat[at, 2] = x * scale + 128.0, y * scale + 128.0, z * scale + 128.0
        farthest = max(farthest, abs(np.int64(flat[at, 0]) - 128), abs(np.int64(flat[at, 1]) - 128))
    return farthest
