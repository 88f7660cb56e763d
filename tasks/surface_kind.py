"""What kind of surface an asset has, as data sets are filtered by: one colour, transparent, coarse or noisy maps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.asset import U8, Part
from tasks.measure_surface import PERCENTILES, covered_texels, to_srgb8
from tasks.subject import Subject
from tasks.texel_areas import texel_areas

CLEAR = 0.9  # alpha below which a blended surface lets something through
LEAST_CELLS = 64  # of the UV square that noise is told from


def color_metrics(subject: Subject) -> dict[str, float]:
    """albedo.range, 0–255: the channel that varies most, its 99th percentile over the surface less its 1st;
    albedo.transparent, share of the surface with alpha below 0.9 that is blended or cut out.

    One colour and see-through are traits of Objaverse++ (Lin et al. 2025); the measures are ours.
    """
    shares = np.zeros((3, 256))
    clear = total = 0.0
    for index, part in enumerate(subject.asset.parts):
        area = float(subject.areas[subject.owner == index].sum())
        if area > 0.0:
            texels = _shown(subject, index)
            shares += [area / len(texels) * np.bincount(texels[:, k], minlength=256) for k in range(3)]
            see_through = part.material.alpha_mode != "OPAQUE"
            clear += area * float((texels[:, 3] < 255 * CLEAR).mean()) if see_through else 0.0
            total += area
    if not total > 0.0:
        return {}
    reached = np.cumsum(shares, axis=1) / total
    low, high = ((reached < end).sum(axis=1) for end in (PERCENTILES[0], PERCENTILES[1] - 1e-9))
    return {"albedo.range": float((high - low).max()), "albedo.transparent": clear / total}


def _shown(subject: Subject, index: int) -> U8:
    """(k ≥ 1, 4) sRGB and alpha of a part: texels, vertex colours or the one factor."""
    part, cover = subject.asset.parts[index], subject.covers[index]
    material, texture = part.material, part.material.base_color_texture
    if texture is not None and cover is not None and cover.any():
        return _tinted(
            part, covered_texels(subject.pixels(texture), cover[::2, ::2] if cover[::2, ::2].any() else cover)
        )
    factor = np.array([material.base_color])
    linear = factor if part.colors is None else factor * part.colors[part.faces].mean(axis=1) / 255.0
    return np.column_stack([to_srgb8(linear[:, :3]), np.rint(255.0 * np.clip(linear[:, 3], 0, 1)).astype(np.uint8)])


def _tinted(part: Part, texels: U8) -> U8:
    """Texels with the alpha factor in; the colour factor scales all alike and makes no colour more."""
    alpha = np.rint(texels[:, 3] * min(max(part.material.base_color[3], 0.0), 1.0)).astype(np.uint8)
    return np.column_stack([texels[:, :3], alpha])


def map_metrics(subject: Subject) -> dict[str, float]:
    """texture.across, texels that the base colour spends on the asset's longest side, mean over its surface;
    texture.noise, von Neumann's ratio (1941) of its shown texels: 0 where neighbours agree, 1 for white noise.

    Nothing without a base colour map. Texels across are what a picture of the whole asset can show; the limit of a
    profile is then a resolution of pictures.
    """
    texels = squares = 0.0
    noise = [0.0, 0.0]
    for index, part in enumerate(subject.asset.parts):
        texture, cover = part.material.base_color_texture, subject.covers[index]
        if texture is None or cover is None:
            continue
        flat, surface = texel_areas(part)
        texels, squares = texels + flat * texture.size[0] * texture.size[1], squares + surface
        ratio = _noise(subject.pixels(texture), cover)
        if ratio is not None:
            noise[0], noise[1] = noise[0] + surface * ratio, noise[1] + surface
    if not squares > 0.0:
        return {}
    longest = float(np.ptp(subject.points[subject.faces.reshape(-1)], axis=0).max()) / subject.scale
    found = {"texture.across": longest * float(np.sqrt(texels / squares))}
    return found | ({"texture.noise": noise[0] / noise[1]} if noise[1] > 0.0 else {})


def _noise(pixels: U8, cover: U8) -> float | None:
    """Mean squared step between neighbouring texels over twice the variance, where both are shown; None for one colour
    or next to nothing shown."""
    height, width = pixels.shape[:2]
    rows, columns = (np.arange(side) * len(cover) // side for side in (height, width))
    shown: npt.NDArray[np.bool_] = cover[rows][:, columns] > 0
    grey = pixels[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    both = shown[:, 1:] & shown[:, :-1]
    if int(both.sum()) < LEAST_CELLS:
        return None
    variance = float(grey[shown].var())
    step = float(np.square(np.diff(grey, axis=1)[both]).mean())
    return step / (2.0 * variance) if variance > 1.0 else None
