"""Signs of use painted into a part's maps: edges rubbed, hollows dirty, rust in patches; or fewer of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from ml.asset import F32, I32, Part, Texture
from ml.color_space import encode, from_oklab, to_oklab
from ml.edits import Wear
from ml.materials.noise import mixed
from ml.substances import SUBSTANCES
from tasks.bvh import build_bvh, closest_point
from tasks.texel_mask import Layer, Texels, map_size, resized, with_atlas
from tasks.topology import F64, half_edges, weld

EDGE, HOLLOW = 0.012, 0.02  # how far from an edge or a crease its wear reaches, of the part's diagonal
SHARP = 25.0  # degrees between two faces from which an edge is one; on rounded things the sharpest 15 % are
SHARPEST, LEAST_SHARP = 85.0, 6.0  # percentile, degrees
PATCH = 1.0 / 14.0  # size of patches, of the part's diagonal
MASK = 1024  # side of the masks of wear, at most: they are smooth at that scale


def worn(part: Part, edit: Wear) -> Part:
    """The part, unwrapped if need be, with signs of use in its base colour, roughness and metallic maps.

    Edges that stick out are rubbed lighter, on metal brighter and smoother; hollows and creases take dirt; rust takes
    over in patches that spread from both. A negative amount pulls colour and roughness towards their median, which
    takes the spots, and what is left of rust, away. Deterministic.
    """
    part = with_atlas(part)
    size = map_size(part.material)
    color, surface = Layer.color(part.material), Layer.surface(part.material)
    bytes_color, bytes_surface = (layer.pixels(size, size).reshape(-1, 4) for layer in (color, surface))
    lab, values = to_oklab(color.shown(bytes_color)), surface.shown(bytes_surface)
    if edit.amount < 0:
        spots = Texels.of(part, size).texel
        _refreshed(lab, values, spots, -edit.amount)
    else:
        masks = _masks(part, size)
        _used(lab, values, masks, edit)
    return _painted(part, from_oklab(lab), values, bytes_color, bytes_surface, size)


def _painted(part: Part, color: F32, values: F32, old_color: Any, old_surface: Any, size: int) -> Part:
    base = np.concatenate([encode(color), old_color[:, 3:]], axis=1).reshape(size, size, 4)
    packed = np.concatenate([old_surface[:, :1], np.rint(np.clip(values[:, 1:], 0.0, 1.0) * 255)], axis=1)
    surface = Texture.from_pixels(packed.astype(np.uint8).reshape(size, size, 3), "occlusion_roughness_metallic")
    old = part.material
    shared = old.occlusion_texture is not None and old.occlusion_texture == old.metallic_roughness_texture
    opaque = bool((old_color[:, 3] == 255).all())
    pixels = np.ascontiguousarray(base[..., :3]) if opaque else base
    material = replace(
        old,
        base_color=(1.0, 1.0, 1.0, old.base_color[3]),
        base_color_texture=Texture.from_pixels(pixels, "base_color"),
        metallic_roughness_texture=surface,
        roughness=1.0,
        metallic=1.0,
        occlusion_texture=surface if shared else old.occlusion_texture,
    )
    return replace(part, material=material)


def _refreshed(lab: F32, values: F32, spots: I32, share: float) -> None:
    lab += np.float32(share) * (np.median(lab[spots], axis=0) - lab)
    values[:, 1:] += np.float32(share) * (np.median(values[spots, 1:], axis=0) - values[:, 1:])


def _used(lab: F32, values: F32, masks: tuple[F32, F32, F32], edit: Wear) -> None:
    """Rub, dirty and, where asked for, rust the colours (t, 3 OKLab) and surfaces (t, 3) by masks (t,) each."""
    edges, hollows, patches = masks
    metal = values[:, 2] > 0.5
    rubbed = np.clip(1.6 * edit.amount * edges, 0.0, 1.0)
    lab[:, 0] += rubbed * (np.maximum(lab[:, 0], 0.86) - lab[:, 0]) * np.where(metal, 0.35, 0.55)
    lab[:, 1:] *= (1.0 - 0.5 * rubbed)[:, None]
    values[:, 1] += rubbed * np.where(metal, -0.15, 0.2)
    dirt = np.clip(1.4 * edit.amount * np.maximum(hollows, 0.45 * patches), 0.0, 1.0)
    lab[:, 0] *= 1.0 - 0.5 * dirt
    values[:, 1] += 0.6 * dirt * (0.95 - values[:, 1])
    if edit.rust:
        seed = np.clip(1.5 * patches + 0.6 * hollows + 0.35 * edges - 0.5 + 0.5 * edit.amount, 0.0, 1.0)
        rust = np.clip((seed - 0.35) * 4.0, 0.0, 1.0)[:, None]
        iron = SUBSTANCES["rusted-iron"]
        tone = to_oklab(np.array([iron.color], np.float32)) * np.array([1.0, 1.1, 1.1], np.float32)
        varied = tone + np.stack([0.12 * (patches - 0.5), 0.0 * patches, 0.03 * (patches - 0.5)], axis=1)
        lab += rust * (varied.astype(np.float32) - lab)
        values[:, 1:] += rust * (np.array([iron.roughness, iron.metallic], np.float32) - values[:, 1:])


def _masks(part: Part, size: int) -> tuple[F32, F32, F32]:
    """(size²,) each: nearness to edges that stick out, to creases, and patches; 0–1, broken up by noise."""
    texels = Texels.of(part, min(size, MASK))
    points, faces, _ = weld(part.vertices.astype(np.float64), part.faces)
    diagonal = float(np.linalg.norm(np.ptp(points[faces.reshape(-1)], axis=0)))
    ends, angle = _creases(points, faces)
    patches = _noise(texels.points, 1.0 / max(PATCH * diagonal, 1e-12), 4, 11)
    fine = _noise(texels.points, 4.0 / max(PATCH * diagonal, 1e-12), 3, 23)
    edges = _near(points, ends[angle > _sharp(angle)], texels.points, EDGE * diagonal)
    hollows = _near(points, ends[angle < -_sharp(-angle)], texels.points, HOLLOW * diagonal)
    found = (
        np.clip(edges * (0.35 + 1.1 * fine), 0.0, 1.0),
        np.clip(hollows * (0.5 + 0.8 * fine), 0.0, 1.0),
        np.clip((0.65 * patches + 0.35 * fine - 0.42) * 3.2, 0.0, 1.0),
    )
    flat = [resized(texels.spread(mask.astype(np.float32)), size, size).reshape(-1) for mask in found]
    return flat[0], flat[1], flat[2]


def _sharp(angle: F64) -> float:
    """The angle in radians from which an edge counts."""
    convex = angle[angle > np.radians(LEAST_SHARP)]
    if not len(convex):
        return float(np.inf)
    return float(min(np.radians(SHARP), max(np.radians(LEAST_SHARP), np.percentile(angle, SHARPEST))))


def _creases(points: F64, faces: I32) -> tuple[I32, F64]:
    """(e, 2) ends of the edges between two faces and the angle (e,) by which they bend, positive outward."""
    offsets, halves = half_edges(faces, len(points))
    first = offsets[:-1][np.diff(offsets) == 2]
    h, g = halves[first], halves[first + 1]
    ends = np.stack([faces[h // 3, h % 3], faces[h // 3, (h + 1) % 3]], axis=1)
    corners = points[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    n, m = normal[h // 3], normal[g // 3]
    bend = np.arctan2(np.linalg.norm(np.cross(n, m), axis=1), np.einsum("ij,ij->i", n, m))
    opposite = points[faces[g // 3, (g + 2) % 3]] - points[ends[:, 0]]
    return ends.astype(np.int32), np.where(np.einsum("ij,ij->i", n, opposite) < 0.0, bend, -bend)


def _near(points: F64, ends: I32, places: F32, reach: float) -> F64:
    """(t,) 1 on an edge (e, 2), falling to 0 at `reach` metres from all."""
    if not len(ends) or not reach > 0.0:
        return np.zeros(len(places))
    sticks = np.stack([ends[:, 0], ends[:, 1], ends[:, 1]], axis=1)  # triangles without an area
    _, _, distance = closest_point(build_bvh(points, sticks), places)
    t: F64 = np.clip(1.0 - distance / reach, 0.0, 1.0)
    return t * t


@njit(cache=True, nogil=True)
def _noise(points: F32, frequency: float, octaves: int, seed: int) -> F32:
    """(t,) value noise in 0–1 over points (t, 3): a smooth blend of random numbers at lattice corners."""
    out = np.zeros(len(points), np.float32)
    for i in range(len(points)):
        total, weight, scale = 0.0, 0.5, frequency
        norm = 0.0
        for octave in range(octaves):
            total += weight * _lattice(points[i, 0] * scale, points[i, 1] * scale, points[i, 2] * scale, seed + octave)
            norm += weight
            weight *= 0.5
            scale *= 2.0
        out[i] = total / norm
    return out


@njit(cache=True, nogil=True)
def _lattice(x: float, y: float, z: float, seed: int) -> float:
    """Value noise at one place."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v), w * w * (3.0 - 2.0 * w)
    total = 0.0
    for k in range(8):
        i, j, n = k & 1, k >> 1 & 1, k >> 2
        share = (u if i else 1.0 - u) * (v if j else 1.0 - v) * (w if n else 1.0 - w)
        h = mixed(int(fx) + i, int(fy) + j, seed + 7919 * (int(fz) + n))
        total += share * (h / 4294967295.0)
    return total
