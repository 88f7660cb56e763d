"""Edits of the look of whole parts: colour, tone, substance, polish, wear, glow and palette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from glob import escape

import numpy as np

from ml.asset import F32, Asset, InputError, Material, Part
from ml.color_space import encode, from_oklab, to_oklab
from ml.edits import Glow, Palette, Polish, Recolor, SetMaterial, Tone, Wear
from ml.substances import color_of
from tasks.edit_wear import worn
from tasks.palette import HUE_SPREAD, PaletteOptions, palette
from tasks.recolor import Change, Resurface, surface_samples
from tasks.recolor import Recolor as Recoloring
from tasks.set_material import SetMaterialOptions, set_material
from tasks.topology import F64

Paint = Recolor | Tone | SetMaterial | Polish | Glow | Palette | Wear


def repainted(asset: Asset, edit: Paint, indices: tuple[int, ...]) -> Asset:
    """The asset with the parts `indices` in their new look, its geometry and UVs untouched where they are an atlas.

    LODs and source are left out: they are made anew. Raises InputError `edit.no-effect` for a substance that is not in
    the library, and `image.*`.
    """
    if isinstance(edit, Palette):
        codes = tuple(hex_code(color) for color in edit.colors)
        return _alone(palette(_alone(asset), PaletteOptions(colors=codes)))
    change = _change(edit)
    parts = tuple(change(part) if k in indices and len(part.faces) else part for k, part in enumerate(asset.parts))
    return replace(_alone(asset), parts=parts)


def _alone(asset: Asset) -> Asset:
    return replace(asset, lods=(), source=None)


def _change(edit: Recolor | Tone | SetMaterial | Polish | Glow | Wear) -> Callable[[Part], Part]:
    if isinstance(edit, Recolor):
        target = to_oklab(np.array([color_of(edit.color)], np.float32))[0]
        return lambda part: Recoloring(_towards(part, target))(part)
    if isinstance(edit, Tone):
        return Recoloring(_lighter(edit.lightness))
    if isinstance(edit, Polish):
        return Resurface(_polished(edit.amount), np.arange(256).astype(np.uint8))
    if isinstance(edit, Wear):
        return lambda part: worn(part, edit)
    if isinstance(edit, Glow):
        return lambda part: replace(part, material=_lit(part.material, edit))
    return lambda part: _covered(part, edit)


def _towards(part: Part, target: F32) -> Change:
    """The change that gives a part's mean colour the target (3,) in OKLab; light and dark within it stay."""
    samples, hits = surface_samples(Asset((part,)))
    lab = to_oklab(samples.base_color(hits)[:, :3])
    mean = lab.mean(axis=0)
    spread = np.array([1.0, HUE_SPREAD, HUE_SPREAD], np.float32)
    return lambda colors: from_oklab((to_oklab(colors) - mean) * spread + target)


def _lighter(amount: float) -> Change:
    shift = np.array([amount, 0.0, 0.0], np.float32)

    def change(colors: F32) -> F32:
        lab = to_oklab(colors)
        moved = lab + shift
        moved[:, 0] = np.clip(moved[:, 0], 0.02, 0.98)
        share = moved[:, 0] / np.maximum(lab[:, 0], 1e-3)
        moved[:, 1:] *= np.clip(share, 0.0, 1.2)[:, None]  # a darker colour is less colourful, or its hue would glare
        return from_oklab(moved)

    return change


def _polished(amount: float) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """(256,) roughness to roughness: a share of the way to 0.03 (a mirror's) or to 1."""
    rough = np.arange(256) / 255.0
    goal = np.minimum(rough, 0.03) if amount > 0 else np.ones(256)
    return np.rint((rough + min(1.0, abs(amount)) * (goal - rough)) * 255.0).astype(np.uint8)


def _lit(material: Material, edit: Glow) -> Material:
    """The material with light of its own: in the colour given, else as its base colour shows it."""
    if not edit.on:
        return replace(material, emissive=(0.0, 0.0, 0.0), emissive_texture=None)
    if edit.color:
        return replace(material, emissive=color_of(edit.color), emissive_texture=None)
    r, g, b = material.base_color[:3]
    return replace(material, emissive=(r, g, b), emissive_texture=material.base_color_texture)


def _covered(part: Part, edit: SetMaterial) -> Part:
    color = hex_code(edit.color) if edit.color else ""
    resolution = max(64, min(2048, max((max(t.size) for t in part.material.textures), default=1024)))
    try:
        options = SetMaterialOptions(edit.material, part=escape(part.name), color=color, resolution=resolution)
    except ValueError as error:
        raise InputError("edit.no-effect", f"{edit.material} is not in the library: {error}") from error
    (found,) = set_material(Asset((part,)), options).parts
    return found


def hex_code(color: str) -> str:
    """'#rrggbb' of a canonical colour word or code."""
    r, g, b = encode(np.array([color_of(color)], np.float32))[0]
    return f"#{r:02x}{g:02x}{b:02x}"


def shown(asset: Asset) -> F64:
    """(t, 8) what places spread evenly over the surface show: base colour, roughness, metallic and emitted colour."""
    samples, hits = surface_samples(asset)
    base, surface, glow = samples.base_color(hits), samples.surface(hits), samples.emissive(hits)
    rows: F64 = np.concatenate([base[:, :3], surface[:, 1:], glow], axis=1).astype(np.float64)
    return rows
