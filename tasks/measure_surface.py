"""Measures of what a surface carries: texture files, UV layout, base colour."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ml.asset import F32, U8, Asset, Material, Part, Texture
from ml.normals import face_crosses
from ml.srgb import to_linear, to_srgb
from tasks.uv_coverage import coverage

F64 = npt.NDArray[np.float64]

UV_TOLERANCE = 1e-4  # a 16-bit quantised UV is off by up to 1.5e-5, a float one at 1.0 by 6e-8
PERCENTILES = (0.01, 0.99)  # the extremes themselves are JPEG ringing and single texels


def texture_metrics(asset: Asset) -> dict[str, float]:
    """Sizes of the different images; only their count when there are none."""
    images = {texture.data: texture for part in asset.parts for texture in part.material.textures}
    if not images:
        return {"textures": 0.0}
    sides = np.array([texture.size for texture in images.values()])
    return {
        "textures": float(len(images)),
        "texture.max_px": float(sides.max()),
        "texture.min_px": float(sides.min()),
        "texture.bytes": float(sum(len(data) for data in images)),
        "texture.power_of_two": float(not (sides & (sides - 1)).any()),
        "texture.square": float((sides[:, 0] == sides[:, 1]).all()),
    }


def uv_metrics(parts: Iterable[Part], covers: Iterable[U8 | None]) -> dict[str, float]:
    """UV layout over all parts, given each part's coverage; only `uv.present` when no part has UVs.

    Parts that share their textures share the UV square, so overlap counts across them; parts without textures each
    have it to themselves.
    """
    pairs = list(zip(parts, covers, strict=True))
    total = sum(len(part.faces) for part, _ in pairs)
    mapped = [part for part, cover in pairs if cover is not None]
    present = sum(len(part.faces) for part in mapped) / total if total else 0.0
    if not mapped:
        return {"uv.present": present}
    sheets = _texture_sheets(pairs)
    covered, overlapped = sum(float((s > 0).mean()) for s in sheets), sum(float((s > 1).mean()) for s in sheets)
    inverted, area = np.sum([_mirrored(part) for part in mapped], axis=0)
    every = np.concatenate([part.uv for part in mapped if part.uv is not None])
    return {
        "uv.present": present,
        "uv.out_of_range": outside_share(every),
        "uv.sets": float(max(1 + (part.uv1 is not None) for part in mapped)),
        "uv.overlap": overlapped / covered if covered else 0.0,
        "uv.inverted": float(inverted / area) if area else 0.0,
        "uv.utilisation": covered / len(sheets),
    }


def albedo_metrics(
    parts: Iterable[Part], covers: Iterable[U8 | None], decoded: dict[bytes, U8] | None = None
) -> dict[str, float]:
    """Mean and percentiles of the base colour over the surface, 0–255; `decoded` keeps images by their bytes.

    As in the Khronos asset auditor, a colour's value is its largest sRGB channel; unlike there, texels no triangle
    shows are left out and factors count. Vertex colours count where there is no texture.
    """
    shares = np.zeros(256)
    decoded = {} if decoded is None else decoded
    for part, cover in zip(parts, covers, strict=True):
        if len(part.faces):
            shares += _area(part) * _albedo_shares(part, cover, decoded)
    total = shares.sum()
    if total <= 0:
        return {}
    cumulative = np.cumsum(shares) / total
    low, high = (float(np.searchsorted(cumulative, p - 1e-12)) for p in PERCENTILES)
    mean = float((shares * np.arange(256)).sum() / total)
    spread = {"albedo.luminance_range": high - low}
    return {"albedo.luminance_mean": mean, "albedo.luminance_min": low, "albedo.luminance_max": high, **spread}


def part_coverage(part: Part) -> U8 | None:
    """The UV cells a part covers, None without UVs or faces."""
    return coverage(part.uv, part.faces) if part.uv is not None and len(part.faces) else None


def _texture_sheets(pairs: list[tuple[Part, U8 | None]]) -> list[U8]:
    """Coverage of each texture set, saturating at 255; a coarser part makes its whole set coarser."""
    sets: dict[tuple[bytes | int, ...], list[U8]] = {}
    for index, (part, cover) in enumerate(pairs):
        if cover is not None:
            maps = tuple(texture.data for texture in part.material.textures)
            sets.setdefault(maps or (index,), []).append(cover)
    return [_stacked(covers) for covers in sets.values()]


def _stacked(covers: list[U8]) -> U8:
    size = min(len(cover) for cover in covers)
    total = np.zeros((size, size), dtype=np.uint16)
    for cover in covers:
        step = len(cover) // size
        total += cover[step // 2 :: step, step // 2 :: step]
        np.minimum(total, 255, out=total)
    return total.astype(np.uint8)


def _mirrored(part: Part) -> tuple[float, float]:
    """(mirrored, whole) area in the UV square. v grows downward, so upright faces have a negative signed area."""
    assert part.uv is not None
    a, b, c = (part.uv[part.faces[:, corner]].astype(np.float64) for corner in range(3))
    signed = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    return float(signed[signed > 0].sum()), float(np.abs(signed).sum())


def outside_share(uv: F32) -> float:
    """Share of (n, 2) coordinates that lie outside 0–1, n > 0."""
    return float(((uv < -UV_TOLERANCE) | (uv > 1 + UV_TOLERANCE)).any(axis=1).mean())


def _area(part: Part) -> float:
    cross = face_crosses(part.vertices, part.faces)
    return float(0.5 * np.sqrt(np.einsum("ij,ij->i", cross, cross)).sum())


def _albedo_shares(part: Part, cover: U8 | None, decoded: dict[bytes, U8]) -> F64:
    """(256,) share of the part's surface per colour value; empty (zero) when nothing of it is opaque."""
    material, texture = part.material, part.material.base_color_texture
    if texture is not None and cover is not None:
        return _shares(_textured_values(material, _seen(texture, cover, decoded)))
    factor = np.array(material.base_color[:3])
    if part.colors is not None:
        linear = part.colors[np.unique(part.faces), :3].astype(np.float64) / 255.0 * factor
        return _shares(to_srgb8(linear).max(axis=1))
    return _shares(to_srgb8(factor[None]).max(axis=1))


