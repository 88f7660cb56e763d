"""Changes to what a surface shows, carried out wherever an asset keeps it: factors, textures, vertex colours, LODs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ml.asset import F32, U8, Asset, Material, Part, Texture
from ml.color_space import decode, encode
from tasks.sampling import uniform_samples
from tasks.source_samples import Hits, SourceSamples

Change = Callable[[F32], F32]  # (n, 3) linear base colours to (n, 3)
CHUNK = 1 << 20  # texels at a time: 12 MB an array
SAMPLES = 16384  # of a surface: a share of it is known to ±0.8 % (two standard deviations at worst)


def everywhere(asset: Asset, change: Callable[[Part], Part]) -> Asset:
    """Every part of the asset, of its LODs and of the source that a later bake reads, through `change`."""
    return replace(
        asset,
        parts=tuple(map(change, asset.parts)),
        lods=tuple(everywhere(level, change) for level in asset.lods),
        source=None if asset.source is None else everywhere(asset.source, change),
    )


def surface_samples(asset: Asset, count: int = SAMPLES, seed: int = 0) -> tuple[SourceSamples, Hits]:
    """`count` places uniform over the area, to read what they show there.

    They lie on the source where geometry was replaced and its look is not yet baked. Raises InputError `mesh.no-faces`
    and `mesh.no-area`.
    """
    shown = asset
    if asset.source is not None and not any(part.material.textures or part.colors is not None for part in asset.parts):
        shown = asset.source
    samples = SourceSamples(shown)
    vertices, faces, _ = samples.merged
    places = uniform_samples(vertices, faces, count, seed)
    return samples, samples.hits(places.faces, places.barycentric)


@dataclass
class Recolor:
    """`change` applied to parts; a texture that parts share is computed and encoded once."""

    change: Change
    _seen: dict[tuple[bytes, tuple[float, ...]], Texture | None] = field(default_factory=dict)

    def __call__(self, part: Part) -> Part:
        """The part in its new colours; itself where nothing changes. Alpha stays."""
        material = part.material
        if material.base_color_texture is not None and part.uv is not None:
            return self._textured(part, material.base_color_texture)
        if part.colors is not None:
            return self._vertices(part, part.colors)
        r, g, b = (float(v) for v in np.clip(self.change(np.array([material.base_color[:3]], np.float32))[0], 0.0, 1.0))
        if np.allclose((r, g, b), material.base_color[:3], atol=1e-6):
            return part
        return replace(part, material=replace(material, base_color=(r, g, b, material.base_color[3])))

    def _textured(self, part: Part, texture: Texture) -> Part:
        material = part.material
        key = texture.data, material.base_color[:3]
        if key not in self._seen:
            self._seen[key] = self._texture(texture, material.base_color[:3])
        found = self._seen[key]
        if found is None:
            return part
        changed = replace(material, base_color=(1.0, 1.0, 1.0, material.base_color[3]), base_color_texture=found)
        return replace(part, material=changed)

    def _texture(self, texture: Texture, factor: tuple[float, ...]) -> Texture | None:
        """The texture with the factor worked in and changed; None where no byte of it changes."""
        pixels = texture.pixels()
        flat = pixels.reshape(-1, 4)
        out, same = flat.copy(), True
        for first in range(0, len(flat), CHUNK):
            rows = slice(first, first + CHUNK)
            shown = decode(flat[rows, :3]) * np.array(factor, np.float32)
            out[rows, :3] = encode(self.change(shown))
            same = same and bool((out[rows, :3] == encode(shown)).all())
        return None if same else encoded_like(texture, out.reshape(pixels.shape))

    def _vertices(self, part: Part, colors: U8) -> Part:
        factor = np.array(part.material.base_color[:3], np.float32)
        linear = colors[:, :3] * np.float32(1 / 255) * factor
        changed = np.clip(self.change(linear), 0.0, 1.0)
        if np.abs(changed - linear).max(initial=0.0) < 1e-6:
            return part
        top = np.maximum(changed.max(axis=0), np.float32(1 / 255))
        quantized = colors.copy()
        quantized[:, :3] = np.rint(changed / top * 255)
        r, g, b = (min(1.0, float(value)) for value in top)
        material = replace(part.material, base_color=(r, g, b, part.material.base_color[3]))
        return replace(part, material=material, colors=quantized)


def encoded_like(texture: Texture, pixels: U8) -> Texture:
    """(h, w, 4) pixels in the texture's format and name; without the alpha channel where it is opaque."""
    opaque = bool((pixels[..., 3] == 255).all())
    if texture.mime == "image/jpeg" and opaque:
        return Texture.from_photo(np.ascontiguousarray(pixels[..., :3]), texture.name)
    return Texture.from_pixels(np.ascontiguousarray(pixels[..., :3]) if opaque else pixels, texture.name)


@dataclass
class Resurface:
    """Tables (256,) from roughness and metallic bytes to others, applied to parts; shared maps are encoded once."""

    roughness: U8
    metallic: U8
    _seen: dict[tuple[bytes, float, float], Texture | None] = field(default_factory=dict)

    def __call__(self, part: Part) -> Part:
        """The part with its new surface; itself where nothing changes."""
        material = part.material
        if material.metallic_roughness_texture is None or part.uv is None:
            rough, metal = (
                self._value(self.roughness, material.roughness),
                self._value(self.metallic, material.metallic),
            )
            if (rough, metal) == (material.roughness, material.metallic):
                return part
            return replace(part, material=replace(material, roughness=rough, metallic=metal))
        return replace(part, material=self._textured(material, material.metallic_roughness_texture))

    @staticmethod
    def _value(table: U8, value: float) -> float:
        code = round(value * 255)
        return value if table[code] == code else float(table[code]) / 255.0

    def _textured(self, material: Material, texture: Texture) -> Material:
        key = texture.data, material.roughness, material.metallic
        if key not in self._seen:
            pixels = texture.pixels().copy()
            codes = np.arange(256) / 255.0
            same = True
            for channel, factor, table in (
                (1, material.roughness, self.roughness),
                (2, material.metallic, self.metallic),
            ):
                shown = np.rint(codes * factor * 255.0).astype(np.uint8)
                same = same and bool((table[shown] == shown)[np.unique(pixels[..., channel])].all())
                pixels[..., channel] = table[shown][pixels[..., channel]]
            self._seen[key] = None if same else Texture.from_pixels(np.ascontiguousarray(pixels[..., :3]), texture.name)
        found = self._seen[key]
        if found is None:
            return material
        shared = material.occlusion_texture is not None and material.occlusion_texture.data == texture.data
        return replace(
            material,
            roughness=1.0,
            metallic=1.0,
            metallic_roughness_texture=found,
            occlusion_texture=found if shared else material.occlusion_texture,
        )
