"""Which material every piece gets: what the prompt says of it, else of the whole, else what its style is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml.asset import Material
from ml.parametric.design import Piece
from ml.prompt import PartAttributes, Prompt
from ml.substances import SUBSTANCES, Color, Substance, color_of

WOODS = {
    "rustic": ("pine", "oak", "driftwood"),
    "victorian": ("mahogany", "walnut", "cherry"),
    "medieval": ("oak", "walnut"),
    "modern": ("walnut", "oak", "ash"),
    "minimalist": ("birch", "ash", "oak"),
    "scandinavian": ("birch", "beech", "ash"),
    "mid-century": ("walnut", "teak"),
    "industrial": ("driftwood", "oak"),
    "sci-fi": ("composite",),
    "japanese": ("cedar", "bamboo", "ash"),
    "art-deco": ("ebony", "walnut"),
    "steampunk": ("mahogany", "walnut"),
    "fantasy": ("walnut", "cherry", "oak"),
}
METALS = {
    "rustic": ("iron",),
    "victorian": ("brass", "bronze"),
    "medieval": ("iron", "steel"),
    "modern": ("stainless-steel", "chrome"),
    "minimalist": ("steel", "aluminium"),
    "industrial": ("cast-iron", "steel"),
    "sci-fi": ("titanium", "aluminium"),
    "art-deco": ("brass", "gold"),
    "steampunk": ("brass", "copper", "bronze"),
    "fantasy": ("gold", "silver", "bronze"),
}
# Textiles a prompt does not colour: muted tones of current upholstery ranges.
TEXTILE_COLORS = ("grey", "navy", "beige", "sage", "burgundy", "mustard", "teal", "charcoal", "rust", "cream")
# Substances that come in any colour, and the seeded choice when the prompt gives none.
COLORED = {
    "fabric": TEXTILE_COLORS,
    "velvet": ("burgundy", "navy", "emerald", "plum", "mustard", "teal"),
    "paint": ("red", "navy", "white", "charcoal", "teal", "orange", "silvery", "olive"),
    "ceramic": ("ivory", "white", "teal", "navy", "sage", "terracotta", "mustard", "charcoal", "sky"),
    "plastic": ("white", "charcoal", "teal", "orange", "mustard", "sage"),
}
# Pieces whose name in a prompt is another part's.
SAID_AS = {"cap": "lid", "staves": "planks", "sheet": "blanket", "grip": "handle"}


@dataclass(frozen=True)
class Finish:
    """A substance with an optional colour over it."""

    substance: str
    color: str = ""


class Wardrobe:
    """Resolves the finish of every piece of one asset; generic 'wood' and 'metal' mean the same throughout it."""

    def __init__(self, prompt: Prompt, style: str, pieces: list[Piece], rng: np.random.Generator) -> None:
        self.prompt = prompt
        self.said = {item.part: item for item in prompt.parts}
        woods = WOODS.get(style, ("oak", "walnut", "pine", "beech", "cherry", "teak"))
        metals = METALS.get(style, ("iron", "steel", "brass"))
        self.generic = {"wood": self._allowed(woods, rng), "metal": self._allowed(metals, rng)}
        self.palette = {name: self._allowed(colors, rng) for name, colors in COLORED.items()}
        self.tone = float(rng.uniform(0.86, 1.14))
        soft = any(item.role == "soft" for item in pieces)
        textiles = [m for m in prompt.materials if self._family(m) == "textile"]
        self.soft = textiles[0] if textiles else ""
        self.hard = [m for m in prompt.materials if not (soft and m in textiles)]
        self.lamp = any(item.glow for item in pieces)
        self.color_goes_soft = bool(soft and textiles and not self.hard)

    def _allowed(self, options: tuple[str, ...], rng: np.random.Generator) -> str:
        kept = [name for name in options if name not in self.prompt.negatives] or list(options)
        return kept[int(rng.integers(len(kept)))]

    def _family(self, name: str) -> str:
        return SUBSTANCES[self.generic.get(name, name)].family

    def _said_of(self, piece: Piece) -> PartAttributes:
        return self.said.get(piece.name) or self.said.get(SAID_AS.get(piece.name, "")) or PartAttributes(piece.name)

    def finish(self, piece: Piece) -> Finish:
        """Substance and colour: the part's own words first, then the whole's by role, then the piece's default."""
        said = self._said_of(piece)
        colors = self.prompt.colors
        substance, color = piece.substance, "" if piece.color in self.prompt.negatives else piece.color
        if piece.role == "main":
            substance = self.hard[0] if self.hard else substance
            color = colors[0] if colors and not self.color_goes_soft else "" if self.hard else color
        elif piece.role == "second":
            substance = self.hard[1] if len(self.hard) > 1 else substance
            color = colors[1] if len(colors) > 1 else color
            family = self._family(piece.substance)
            if len(self.hard) == 1 and family in ("wood", "metal") and self._family(self.hard[0]) == family:
                substance = self.hard[0]
        elif piece.role == "soft":
            substance = self.soft or substance
            at = 0 if self.color_goes_soft else 1
            color = colors[at] if len(colors) > at else "" if self.soft else color
        substance = said.material or substance
        color = said.color or ("" if said.material else color)
        return Finish(self._permitted(self.generic.get(substance, substance)), color)

    def _permitted(self, substance: str) -> str:
        """'not metal' and 'no leather' also hold for defaults."""
        refused = self.prompt.negatives
        if substance not in refused and SUBSTANCES[substance].family not in refused:
            return substance
        fallback = (self.generic["wood"], "steel", "fabric", "ceramic", "plastic")
        return next((s for s in fallback if s not in refused and SUBSTANCES[s].family not in refused), substance)

    def material(self, piece: Piece) -> Material:
        """The glTF material of a piece."""
        chosen = self.finish(piece)
        if not chosen.color:
            chosen = replace(chosen, color=self.palette.get(chosen.substance, ""))
        substance = SUBSTANCES[chosen.substance]
        color = color_of(chosen.color) if chosen.color else substance.color
        if substance.family == "wood" and not chosen.color:
            color = _toned(color, self.tone)
        return self._worn(piece, chosen, substance, color)

    def _worn(self, piece: Piece, chosen: Finish, substance: Substance, color: Color) -> Material:
        """Apply words for the surface: rusty, glossy, matte, worn, dark, light; and light where it shines."""
        words = set(self.prompt.attributes) | set(self._said_of(piece).shapes)
        metallic, roughness = substance.metallic, substance.roughness
        name = f"{chosen.color} {chosen.substance}".strip().replace(" ", "-").replace("#", "")
        if "rusty" in words and substance.family == "metal":
            rust = SUBSTANCES["rusted-iron"]
            name, color, metallic, roughness = f"rusty-{name}", rust.color, rust.metallic, rust.roughness
        roughness *= 0.4 if "glossy" in words else 1.0
        roughness = max(roughness, 0.85) if "matte" in words else roughness
        roughness = min(1.0, roughness * 1.25) if "worn" in words else roughness
        if piece.role != "fixed" and not self.prompt.colors:
            color = _toned(color, 0.42 if "dark" in words else 1.5 if "light" in words else 1.0)
        alpha = substance.alpha
        return Material(
            name=name,
            base_color=(*color, alpha),
            metallic=metallic,
            roughness=round(roughness, 4),
            emissive=self._emission(piece, color),
            alpha_mode="BLEND" if alpha < 1.0 else "OPAQUE",
        )

    def _emission(self, piece: Piece, color: Color) -> Color:
        """Light only when the prompt asks for it; from the piece made to shine, else from all main pieces."""
        shining = "glowing" in (*self.prompt.attributes, *self._said_of(piece).shapes)
        if not shining:
            return (0.0, 0.0, 0.0)
        if piece.glow:
            asked = self.prompt.colors[0] if self.prompt.colors else ""
            return color if piece.glow == "prompt" and not asked else color_of(asked or piece.glow)
        return (0.0, 0.0, 0.0) if self.lamp or piece.role != "main" else color


def _toned(color: Color, factor: float) -> Color:
    r, g, b = (min(1.0, channel * factor) for channel in color)
    return r, g, b
