"""Masks over a part's maps: where on the surface each texel lies, what it weighs, and one look blended into another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ml.asset import F32, I32, U8, Asset, Material, Part, Texture
from ml.color_space import decode, encode
from tasks.bake import BakeOptions, bake
from tasks.gutter import nearest_covered
from tasks.set_material import is_atlas
from tasks.texel_raster import gather, interpolate, rasterize, tiled
from tasks.unwrap import UnwrapOptions, unwrap

RESOLUTION = 1024  # of maps that a part did not have
Weigh = Callable[[F32], F32]  # (t, 3) points in metres to weights (t,) from 0 to 1
FLAT: U8 = np.array([128, 128, 255], np.uint8)


def with_atlas(part: Part) -> Part:
    """The part itself where each place has texels of its own, else unwrapped, with its look baked into maps."""
    if is_atlas(part) and part.colors is None:
        return part
    found = bake(unwrap(Asset((part,)), UnwrapOptions(RESOLUTION, when="always")), BakeOptions(RESOLUTION)).parts[0]
    return replace(found, name=part.name, material=replace(found.material, name=part.material.name))


def map_size(material: Material) -> int:
    """The longest side of any of the maps, pixels; RESOLUTION without one."""
    return max((max(texture.size) for texture in material.textures), default=RESOLUTION)


@dataclass(frozen=True)
class Texels:
    """The covered texels of a square map and where on the part they lie."""

    size: int
    texel: I32  # (t,) flat indices
    nearest: I32  # (size²,) flat index of the nearest covered texel, −1 where there is none
    points: F32  # (t, 3) metres

    @staticmethod
    def of(part: Part, size: int) -> Texels:
        """Of a part with UVs."""
        face, two = rasterize(part.uv, part.faces, size)
        texel = tiled(face)
        own, barycentric = gather(face, two, texel)
        points = interpolate(part.vertices, part.faces, own, barycentric)
        return Texels(size, texel, nearest_covered(face >= 0).reshape(-1), points)

    def spread(self, values: F32) -> F32:
        """(size, size) map of values (t,); a texel off the charts has its nearest one's, 0 where there is none."""
        flat = np.zeros(self.size * self.size + 1, np.float32)
        flat[self.texel] = values
        grown: F32 = flat[self.nearest].reshape(self.size, self.size)
        return grown


def resized(mask: F32, width: int, height: int) -> F32:
    """(height, width) of a square mask: bilinear, but exact 0 stays where nothing near is more."""
    if mask.shape == (height, width):
        return mask
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR), np.float32)


def blended(before: Part, after: Part, mask: F32) -> Part:
    """The part with `after`'s look where the square mask is 1, its own bytes where it is 0, between them in between.

    Both have the same atlas. Maps stay as large as they were, and are PNG where anything in them changes; a factor
    other than 1 is worked into its map.
    """
    old, new = before.material, after.material
    changes: dict[str, Any] = {}
    color = _mixed_map(Layer.color(old), Layer.color(new), mask)
    if color is not None:
        changes |= {"base_color_texture": color, "base_color": (1.0, 1.0, 1.0, old.base_color[3])}
    glow = _mixed_map(Layer.glow(old), Layer.glow(new), mask)
    if glow is not None:
        changes |= {"emissive_texture": glow, "emissive": (1.0, 1.0, 1.0)}
    packed = _mixed_map(Layer.surface(old), Layer.surface(new), mask)
    if packed is not None:
        changes |= {"metallic_roughness_texture": packed, "roughness": 1.0, "metallic": 1.0}
        if old.occlusion_texture is not None and old.occlusion_texture == old.metallic_roughness_texture:
            changes |= {"occlusion_texture": packed}
    normal = _mixed_normals(old.normal_texture, new.normal_texture, mask)
    if normal is not None:
        changes |= {"normal_texture": normal}
    return replace(before, material=replace(old, **changes)) if changes else before


