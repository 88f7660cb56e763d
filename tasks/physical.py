"""Keeps materials physical: colours within what dielectrics and metals reflect, and metallic either 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np

from ml.asset import F32, U8, Asset, Material, Part, Texture
from ml.color_space import decode, encode
from ml.srgb import decode_table, encode_table
from tasks.recolor import encoded_like, everywhere, surface_samples

# Metallic between these is a blend where both sides meet within BORDER texels, and a mistake elsewhere.
DIELECTRIC_MOST, METAL_LEAST = 0.1, 0.9
BORDER = 2
# sRGB below which no bare metal lies: titanium, the darkest of the charts, has 178 to 206. A "metal" that dark is
# oxide, paint or dirt, which the guide calls dielectric.
NO_METAL = 90


@dataclass(frozen=True)
class PhysicalOptions:
    """The range of a colour's largest sRGB channel."""

    darkest: int = field(default=30, metadata={"min": 0, "max": 128, "help": "of dielectrics, sRGB 0–255"})
    brightest: int = field(default=240, metadata={"min": 128, "max": 255, "help": "of dielectrics, sRGB 0–255"})
    metal: int = field(default=180, metadata={"min": 0, "max": 255, "help": "least of metals, sRGB 0–255"})


def physical(asset: Asset, options: PhysicalOptions = PhysicalOptions()) -> Asset:
    """The asset with base colours clamped and metallic snapped; parts and textures without a fault stay as they are.

    Dielectrics lie in sRGB 30–240, metals reflect 70–100 %, 180–255 (Adobe, "The PBR Guide", part 2); the value of a
    colour is its largest channel, as in MoonRay's "PBR validity" and our `albedo.*` metrics. Colours are scaled, so
    hues stay; black becomes grey. Metallic between 0.1 and 0.9 goes to the nearer end, except along borders between
    metal and dielectric, and what is darker than any metal becomes dielectric. See-through texels are left out.
    Metrics `material.*` are the shares of the surface at fault before.
    """
    if not asset.face_count:
        return asset
    faults = surface_faults(asset, options)
    fixer = _Fixer(options)
    result = everywhere(asset, fixer)
    changed = sum(new is not old for new, old in zip(result.parts, asset.parts, strict=True))
    note = f"{changed} of {len(asset.parts)} parts changed" if changed else "nothing to change"
    return (result if fixer.changed else asset).measured(faults).noted(physical=note)


def surface_faults(asset: Asset, options: PhysicalOptions = PhysicalOptions()) -> dict[str, float]:
    """Shares of the surface that are too dark, too bright, metal darker than any, or half metallic."""
    samples, hits = surface_samples(asset)
    base, metallic = samples.base_color(hits), samples.surface(hits)[:, 2]
    value = encode(base[:, :3]).max(axis=1)
    solid = base[:, 3] >= 0.5
    metal = metallic > 0.5
    return {
        "material.albedo_low": float((solid & ~metal & (value < options.darkest)).mean()),
        "material.albedo_high": float((solid & ~metal & (value > options.brightest)).mean()),
        "material.metal_dark": float((solid & metal & (value < options.metal)).mean()),
        "material.metallic_between": float(((metallic > DIELECTRIC_MOST) & (metallic < METAL_LEAST)).mean()),
    }


