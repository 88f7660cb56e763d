"""The material library: a pattern, a size and a substance's colour by name, and the maps and materials made of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from ml.asset import F32, U8, InputError, Material, Texture
from ml.color_space import decode, encode
from ml.materials import metal, plain, stone, textile, wood
from ml.materials.grid import Field, Grid, Layers
from ml.materials.noise import normals_of
from ml.substances import SUBSTANCES, Color, Substance

Pattern = Callable[[Grid], Layers]
# Linear light of sRGB 30, 240 and 180: dielectrics reflect between the first two, metals above the third (see
# tasks/physical.py for the source), and auditors allow nothing brighter than the second; a hair inside, for rounding.
DARKEST, BRIGHTEST, METAL_DARKEST = 0.0131, 0.8700, 0.4580
SIZES = (256, 2048)


@dataclass(frozen=True)
class Look:
    """A library entry: the pattern that is laid over a substance, and the edge of its square tile in metres."""

    pattern: Pattern
    size_m: float
    substance: str = ""  # the entry's own name where empty
    roughness: float | None = None  # the substance's where None


@dataclass(frozen=True)
class Maps:
    """One tile's maps; row 0 is at the top, every edge meets the opposite one."""

    base_color: U8  # (s, s, 3) sRGB
    roughness_metallic: U8  # (s, s, 3): 255, roughness, metallic
    normal: U8  # (s, s, 3) tangent space, green up
    height: F32  # (s, s) metres
    size_m: float