@dataclass(frozen=True)
class Layer:
    """A map, what it is multiplied by, whether it is sRGB, and the channels that count."""

    texture: Texture | None
    factor: tuple[float, ...]
    srgb: bool
    name: str

    @staticmethod
    def color(material: Material) -> Layer:
        """Base colour."""
        return Layer(material.base_color_texture, material.base_color[:3], True, "base_color")

    @staticmethod
    def glow(material: Material) -> Layer:
        """Emitted light."""
        return Layer(material.emissive_texture, material.emissive, True, "emissive")

    @staticmethod
    def surface(material: Material) -> Layer:
        """Roughness in the second channel, metallic in the third."""
        factor = (1.0, material.roughness, material.metallic)
        return Layer(material.metallic_roughness_texture, factor, False, "occlusion_roughness_metallic")

    def pixels(self, width: int, height: int) -> U8:
        """(height, width, 4), white without a texture."""
        if self.texture is None:
            return np.full((height, width, 4), 255, np.uint8)
        pixels = self.texture.pixels()
        if pixels.shape[:2] == (height, width):
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR), np.uint8)

    def shown(self, pixels: U8) -> F32:
        """(t, 3) linear values of pixels (t, 4) times the factor."""
        straight = pixels[:, :3].astype(np.float32) / np.float32(255)
        values: F32 = (decode(pixels[:, :3]) if self.srgb else straight) * np.array(self.factor, np.float32)
        return values

    def stored(self, values: F32) -> U8:
        """(t, 3) bytes of linear values."""
        return encode(values) if self.srgb else np.rint(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8)


def _mixed_map(old: Layer, new: Layer, mask: F32) -> Texture | None:
    """The old map with the new one's values by the mask; None where that changes nothing."""
    if old == new:
        return None
    width, height = old.texture.size if old.texture else new.texture.size if new.texture else mask.shape
    weight = resized(mask, width, height).reshape(-1)
    pixels, others = old.pixels(width, height).reshape(-1, 4).copy(), new.pixels(width, height).reshape(-1, 4)
    own = np.flatnonzero(weight > 0.0)
    shown, goal = old.shown(pixels[own]), new.shown(others[own])
    mixed = old.stored(shown + weight[own, None] * (goal - shown))
    if any(value != 1.0 for value in old.factor):
        if old.texture is None:
            pixels[:, :3] = old.stored(old.shown(pixels[:1]))
        else:
            pixels[:, :3] = old.stored(old.shown(pixels))
    if np.array_equal(pixels[own, :3], mixed):
        return None
    first = 0 if old.srgb else 1  # red is occlusion's
    pixels[own, first:3] = mixed[:, first:]
    return _encoded(pixels.reshape(height, width, 4), old.texture.name if old.texture else old.name)


def _mixed_normals(old: Texture | None, new: Texture | None, mask: F32) -> Texture | None:
    """The old normal map with the new one's directions by the mask; flat where there is none."""
    if old == new:
        return None
    width, height = old.size if old else new.size if new else mask.shape
    weight = resized(mask, width, height).reshape(-1)
    own = np.flatnonzero(weight > 0.0)
    pixels, others = (_normal_pixels(texture, width, height) for texture in (old, new))
    first, second = (side[own].astype(np.float32) / np.float32(127.5) - 1 for side in (pixels, others))
    mixed = first + weight[own, None] * (second - first)
    mixed /= np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-6)
    pixels = pixels.copy()
    pixels[own] = np.rint((mixed + 1) * 127.5).astype(np.uint8)
    return Texture.from_pixels(pixels.reshape(height, width, 3), old.name if old else "normal")


def _normal_pixels(texture: Texture | None, width: int, height: int) -> U8:
    if texture is None:
        return np.tile(FLAT, (width * height, 1))
    pixels = texture.pixels()[..., :3]
    if pixels.shape[:2] != (height, width):
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR), np.uint8)
    return pixels.reshape(-1, 3)


def _encoded(pixels: U8, name: str) -> Texture:
    opaque = bool((pixels[..., 3] == 255).all())
    return Texture.from_pixels(np.ascontiguousarray(pixels[..., :3]) if opaque else pixels, name)


def changed_texels(before: Part, after: Part) -> int:
    """How many texels differ, over all maps; all of those that only one of them has."""
    count = 0
    for name in ("base_color", "metallic_roughness", "normal", "emissive"):
        old, new = (getattr(part.material, f"{name}_texture") for part in (before, after))
        if old == new:
            continue
        if old is None or new is None or old.size != new.size:
            width, height = (new or old).size
            count += width * height
        else:
            count += int((old.pixels() != new.pixels()).any(axis=2).sum())
    return count
