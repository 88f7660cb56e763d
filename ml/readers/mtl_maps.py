"""The texture files that an MTL block names, loaded once each and packed as glTF wants them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ml.asset import U8, InputError, Texture
from ml.readers.images import load_texture
from ml.readers.limits import clean_name
from ml.readers.phong import roughness_bytes
from ml.sources import Source

# How many values each texture option takes (MTL specification, 'Texture map options'); -o, -s and -t take one to three.
OPTION_VALUES = {"-blendu": 1, "-blendv": 1, "-bm": 1, "-boost": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-mm": 2}
OPTION_VALUES |= {"-texres": 1, "-type": 1, "-o": 3, "-s": 3, "-t": 3, "-colorspace": 1}
Statements = dict[str, str]  # by lower-case keyword


def file_name(text: str) -> str:
    """A name as an MTL line holds it, without quotes and with forward slashes."""
    return text.strip().strip("\"'").replace("\\", "/")


@dataclass
class TextureLoader:
    """Loads the maps a library names, each once."""

    library: Source
    notes: list[str]
    _loaded: dict[str, Texture | None] = field(default_factory=dict)

    def get(self, lines: Statements, key: str) -> Texture | None:
        """The map of a statement, or None when it has none or the file is missing (noted)."""
        name = file_name(_without_options(lines.get(key, "")))
        if not name:
            return None
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Texture | None:
        try:
            data = self.library.sibling(name).read()
        except InputError as error:
            if error.code not in ("input.missing", "input.unreadable"):
                raise
            self.notes.append(f"texture {clean_name(name)} is missing")
            return None
        return load_texture(data, clean_name(name.rsplit("/", 1)[-1]))

    def bump(self, lines: Statements) -> Texture | None:
        """`map_Bump` where it is a normal map; a grey one is a height map, which the material cannot hold."""
        texture = self.get(lines, "map_bump") or self.get(lines, "bump")
        if texture is None:
            return None
        with Image.open(io.BytesIO(texture.data)) as image:
            small: Any = np.asarray(image.convert("RGB").resize((32, 32)), dtype=np.int16)
        if (np.abs(small[..., 2] - small[..., 0]) < 8).mean() > 0.9:
            self.notes.append("a height map (map_Bump) left out")
            return None
        return texture

    def base_color(self, lines: Statements) -> tuple[Texture | None, bool]:
        """map_Kd with map_d as its alpha, and whether that cuts anything out.

        map_d is read from its alpha channel where it has one, else from its red one. A colour file named twice keeps
        its bytes, and counts as opaque where it has no alpha.
        """
        color, mask = self.get(lines, "map_kd"), self.get(lines, "map_d")
        if mask is None:
            return color, False
        pixels = mask.pixels()
        has_alpha = bool((pixels[..., 3] < 255).any())
        if color is not None and mask.data == color.data:
            return color, has_alpha
        alpha = pixels[..., 3 if has_alpha else 0]
        if (alpha == 255).all():
            return color, False
        size = _larger(color, mask)
        rgb = np.full((*size[::-1], 3), 255, np.uint8)
        if color is not None:
            rgb = np.asarray(_sized(Image.fromarray(color.pixels()[..., :3]), size))
        merged = np.concatenate([rgb, np.asarray(_sized(Image.fromarray(alpha), size))[..., None]], axis=2)
        return Texture.from_pixels(merged, "base_color"), True

    def metallic_roughness(self, lines: Statements, exponent: float) -> Texture | None:
        """The grey maps map_Pr and map_Pm packed as glTF wants them: G roughness, B metallic, the larger size.

        Without map_Pr, a map_Ns that scales the Phong `exponent` gives the roughness.
        """
        rough, metal = self.get(lines, "map_pr"), self.get(lines, "map_pm")
        shine = self.get(lines, "map_ns") if rough is None else None
        if rough is None and metal is None and shine is None:
            return None
        size = _larger(rough, metal, shine)
        channels = [np.full(size[::-1], 255, np.uint8), _grey(rough, size), _grey(metal, size)]
        if shine is not None:
            channels[1] = roughness_bytes(exponent, _grey(shine, size))
        return Texture.from_pixels(np.stack(channels, axis=2), "metallic_roughness")


def _larger(*textures: Texture | None) -> tuple[int, int]:
    return max(texture.size for texture in textures if texture is not None)


def _grey(texture: Texture | None, size: tuple[int, int]) -> U8:
    """The red channel at a size; white without a texture."""
    if texture is None:
        return np.full(size[::-1], 255, np.uint8)
    return np.asarray(_sized(Image.fromarray(texture.pixels()[..., 0]), size))


def _sized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size)


def _without_options(rest: str) -> str:
    """The file name, spaces included, behind `-bm 0.3 -s 1 1 1`."""
    words = rest.split(" ")
    while words and words[0].startswith("-") and words[0].lower() in OPTION_VALUES:
        most = OPTION_VALUES[words.pop(0).lower()]
        optional = most == 3
        taken = 0
        while words and taken < most and (not optional or taken == 0 or _is_number(words[0])):
            words.pop(0)
            taken += 1
    return " ".join(words)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