@dataclass
class _Fixer:
    """Fixes each material once."""

    options: PhysicalOptions
    changed: bool = False
    _seen: dict[tuple[Material, bool], Material] = field(default_factory=dict)

    def __call__(self, part: Part) -> Part:
        if part.colors is not None and part.material.base_color_texture is None:
            return self._noted(part, self._vertices(part, part.colors))
        key = part.material, part.uv is not None
        if key not in self._seen:
            self._seen[key] = self._material(*key)
        found = self._seen[key]
        return self._noted(part, part if found is part.material else replace(part, material=found))

    def _noted(self, old: Part, new: Part) -> Part:
        self.changed = self.changed or new is not old
        return new

    def _vertices(self, part: Part, colors: U8) -> Part:
        """Vertex colours under a metallic factor; a metallic map beside them is left alone."""
        material = part.material
        factor = np.array(material.base_color[:3], np.float32)
        shown = encode(colors[:, :3] * np.float32(1 / 255) * factor)
        metallic = np.full(len(shown), round(material.metallic * 255), np.uint8)
        fixed, metal = self._fixed(shown[:, None], metallic[:, None])
        if (fixed[:, 0] == shown).all() and (metal[:, 0] == metallic).all():
            return part
        linear = decode(fixed[:, 0])
        top = np.maximum(linear.max(axis=0), np.float32(1 / 255))
        quantized = colors.copy()
        quantized[:, :3] = np.rint(linear / top * 255)
        r, g, b = (float(value) for value in top)
        snapped = float(np.median(metal)) / 255.0 if (metal != metallic[:, None]).any() else material.metallic
        changed = replace(material, base_color=(r, g, b, material.base_color[3]), metallic=snapped)
        return replace(part, material=changed, colors=quantized)

    def _material(self, material: Material, has_uv: bool) -> Material:
        base = material.base_color_texture if has_uv else None
        packed = material.metallic_roughness_texture if has_uv else None
        if material.alpha_mode == "BLEND" and base is None and material.base_color[3] < 0.5:
            return material
        pixels = None if base is None else base.pixels()
        surface = None if packed is None else packed.pixels()
        shown = _shown(material, pixels)
        metallic = _metallic(material, surface)
        hidden = None if pixels is None or material.alpha_mode == "OPAQUE" else pixels[..., 3] < 128
        fixed, metal = self._fixed(shown, metallic, hidden)
        colored = self._with_base(material, base, pixels, shown, fixed)
        return self._with_metallic(colored, packed, surface, metallic, metal)

    def _fixed(self, shown: U8, metallic: U8, hidden: Any = None) -> tuple[U8, U8]:
        """Colours (h, w, 3) and metallic (h', w') put right together; either may be a single pixel for all."""
        value = shown.max(axis=2)
        if hidden is not None:
            value = np.where(hidden, np.uint8(255), value)
        metal = snapped(metallic, _resampled(value, *metallic.shape))
        if metallic.size == 1 and value.size > 1 and metal[0, 0] >= 128:
            # one metallic for all texels: it is metal where most of them can be
            metal = np.where(np.median(value) < NO_METAL, np.uint8(0), metal)
        limits = np.array([self.options.darkest, self.options.brightest, self.options.metal])
        fixed = _clamped(shown, _resampled(metal, *value.shape), limits, decode_table(), encode_table())
        if hidden is not None:
            fixed = np.where(hidden[..., None], shown, fixed)
        return fixed, metal

    @staticmethod
    def _with_base(material: Material, base: Texture | None, pixels: U8 | None, shown: U8, fixed: U8) -> Material:
        if (fixed == shown).all():
            return material
        alpha = material.base_color[3]
        if base is None or pixels is None:
            r, g, b = (float(v) for v in decode(fixed[0, 0]))
            return replace(material, base_color=(r, g, b, alpha))
        texture = encoded_like(base, np.concatenate([fixed, pixels[..., 3:]], axis=2))
        return replace(material, base_color=(1.0, 1.0, 1.0, alpha), base_color_texture=texture)

    @staticmethod
    def _with_metallic(
        material: Material, packed: Texture | None, surface: U8 | None, metallic: U8, metal: U8
    ) -> Material:
        if (metal == metallic).all():
            return material
        if packed is None or surface is None:
            return replace(material, metallic=float(metal[0, 0]) / 255.0)
        pixels = np.concatenate([surface[..., :2], metal[..., None]], axis=2)
        texture = Texture.from_pixels(pixels, packed.name)
        shade = material.occlusion_texture
        shared = shade is not None and shade.data == packed.data
        occlusion = texture if shared else shade
        return replace(material, metallic=1.0, metallic_roughness_texture=texture, occlusion_texture=occlusion)


def _shown(material: Material, pixels: U8 | None) -> U8:
    """(h, w, 3) sRGB of the base colour, factor times texture; one pixel without a texture."""
    factor = np.array(material.base_color[:3], np.float32)
    if pixels is None:
        return encode(factor[None, None])
    if (factor == 1.0).all():
        return np.ascontiguousarray(pixels[..., :3])
    tables = [encode(decode_table() * value) for value in factor]
    return np.stack([table[pixels[..., k]] for k, table in enumerate(tables)], axis=2)


def _metallic(material: Material, surface: U8 | None) -> U8:
    """(h, w) metallic × 255; one pixel without a map."""
    if surface is None:
        return np.array([[round(material.metallic * 255)]], np.uint8)
    scaled: U8 = np.rint(surface[..., 2] * np.float32(material.metallic)).astype(np.uint8)
    return scaled


def _resampled(image: U8, height: int, width: int) -> U8:
    """The nearest pixel of each."""
    rows = (2 * np.arange(height) + 1) * image.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * image.shape[1] // (2 * width)
    return image if image.shape == (height, width) else np.ascontiguousarray(image[rows[:, None], columns[None]])


def snapped(metallic: U8, value: U8) -> U8:
    """(h, w) metallic with mistakes put right, given each texel's largest sRGB channel.

    What lies between the ends and has both metal and dielectric within two texels is a border and stays.
    """
    low, high = round(DIELECTRIC_MOST * 255), round(METAL_LEAST * 255)
    dark = (metallic > low) & (value < NO_METAL)
    between = (metallic > low) & (metallic < high)
    if not (between | dark).any():
        return metallic
    border = between & _near(metallic <= low) & _near((metallic >= high) & ~dark)
    ends = np.where((metallic >= 128) & ~dark, np.uint8(255), np.uint8(0))
    return np.where((between | dark) & ~border, ends, metallic)


def _near(mask: Any) -> Any:
    """Where the mask holds within BORDER texels, across the repeating edge too."""
    for axis in (0, 1):
        near = mask.copy()
        for shift in range(1, BORDER + 1):
            near |= np.roll(mask, shift, axis) | np.roll(mask, -shift, axis)
        mask = near
    return mask


@numba.njit(cache=True, nogil=True)
def _clamped(shown: U8, metal: U8, limits: Any, decode: F32, encode: U8) -> U8:
    """(h, w, 3) sRGB with the largest channel of each texel in its range, blended by metallic at borders."""
    height, width = metal.shape
    out = shown.copy()
    for y in range(height):
        for x in range(width):
            top = max(shown[y, x, 0], shown[y, x, 1], shown[y, x, 2])
            share = metal[y, x] / 255.0
            low = limits[0] + (limits[2] - limits[0]) * share
            high = limits[1] + (255 - limits[1]) * share
            goal = min(max(float(top), low), high)
            if goal == top:
                continue
            target = decode[round(goal)]
            if top == 0:
                for k in range(3):
                    out[y, x, k] = round(goal)
                continue
            factor = target / decode[top]
            for k in range(3):
                out[y, x, k] = encode[int(min(decode[shown[y, x, k]] * factor, 1.0) * 65535.0 + 0.5)]
    return out