board, woven = wood.board, textile.woven
LIBRARY: dict[str, Look] = {
    "oak": Look(partial(board, rings=16, figure=3.0, latewood=0.34, pores=0.5, ring_porous=True, rays=0.16), 0.4),
    "pine": Look(partial(board, rings=14, figure=3.2, latewood=0.36, knots=2, red=1.35), 0.4),
    "walnut": Look(partial(board, rings=18, figure=4.5, latewood=0.42, pores=0.38, red=1.2), 0.4),
    "mahogany": Look(partial(board, rings=22, figure=1.4, latewood=0.22, pores=0.34, red=1.2), 0.4),
    "cherry": Look(partial(board, rings=18, figure=2.6, latewood=0.24, pores=0.12, rays=0.05, red=1.2), 0.4),
    "beech": Look(partial(board, rings=18, figure=1.2, latewood=0.16, pores=0.1, rays=-0.3, red=1.25), 0.4),
    "birch": Look(partial(board, rings=16, figure=2.4, latewood=0.14, pores=0.1, red=1.2), 0.4),
    "maple": Look(partial(board, rings=16, figure=2.2, latewood=0.17, pores=0.06, red=1.25), 0.4),
    "ash": Look(partial(board, rings=15, figure=3.2, latewood=0.34, pores=0.42, ring_porous=True), 0.4),
    "teak": Look(partial(board, rings=22, figure=2.0, latewood=0.36, pores=0.3, ring_porous=True, red=1.25), 0.4),
    "cedar": Look(partial(board, rings=20, figure=2.6, latewood=0.34, knots=1, red=1.3), 0.4),
    "ebony": Look(partial(board, rings=24, figure=1.0, latewood=0.3, pores=0.2), 0.4),
    "driftwood": Look(partial(board, rings=20, figure=2.4, latewood=0.4, pores=0.3, red=1.06), 0.4),
    "plywood": Look(partial(board, rings=9, figure=3.6, latewood=0.2, red=1.2), 0.5),
    "bamboo": Look(wood.bamboo, 0.24),
    "iron": Look(partial(metal.cast, relief=5e-5, contrast=0.08), 0.2),
    "cast-iron": Look(partial(metal.cast, relief=1.1e-4, contrast=0.12), 0.2),
    "rusted-iron": Look(metal.rust, 0.4),
    "steel": Look(metal.brushed, 0.15),
    "stainless-steel": Look(partial(metal.brushed, depth=2.5e-6, contrast=0.03), 0.15),
    "chrome": Look(partial(metal.polished, smudge=0.02, scratch=0.02), 0.2),
    "aluminium": Look(partial(metal.brushed, depth=4e-6, contrast=0.04), 0.15),
    "silver": Look(partial(metal.polished, smudge=0.05, scratch=0.05, patina=0.06), 0.2),
    "gold": Look(partial(metal.polished, smudge=0.05, scratch=0.04), 0.2),
    "rose-gold": Look(partial(metal.polished, smudge=0.05, scratch=0.04), 0.2),
    "titanium": Look(partial(metal.brushed, depth=3e-6, contrast=0.03), 0.15),
    "pewter": Look(partial(metal.polished, smudge=0.09, scratch=0.05, patina=0.1), 0.2),
    "tin": Look(partial(metal.polished, smudge=0.08, scratch=0.06, patina=0.08), 0.2),
    "copper": Look(partial(metal.hammered, blows=12, relief=4e-4), 0.25),
    "brass": Look(partial(metal.polished, smudge=0.07, scratch=0.06, patina=0.1), 0.2),
    "bronze": Look(partial(metal.polished, smudge=0.09, scratch=0.06, patina=0.22), 0.2),
    "ceramic": Look(partial(plain.glaze, peel=1.2e-5, pooling=0.05), 0.2),
    "porcelain": Look(partial(plain.glaze, peel=4e-6, pooling=0.01), 0.2),
    "stoneware": Look(partial(plain.glaze, peel=2e-5, pooling=0.08, specks=0.5), 0.2),
    "terracotta": Look(plain.fired, 0.3, "clay"),
    "leather": Look(textile.hide, 0.12),
    "glass": Look(plain.clear, 0.3),
    "fabric": Look(partial(woven, threads=64, draft="basket", relief=2.5e-4, slub=0.16), 0.08),
    "linen": Look(partial(woven, threads=72, draft="plain", relief=1.6e-4, slub=0.34, weft=0.97, gap=0.45), 0.08),
    "cotton": Look(partial(woven, threads=96, draft="plain", relief=8e-5, slub=0.08, weft=1.0, gap=0.28), 0.05),
    "canvas": Look(partial(woven, threads=60, draft="plain", relief=3e-4, slub=0.14, weft=0.96, gap=0.4), 0.08),
    "silk": Look(
        partial(woven, threads=120, draft="satin", relief=4e-5, slub=0.06, weft=0.94, gap=0.16, fuzz=0.02), 0.04
    ),
    "denim": Look(partial(textile.denim, threads=100), 0.06),
    "wool": Look(textile.knitted, 0.12),
    "velvet": Look(textile.pile, 0.12),
    "marble": Look(stone.marble, 0.8),
    "granite": Look(stone.granite, 0.25),
    "sandstone": Look(stone.layered, 0.5),
    "slate": Look(stone.cleft, 0.5),
    "stone": Look(stone.rough, 0.8),
    "limestone": Look(partial(stone.rough, relief=8e-4, contrast=0.10, pits=0.35), 0.6),
    "concrete": Look(stone.concrete, 1.0),
    "plaster": Look(stone.plaster, 1.0),
    "brick": Look(stone.bricks, 0.9),
    "tile": Look(stone.tiles, 0.8),
    "plastic": Look(plain.moulded, 0.1),
    "plastic-glossy": Look(plain.moulded, 0.1, "plastic", 0.18),
    "plastic-matte": Look(partial(plain.moulded, grain=110), 0.08, "plastic", 0.62),
    "rubber": Look(partial(plain.moulded, grain=90, relief=1e-5, cloud=0.04), 0.08),
    "carbon": Look(
        partial(woven, threads=24, draft="twill-2-2", relief=1.2e-4, slub=0.05, weft=0.45, gap=0.3, fuzz=0.0), 0.06
    ),
    "paper": Look(partial(plain.sheet, fibre=0.02), 0.15),
    "cardboard": Look(partial(plain.sheet, fibre=0.045, flutes=22, relief=6e-5), 0.15),
    "bone": Look(plain.bone, 0.1),
}
# Other usual names of entries.
ALIASES = {
    "clay": "terracotta", "rusty-iron": "rusted-iron", "rust": "rusted-iron", "stainless": "stainless-steel",
    "aluminum": "aluminium", "wood": "oak", "metal": "steel", "glossy-plastic": "plastic-glossy",
    "matte-plastic": "plastic-matte", "carbon-fibre": "carbon", "knit": "wool", "ceramic-glazed": "ceramic",
    "paint": "plastic", "lacquer": "plastic", "acrylic": "plastic-glossy", "composite": "plastic", "crystal": "glass",
}  # fmt: skip