def _seen(texture: Texture, cover: U8, decoded: dict[bytes, U8]) -> U8:
    if texture.data not in decoded:
        decoded[texture.data] = texture.pixels()
    return covered_texels(decoded[texture.data], cover)


def covered_texels(pixels: U8, cover: U8) -> U8:
    """(k, 4) texels of (h, w, 4) pixels at the covered cells."""
    rows, columns = np.nonzero(cover)
    height, width = pixels.shape[:2]
    size = len(cover)
    seen: U8 = pixels[(2 * rows + 1) * height // (2 * size), (2 * columns + 1) * width // (2 * size)]
    return seen


def _textured_values(material: Material, texels: U8) -> U8:
    """Largest sRGB channel of (k, 4) texels times the linear factor; see-through ones are left out."""
    if material.alpha_mode != "OPAQUE":
        texels = texels[texels[:, 3] >= 128]
    levels = to_linear(np.arange(256) / 255.0)
    tables = [to_srgb8(levels * factor) for factor in material.base_color[:3]]
    red, green, blue = (table[texels[:, channel]] for channel, table in enumerate(tables))
    return np.maximum(np.maximum(red, green), blue)


def _shares(values: U8) -> F64:
    counts = np.bincount(values, minlength=256).astype(np.float64)
    shares: F64 = counts / max(len(values), 1)
    return shares


def to_srgb8(linear: F64) -> U8:
    """Linear 0–1, clipped, to sRGB 0–255 (IEC 61966-2-1)."""
    return np.rint(to_srgb(np.clip(linear, 0.0, 1.0)) * 255.0).astype(np.uint8)
