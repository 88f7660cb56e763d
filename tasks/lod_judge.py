"""What a level of detail is worth: how far it strays, at what size it takes over, and how different it looks there."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from ml.asset import F32, Asset, Part
from tasks.bvh import build_bvh, closest_point
from tasks.lod_textures import TextureLevels
from tasks.lod_views import Frame, image_difference, pictures
from tasks.texel_areas import texel_areas
from tasks.topology import F64

SCREEN_HEIGHT = 1080  # pixels: the screen that coverages and errors in pixels are told for
# A level has to save a tenth of the one before, else it only costs download.
LEAST_SAVING = 0.1
# Where a level strays farther from LOD0 than this share of the diagonal (99th percentile), collapses have torn it: ten
# models gave 0.0–3.6 % on sound levels and 6.6–14 % on a truck that had lost its wheels and corners.
MOST_STRAYING = 0.04
PROBES = 3_000  # the 99th percentile of 20,000 differs by under 3 % at five times the cost
NARROWER = 0.8  # a level takes over at this share of the coverage of the one before at most, or that never shows
SIZES = (128, 192)  # pixels a side of the pictures compared: the nearest to the size on the screen


@dataclass(frozen=True)
class Verdict:
    """A level and its figures; `objection` says why it is not worth shipping."""

    level: Asset
    deviation: float = 0.0  # metres within which 99 % of LOD0 finds the level
    coverage: float = 0.0  # share of the screen's height that the ball around LOD0 spans when the level takes over
    difference: float = 0.0  # of the pictures at that size, 0 to 1
    objection: str = ""


class Judge:
    """LOD0 prepared to be compared with its levels."""

    def __init__(self, asset: Asset, textures: TextureLevels, pixels: float, most_difference: float) -> None:
        """`pixels` is the deviation on the screen at which a level takes over."""
        self._asset, self._textures = asset, textures
        self._pixels, self._most_difference = pixels, most_difference
        self._frame, self._probes = Frame.of(asset), _probes(asset)
        self._texels = _texel_density(asset)
        self._pictures: dict[int, F32] = {}

    def verdict(self, level: Asset, faces: int, coverage: float) -> Verdict:
        """The level beside the one before, of so many faces, which takes over at `coverage`."""
        if level.face_count > (1 - LEAST_SAVING) * faces:
            return Verdict(level, objection=f"{level.face_count} of {faces} faces saves under {LEAST_SAVING:.0%}")
        deviation = self.straying(level)
        share = deviation / self.diameter
        if share > MOST_STRAYING:
            objection = f"at {level.face_count} faces the surface strays {share:.1%} of the diagonal"
            return Verdict(level, deviation, objection=f"{objection}, over {MOST_STRAYING:.0%}")
        coverage = self._coverage(level, share, coverage)
        difference = self.difference(level, coverage)
        objection = ""
        if difference > self._most_difference:
            objection = f"at {level.face_count} faces it looks {difference:.1%} different"
            objection += f", over {self._most_difference:.0%}"
        return Verdict(level, deviation, coverage, difference, objection)

    def difference(self, level: Asset, coverage: float) -> float:
        """`image_difference` of the level at this coverage."""
        size = min(SIZES, key=lambda side: abs(side - coverage * SCREEN_HEIGHT))
        if size not in self._pictures:
            self._pictures[size] = pictures(self._asset, self._textures, self._frame, size)
        return image_difference(self._pictures[size], pictures(level, self._textures, self._frame, size))

    @property
    def diameter(self) -> float:
        """Of the ball around LOD0, metres."""
        return self._frame.diameter

    def straying(self, level: Asset) -> float:
        """Metres within which 99 % of LOD0 finds the level's surface."""
        vertices, faces, _ = level.merged()
        return float(np.quantile(closest_point(build_bvh(vertices, faces), self._probes)[2], 0.99))

    def _coverage(self, level: Asset, share: float, before: float) -> float:
        """Where the level strays by `pixels` and, if its maps are smaller, shows a texel to a pixel; below `before`."""
        coverage = self._pixels / (max(share, 1e-6) * SCREEN_HEIGHT)
        texels = _texel_density(level)
        if 0.0 < texels < 0.9 * self._texels:
            coverage = min(coverage, texels * self.diameter / SCREEN_HEIGHT)
        return min(coverage, NARROWER * before)


def _probes(asset: Asset) -> F64:
    """At most PROBES face corners and middles, evenly through the face order."""
    vertices, faces, _ = asset.merged()
    corners = vertices[faces[:: max(1, -(-4 * len(faces) // PROBES))]]
    return np.concatenate([corners.reshape(-1, 3), corners.mean(axis=1)])


def _texel_density(asset: Asset) -> float:
    """Texels a metre, mean over the textured surface; 0 without textures."""
    texels = area = 0.0
    for part in asset.parts:
        sides = _largest_map(part)
        if sides and part.uv is not None:
            shares = texel_areas(part)
            texels += shares[0] * sides
            area += shares[1]
    return sqrt(texels / area) if area > 0.0 else 0.0


def _largest_map(part: Part) -> int:
    return max((texture.size[0] * texture.size[1] for texture in part.material.textures), default=0)