def look_of(name: str) -> tuple[str, Look]:
    """The entry of a name or alias, as `LIBRARY` has it; raises InputError `material.unknown` naming the nearest."""
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    wanted = ALIASES.get(wanted, wanted)
    if wanted not in LIBRARY:
        close = difflib.get_close_matches(wanted, [*LIBRARY, *ALIASES], n=3, cutoff=0.4) or sorted(LIBRARY)
        raise InputError("material.unknown", f"no material {name!r}; did you mean {', '.join(close)}?")
    return wanted, LIBRARY[wanted]


def substance_of(name: str) -> Substance:
    """What the entry is made of."""
    key, look = look_of(name)
    return SUBSTANCES[look.substance or key]


def texture_maps(name: str, size: int = 1024, seed: int = 0, color: Color | None = None) -> Maps:
    """The maps of a library material at `size` pixels (256–2048), the same for the same arguments.

    Their mean linear colour and roughness are the substance's of `ml/substances.py`; `color` (linear) takes the
    place of the colour. Dielectrics stay within sRGB 30–240. Raises InputError `material.unknown`, `material.size`.
    """
    key, look = look_of(name)
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError("material.size", f"{size} pixels; library textures have {SIZES[0]} to {SIZES[1]}")
    substance = SUBSTANCES[look.substance or key]
    layers = look.pattern(Grid(size, seed))
    metallic = substance.metallic if layers.metallic is None else layers.metallic
    height = np.ascontiguousarray(np.broadcast_to(np.asarray(layers.height, np.float32), (size, size)))
    packed = np.full((size, size, 3), 255, np.uint8)
    target = substance.roughness if look.roughness is None else look.roughness
    packed[..., 1] = _bytes(_centred(layers.roughness, target))
    packed[..., 2] = _bytes(metallic)
    return Maps(
        encode(_colored(layers, color or substance.color, metallic)),
        packed,
        normals_of(height, look.size_m / size),
        height,
        look.size_m,
    )


def _colored(layers: Layers, target: Color, metallic: Field | float) -> F32:
    """(s, s, 3) linear colour with the target as its mean, then scaled where the largest channel is not physical."""
    shade = np.asarray(layers.shade, np.float32)
    if shade.ndim == 2:
        shade = np.stack([shade if power == 1.0 else shade ** np.float32(power) for power in layers.tint], axis=2)
    color: F32 = np.empty_like(shade)
    for k in range(3):
        channel = shade[..., k]
        mean = channel.mean() if layers.body is None else np.average(channel, weights=layers.body)
        factor = np.float32(target[k] / max(float(mean), 1e-6))
        scale = factor if layers.body is None else 1.0 + (factor - np.float32(1)) * layers.body
        np.multiply(channel, scale, out=color[..., k])
    top = np.maximum(color.max(axis=2), np.float32(1e-6))
    low = DARKEST + (METAL_DARKEST - DARKEST) * metallic
    color *= (np.clip(top, low, BRIGHTEST) / top)[..., None]
    return color


def _centred(values: Field | float, target: float) -> Field:
    mean = float(np.mean(values))
    return np.clip(np.asarray(values) + np.float32(target - mean), 0.02, 1.0)


def _bytes(values: Field | float) -> U8:
    codes: U8 = np.rint(np.asarray(values) * 255.0).astype(np.uint8)
    return codes


@lru_cache(maxsize=16)
def library_material(name: str, size: int = 1024, seed: int = 0, color: Color | None = None) -> Material:
    """The library material as glTF has it, its textures encoded once; maps that do not vary are factors.

    Raises InputError `material.unknown`, `material.size`.
    """
    key, _ = look_of(name)
    maps = texture_maps(name, size, seed, color)
    base, alpha = maps.base_color, substance_of(name).alpha
    one_color = bool((base == base[0, 0]).all())
    r, g, b = (float(value) for value in decode(base[0, 0])) if one_color else (1.0, 1.0, 1.0)
    flat = int(maps.normal[..., :2].max()) <= 129 and int(maps.normal[..., :2].min()) >= 127
    return Material(
        name=key,
        base_color=(r, g, b, alpha),
        metallic=1.0,
        roughness=1.0,
        base_color_texture=None if one_color else Texture.from_pixels(base, f"{key}_base_color"),
        metallic_roughness_texture=Texture.from_pixels(maps.roughness_metallic, f"{key}_roughness_metallic"),
        normal_texture=None if flat else Texture.from_pixels(maps.normal, f"{key}_normal"),
        alpha_mode="BLEND" if alpha < 1.0 else "OPAQUE",
    )
