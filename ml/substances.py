"""What colours and materials look like: linear factors, metallic and roughness."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[float, float, float]


def linear(code: str) -> Color:
    """A '#rrggbb' or '#rgb' sRGB colour as linear factors (IEC 61966-2-1)."""
    digits = code.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    channels = (int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return r, g, b


# sRGB, as named by CSS Color 4 where the name is there, else by common use; within 30–240, which paint and dye reflect.
COLOR_CODES = {
    "red": "#c4231e", "crimson": "#a5122a", "scarlet": "#d2281c", "maroon": "#6d1a22", "burgundy": "#5e1528",
    "pink": "#ec92ad", "magenta": "#c0268f", "coral": "#f0715a", "salmon": "#f08b77", "peach": "#f0bc96",
    "orange": "#e5711a", "amber": "#f0a11e", "terracotta": "#b85c3c", "rust": "#8f4a24", "mustard": "#cf9b20",
    "yellow": "#efc91f", "lemon": "#f0df4b", "cream": "#f0e6cd", "ivory": "#f0ebdb", "beige": "#d8c7a4",
    "tan": "#c49a6c", "brown": "#6e4526", "chocolate": "#4a2c1a", "sand": "#d6bf92", "khaki": "#a39b6b",
    "olive": "#6b6b2a", "lime": "#8fce2c", "green": "#2f8a3c", "emerald": "#1d8f5f", "mint": "#a6dfc4",
    "sage": "#9caf88", "forest": "#23502b", "teal": "#17807e", "turquoise": "#3cc4b8", "cyan": "#28c1d4",
    "aqua": "#58d5d8", "sky": "#82bde8", "blue": "#2456b8", "cobalt": "#1c3f9c", "azure": "#3f86d9",
    "navy": "#17244f", "indigo": "#3a2a86", "violet": "#7444b4", "purple": "#66308e", "lavender": "#b6a4de",
    "lilac": "#c4a2cf", "plum": "#6f2f5c", "white": "#f0f0ed", "silvery": "#bfc3c8", "grey": "#828487",
    "charcoal": "#34373b", "black": "#1d1d1f", "golden": "#d9a441",
}  # fmt: skip
COLORS: dict[str, Color] = {name: linear(code) for name, code in COLOR_CODES.items()}
# How a shade word moves a linear colour: (toward black or white, by what share).
SHADES = {
    "dark": (0.0, 0.62), "deep": (0.0, 0.45), "light": (1.0, 0.42), "pale": (1.0, 0.55), "pastel": (1.0, 0.5),
    "bright": (1.0, 0.08), "vivid": (1.0, 0.0), "neon": (1.0, 0.15), "dusty": (0.3, 0.4), "muted": (0.25, 0.4),
}  # fmt: skip


def color_of(name: str) -> Color:
    """Linear factors of a canonical colour: 'navy', 'dark green' or '#aabbcc'."""
    if name.startswith("#"):
        return linear(name)
    shade, _, base = name.rpartition(" ")
    r, g, b = COLORS[base]
    target, share = SHADES.get(shade, (0.0, 0.0))
    return (r + (target - r) * share, g + (target - g) * share, b + (target - b) * share)


GLASS_ALPHA = 0.3  # of a pane without the refraction that glTF's core material lacks: it darkens and tints


@dataclass(frozen=True)
class Substance:
    """What a material looks like: its family, default linear colour, and glTF metallic and roughness factors."""

    family: str
    color: Color
    metallic: float
    roughness: float
    alpha: float = 1.0


def _substances(text: str) -> dict[str, Substance]:
    found = {}
    for line in text.strip().splitlines():
        family, _, entries = line.strip().partition(": ")
        for entry in entries.split(", "):
            name, code, metallic, roughness = entry.split()
            alpha = GLASS_ALPHA if family == "glass" else 1.0
            found[name] = Substance(family, linear(code), float(metallic), float(roughness), alpha)
    return found


# 'family: name sRGB metallic roughness, …'. Metals have the reflectances at normal incidence of Filament's "Material
# properties" chart (iron, gold, brass, silver, aluminium, titanium) and Adobe's "Metal material references" (chrome,
# copper), darkened to sRGB 240 where they are brighter: asset auditors allow no base colour above it. Alloys lie
# between their parts, tarnished ones are darker, none is below sRGB 180. Rust is no conductor. The others are typical
# albedos. The library in ml/materials/ has its mean colours and roughness from here.
SUBSTANCES = _substances(
    """
    wood: oak #b0824f 0 0.62, pine #d3a870 0 0.68, walnut #5f3d26 0 0.5, mahogany #6a2c1c 0 0.38
    wood: beech #cda678 0 0.58, birch #dcc49c 0 0.6, maple #d6b07c 0 0.5, cherry #83492f 0 0.42
    wood: ash #cbb594 0 0.6, teak #9a6a38 0 0.5, ebony #261d18 0 0.35, cedar #a8623d 0 0.65
    wood: bamboo #cfb26a 0 0.5, driftwood #948573 0 0.85, plywood #cfae7c 0 0.6, rattan #b98e54 0 0.75
    wood: bark #54402f 0 0.92, straw #cda956 0 0.9
    metal: iron #c0bdba 1 0.52, cast-iron #bbb8b5 1 0.68, steel #c4c3c1 1 0.34, stainless-steel #d0cdc9 1 0.22
    metal: chrome #c4c5c4 1 0.08, aluminium #eff0f0 1 0.3, silver #f0efeb 1 0.18, gold #f0cf93 1 0.2
    metal: rose-gold #f0cea7 1 0.2, brass #f0e0aa 1 0.3, bronze #d9b48a 1 0.38, copper #f0c9b8 1 0.28
    metal: pewter #c0c0be 1 0.45, titanium #cec8c2 1 0.36, tin #d6d5d2 1 0.42, rusted-iron #7a4022 0 0.88
    ceramic: ceramic #ded8ca 0 0.28, porcelain #eeede9 0 0.12, clay #ae6746 0 0.85, stoneware #8f8478 0 0.6
    textile: leather #5e3420 0 0.52, fabric #8b8d8c 0 0.92, velvet #58345f 0 0.82, linen #cfc4ae 0 0.94
    textile: wool #c9c0b2 0 0.96, cotton #e4e0d8 0 0.93, canvas #b9aa8b 0 0.93, silk #d8cabb 0 0.42
    textile: denim #38527c 0 0.9
    glass: glass #d5e4e2 0 0.05, crystal #e4f0f6 0 0.03, ice #c6e3ee 0 0.15
    stone: stone #86837c 0 0.86, marble #e6e3de 0 0.2, granite #6d6a69 0 0.45, slate #474e54 0 0.7
    stone: concrete #a19f9a 0 0.9, sandstone #c7a676 0 0.9, limestone #cfc7b3 0 0.88, brick #96492f 0 0.9
    stone: obsidian #201f24 0 0.08, jade #4f9a72 0 0.22, plaster #e4ddd0 0 0.92, tile #a04e35 0 0.7
    plastic: plastic #d2d4d6 0 0.42, acrylic #e6eaec 0 0.1, resin #c88d3c 0 0.2, rubber #232325 0 0.88
    plastic: composite #e5e8ea 0 0.35, carbon #242424 0 0.35, lacquer #b5211c 0 0.2, paint #b5211c 0 0.35
    plastic: wax #efe4c8 0 0.5
    paper: paper #ece4d2 0 0.95, cardboard #b48d5e 0 0.95, parchment #dcc698 0 0.92
    bone: bone #e2d8be 0 0.55
    plant: leaves #3d7030 0 0.8, needles #27502f 0 0.85, grass #5d8f33 0 0.9
    food: bread #c1863f 0 0.85, soil #3c2b20 0 0.97
    """
)
