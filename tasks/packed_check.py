"""Compares a compressed glTF, read back by our reader, with what was to be written, and measures what it lost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from ml.asset import F32, I32, InputError, Material, Part, Texture
from ml.readers.gltf import read_parts
from ml.readers.gltf_buffers import Document, parse_container
from ml.readers.limits import ReadLimits
from tasks.gltf_materials import SLOTS_IN_ORDER
from tasks.packed_part import LOSSY
from tasks.quantize import Grid, Packing, within
from tasks.triangle_match import match

Array = npt.NDArray[Any]
Places = Mapping[tuple[bytes, bool], int]
ROUNDING = 2.0**-22  # of the largest coordinate: what float32 adds on the way


@dataclass(frozen=True)
class Loss:
    """The most that compression moved anything."""

    position: float = 0.0  # metres
    uv: float = 0.0
    normal: float = 0.0  # degrees

    def worse(self, other: Loss) -> Loss:
        """The larger of each."""
        return Loss(max(self.position, other.position), max(self.uv, other.uv), max(self.normal, other.normal))


def check(parts: Sequence[Part], data: bytes, packing: Packing | None, images: Places) -> Loss:
    """What a GLB lost of the parts, which stand in reading order; raises InputError `export.lossy` beyond the packing.

    Without a packing nothing may be lost. `images` holds the place of each (texture bytes, sRGB) among its images.
    """
    back, marks = _read_without_images(data)
    if len(back) != len(parts):
        raise InputError(LOSSY, f"{len(back)} of {len(parts)} parts are read back")
    loss = Loss()
    for part, its in zip(parts, back, strict=True):
        _check_material(part, its.material, marks, images)
        loss = loss.worse(_check_part(part, its, packing))
    return loss


def _read_without_images(data: bytes) -> tuple[list[Part], list[Texture]]:
    """The parts in a GLB with a mark in place of each image, and the marks: images are compared on their own."""
    json, binary = parse_container(data)
    geometry = binary or b""
    marks, place = [], len(geometry)
    for index, image in enumerate(json.get("images", [])):
        color = [index & 255, index >> 8 & 255, index >> 16]
        mark = Texture.from_pixels(np.array([[color]], np.uint8).repeat(2, axis=0))
        image.update(bufferView=len(json["bufferViews"]), mimeType="image/png")
        json["bufferViews"].append({"buffer": 0, "byteOffset": place, "byteLength": len(mark.data)})
        place += len(mark.data)
        marks.append(mark)
    json["buffers"][0]["byteLength"] = place
    blob = b"".join([geometry, *(mark.data for mark in marks)])
    placed = read_parts(Document(json, memoryview(blob), None, ReadLimits()), [])
    return [part for part, _ in placed], marks


def _check_material(part: Part, its: Material, marks: list[Texture], images: Places) -> None:
    own = part.material
    if _factors(own) != _factors(its):
        raise InputError(LOSSY, f"the material of {part.name!r} is read back with other values")
    for slot, srgb in SLOTS_IN_ORDER.items():
        texture, mark = getattr(own, slot), getattr(its, slot)
        if texture is None and mark is None:
            continue
        if texture is None or mark is None or marks[images[texture.data, srgb]].data != mark.data:
            raise InputError(LOSSY, f"{slot} of {part.name!r} is read back as another image")


def _factors(material: Material) -> Material:
    """The values that a file holds: not those that only a map or a mode uses, where there is none."""
    bare: dict[str, Any] = dict.fromkeys(SLOTS_IN_ORDER)
    red, green, blue = (round(value, 9) for value in material.emissive)  # a factor times a strength, each rounded
    return replace(
        material,
        name="",
        emissive=(red, green, blue),
        normal_scale=material.normal_scale if material.normal_texture else 1.0,
        occlusion_strength=material.occlusion_strength if material.occlusion_texture else 1.0,
        alpha_cutoff=material.alpha_cutoff if material.alpha_mode == "MASK" else 0.5,
        **bare,
    )


def _check_part(part: Part, its: Part, packing: Packing | None) -> Loss:
    grid, uv_grid = (packing.grid, packing.uv_grid(part)) if packing else (None, None)
    keys, its_keys = _keys(part, grid, uv_grid), _keys(its, grid, uv_grid)
    pairs = match(keys, _with_area(part, keys, grid), its_keys, _with_area(its, its_keys, grid))
    if pairs is None:
        raise InputError(LOSSY, f"{part.name!r} has other triangles once it is read back")
    ours, theirs = _vertex_pairs(pairs[0].reshape(-1), pairs[1].reshape(-1), len(part.vertices))
    step = grid.step if grid else 0.0
    loss = Loss(
        _farthest(part, "vertices", part.vertices, its.vertices, ours, theirs, 0.51 * step * math.sqrt(3.0)),
        _farthest(part, "uv", part.uv, its.uv, ours, theirs, _uv_step(part.uv, uv_grid, grid)),
        _widest_angle(part, its, ours, theirs, packing.degrees if packing else 1e-3),
    )
    _farthest(part, "uv1", part.uv1, its.uv1, ours, theirs, _uv_step(part.uv1, None, grid))
    if part.colors is not None and (its.colors is None or (part.colors[ours] != its.colors[theirs]).any()):
        raise InputError(LOSSY, f"{part.name!r} is read back with other colours")
    return loss


def _with_area(part: Part, keys: Array, grid: Grid | None) -> I32:
    """The faces whose corners are three places on the grid, whatever their UVs: the others are dropped when written."""
    kept: I32 = part.faces if grid is None else part.faces[_apart(keys, part.faces)]
    return kept


@njit(cache=True, nogil=True)
def _apart(keys: Array, faces: I32) -> Array:
    """(m,) whether no two corners of a face have the same first three numbers."""
    kept = np.empty(len(faces), np.bool_)
    for f in range(len(faces)):
        same = False
        for k in range(3):
            a, b = faces[f, k], faces[f, (k + 1) % 3]
            same |= keys[a, 0] == keys[b, 0] and keys[a, 1] == keys[b, 1] and keys[a, 2] == keys[b, 2]
        kept[f] = not same
    return kept


def _keys(part: Part, grid: Grid | None, uv_grid: Grid | None) -> Array:
    """Integers that tell a vertex: its place on the grids, or its very bits."""
    places = [grid.snap(part.vertices) if grid else (part.vertices + np.float32(0)).view(np.int32)]
    if uv_grid and part.uv is not None:
        places.append(uv_grid.snap(part.uv))
    return np.concatenate(places, axis=1)


def _uv_step(uv: F32 | None, uv_grid: Grid | None, grid: Grid | None) -> float:
    if uv_grid is not None:
        return 0.51 * uv_grid.step * math.sqrt(2.0)
    most = within(uv) if grid is not None and uv is not None else 0
    if most or grid is None or uv is None:
        return 0.75 / most if most else 0.0
    return 1.5 * max(float(np.ptp(uv, axis=0).max()), float(np.abs(uv).max()) / 64.0) / 65535.0


def _farthest(part: Part, what: str, a: F32 | None, b: F32 | None, ours: Array, theirs: Array, limit: float) -> float:
    """The largest distance between paired corners; raises InputError `export.lossy` beyond the limit."""
    if a is None or not len(ours):
        return 0.0
    if b is None:
        raise InputError(LOSSY, f"{what} of {part.name!r} are lost")
    most = float(_widest_gap(a, b, ours, theirs))
    if not most <= limit + ROUNDING * float(np.abs(a).max()):
        raise InputError(LOSSY, f"{what} of {part.name!r} are off by {most:.3g}, with {limit:.3g} promised")
    return most


def _widest_angle(part: Part, its: Part, ours: Array, theirs: Array, limit: float) -> float:
    if part.normals is None or not len(ours):
        return 0.0
    if its.normals is None:
        raise InputError(LOSSY, f"normals of {part.name!r} are lost")
    chord = float(_widest_gap(part.normals, its.normals, ours, theirs))
    most = 2.0 * math.degrees(math.asin(min(chord / 2.0, 1.0)))
    if not most <= limit:
        raise InputError(LOSSY, f"normals of {part.name!r} turn by {most:.3g}°, with {limit:.3g}° promised")
    return most


@njit(cache=True, nogil=True)
def _vertex_pairs(ours: I32, theirs: I32, count: int) -> tuple[I32, I32]:
    """Paired corners without those whose two vertices the corner before at that vertex paired: a sixth is left."""
    partner = np.full(count, -1, np.int32)
    mine, other = np.empty_like(ours), np.empty_like(theirs)
    kept = 0
    for k in range(len(ours)):
        if partner[ours[k]] != theirs[k]:
            partner[ours[k]] = theirs[k]
            mine[kept], other[kept] = ours[k], theirs[k]
            kept += 1
    return mine[:kept], other[:kept]


@njit(cache=True, nogil=True)
def _widest_gap(a: F32, b: F32, ours: Array, theirs: Array) -> float:
    """The largest distance between paired rows; infinite where one is not finite."""
    most = 0.0
    for k in range(len(ours)):
        total = 0.0
        for axis in range(a.shape[1]):
            gap = np.float64(a[ours[k], axis]) - np.float64(b[theirs[k], axis])
            total += gap * gap
        if not total <= most:
            most = total if total > most else np.inf
    return float(np.sqrt(most))
