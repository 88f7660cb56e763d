"""Faults of texture coordinates, maps and materials, as wrong exports, lossy tools and careless painting bring them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from pieces import base_pixels, changed, charts, directions, painted, unshared, with_map
from PIL import Image

from ml.asset import I32, U8, Asset, Part, Texture
from tasks.topology import F64


def _uv(part: Part) -> F64:
    if part.uv is None:
        raise ValueError("no texture coordinates to plant a fault in")
    return part.uv.astype(np.float64)


def _with_uv(asset: Asset, part: Part, uv: F64) -> Asset:
    return changed(asset, replace(part, uv=uv.astype(np.float32)))


def _large_charts(part: Part, share: float) -> I32:
    """Faces of the largest charts that make up `share` of the surface together."""
    labels = charts(part)
    area = np.bincount(labels, np.linalg.norm(directions(part), axis=1))
    order = np.argsort(-area)
    chosen = order[: int(np.searchsorted(np.cumsum(area[order]) / area.sum(), share)) + 1]
    return np.flatnonzero(np.isin(labels, chosen)).astype(np.int32)


def uv_missing(asset: Asset, rng: Generator) -> Asset:
    """No texture coordinates at all."""
    return changed(asset, replace(asset.parts[0], uv=None))


def uv_overlap(asset: Asset, rng: Generator) -> Asset:
    """One half of the square is folded over the other."""
    part = asset.parts[0]
    axis = int(rng.integers(2))
    uv = _uv(part)
    far = np.flatnonzero(uv[part.faces][:, :, axis].mean(axis=1) > 0.5).astype(np.int32)
    loose, fresh = unshared(part, far)
    moved = _uv(loose)
    moved[fresh.reshape(-1), axis] -= 0.5
    return _with_uv(asset, loose, np.clip(moved, 0.0, 1.0))


def uv_out_of_range(asset: Asset, rng: Generator) -> Asset:
    """Half of the faces lie a tile further."""
    part = asset.parts[0]
    far = np.flatnonzero(rng.random(len(part.faces)) < 0.5).astype(np.int32)
    loose, fresh = unshared(part, far)
    moved = _uv(loose)
    moved[fresh.reshape(-1), int(rng.integers(2))] += float(rng.choice([-1.0, 1.0]))
    return _with_uv(asset, loose, moved)


def uv_mirrored(asset: Asset, rng: Generator) -> Asset:
    """The whole square is mirrored: lettering reads backwards, and bumps become dents."""
    part = asset.parts[0]
    uv = _uv(part)
    uv[:, 0] = 1.0 - uv[:, 0]
    return _with_uv(asset, part, uv)


def uv_stretched(asset: Asset, rng: Generator) -> Asset:
    """One direction of the square is squeezed to a twelfth."""
    part = asset.parts[0]
    uv = _uv(part)
    axis = int(rng.integers(2))
    uv[:, axis] = 0.4 + uv[:, axis] / 12.0
    return _with_uv(asset, part, uv)


def uneven_density(asset: Asset, rng: Generator) -> Asset:
    """Charts of 40 % of the surface are shrunk to a tenth."""
    part = asset.parts[0]
    uv, labels = _uv(part), charts(part)
    chosen = _large_charts(part, 0.4)
    for label in np.unique(labels[chosen]):
        corners = np.unique(part.faces[labels == label])
        middle = uv[corners].mean(axis=0)
        uv[corners] = middle + 0.1 * (uv[corners] - middle)
    return _with_uv(asset, part, uv)


def _resized(part: Part, width: int, height: int) -> U8:
    pixels = Image.fromarray(base_pixels(part)[..., :3])
    return np.asarray(pixels.resize((width, height), Image.Resampling.BICUBIC))


def not_power_of_two(asset: Asset, rng: Generator) -> Asset:
    """A map of about a thousand pixels, but not 1024."""
    part = asset.parts[0]
    width, height = rng.choice([600, 720, 900, 1000, 1200, 1920], 2)
    return changed(asset, with_map(part, _resized(part, int(width), int(height))))


def too_large_map(asset: Asset, rng: Generator) -> Asset:
    """A base colour of 4096 texels a side, as a photograph."""
    part = asset.parts[0]
    texture = Texture.from_photo(_resized(part, 4096, 4096))
    return changed(asset, replace(part, material=replace(part.material, base_color_texture=texture)))


def too_small_map(asset: Asset, rng: Generator) -> Asset:
    """A base colour of 32 to 256 texels a side."""
    part = asset.parts[0]
    side = int(rng.choice([32, 64, 128, 256]))
    return changed(asset, with_map(part, _resized(part, side, side)))


def dark_albedo(asset: Asset, rng: Generator) -> Asset:
    """A base colour near black."""
    part = asset.parts[0]
    pixels = base_pixels(part)
    pixels[..., :3] = (pixels[..., :3] * rng.uniform(0.03, 0.08)).astype(np.uint8)
    return changed(asset, with_map(part, pixels[..., :3]))


def blown_out_albedo(asset: Asset, rng: Generator) -> Asset:
    """A base colour that reflects nearly all light."""
    part = asset.parts[0]
    pixels = 255 - (255 - base_pixels(part)[..., :3].astype(np.float64)) * rng.uniform(0.01, 0.04)
    return changed(asset, with_map(part, np.rint(pixels).astype(np.uint8)))


def half_metal(asset: Asset, rng: Generator) -> Asset:
    """Metallic between dielectric and metal everywhere."""
    part = asset.parts[0]
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[..., 2] = rng.integers(90, 170)
    pixels[..., 1] = 128
    grown = with_map(part, np.repeat(np.repeat(pixels, 16, axis=0), 16, axis=1), "metallic_roughness_texture")
    return changed(asset, replace(grown, material=replace(grown.material, metallic=1.0)))


def seams(asset: Asset, rng: Generator) -> Asset:
    """Every other chart is painted in another tint."""
    part = asset.parts[0]
    pixels = base_pixels(part)
    labels = charts(part)
    tint = np.where(rng.random(int(labels.max()) + 1) < 0.5, 1.0, rng.uniform(0.5, 0.65))
    faces = np.flatnonzero(tint[labels] < 1.0).astype(np.int32)
    mask = painted(part, faces, (pixels.shape[1], pixels.shape[0]))
    pixels[mask, :3] = (pixels[mask, :3] * tint.min()).astype(np.uint8)
    return changed(asset, with_map(part, pixels[..., :3]))


def empty_texels(asset: Asset, rng: Generator) -> Asset:
    """The largest charts were never baked: clear, or in the checker of a missing image."""
    part = asset.parts[0]
    pixels = base_pixels(part)
    mask = painted(part, _large_charts(part, rng.uniform(0.2, 0.4)), (pixels.shape[1], pixels.shape[0]))
    pixels[mask] = 0
    return changed(asset, with_map(part, pixels))


def broken_normal_map(asset: Asset, rng: Generator) -> Asset:
    """A photograph, an inward, or a not normalised map in the place of normals."""
    part = asset.parts[0]
    kind = int(rng.integers(3))
    pixels = base_pixels(part)[..., :3]
    if kind == 1:
        pixels = np.full_like(pixels, 128)
        pixels[..., 2] = 20
    if kind == 2:
        pixels = rng.integers(100, 156, pixels.shape, dtype=np.uint8)
    return changed(asset, with_map(part, pixels, "normal_texture"))
