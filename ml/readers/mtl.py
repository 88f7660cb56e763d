"""Reads Wavefront MTL, with the PBR extension (Pr, Pm, norm), as glTF materials."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ml.asset import InputError, Material, Texture
from ml.readers.images import load_texture
from ml.readers.limits import clean_name
from ml.sources import Source

# How many values each texture option takes (MTL specification, 'Texture map options'); -o, -s and -t take one to three.
OPTION_VALUES = {"-blendu": 1, "-blendv": 1, "-bm": 1, "-boost": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-mm": 2}
OPTION_VALUES |= {"-texres": 1, "-type": 1, "-o": 3, "-s": 3, "-t": 3, "-colorspace": 1}
MAX_LIBRARY_BYTES = 16 * 1024 * 1024
Statements = dict[str, str]


def read_libraries(source: Source, libraries: list[str], notes: list[str]) -> dict[str, Material]:
    """The materials of every `mtllib` line by name; what is missing is noted, what escapes the input folder raises."""
    materials: dict[str, Material] = {}
    for line in dict.fromkeys(libraries):
        for library in _library_files(source, line, notes):
            loader = _TextureLoader(library, notes)
            for name, statements in _blocks(library):
                materials.setdefault(name, _material(name, statements, loader))
    return materials


def _library_files(source: Source, line: str, notes: list[str]) -> list[Source]:
    """`mtllib a.mtl b.mtl` or one name with spaces: the whole line is tried first."""
    for names in ([line], line.split()):
        found = [library for name in names if (library := _existing(source, name)) is not None]
        if found:
            return found
    notes.append(f"material library {clean_name(line)} is missing")
    return []


def _existing(source: Source, name: str) -> Source | None:
    """The file beside the source, or None; raises InputError `input.outside` when the name escapes."""
    sibling = source.sibling(_file_name(name))
    probe = Source(sibling.uri, sibling.root, MAX_LIBRARY_BYTES)
    try:
        probe.read()
    except InputError as error:
        if error.code in ("input.missing", "input.unreadable"):
            return None
        raise
    return probe


def _file_name(text: str) -> str:
    return text.strip().strip("\"'").replace("\\", "/")


def _blocks(library: Source) -> list[tuple[str, Statements]]:
    """(name, statements by lower-case keyword) of each `newmtl` block."""
    blocks: list[tuple[str, Statements]] = []
    for raw in library.read().decode("utf-8", "replace").splitlines():
        line = raw.strip()
        word, _, rest = line.replace("\t", " ").partition(" ")
        if word.lower() == "newmtl":
            blocks.append((clean_name(rest.strip()), {}))
        elif blocks and word and not word.startswith("#"):
            blocks[-1][1].setdefault(word.lower(), rest.strip())
    return blocks


def _material(name: str, lines: Statements, load: _TextureLoader) -> Material:
    base = load.get(lines, "map_kd")
    surface = load.metallic_roughness(lines)
    alpha = _scalar(lines, "d", 1.0 - _scalar(lines, "tr", 0.0))
    emissive = load.get(lines, "map_ke")
    color = _triple(lines, "kd", (1.0, 1.0, 1.0) if base else _triple(lines, "ka", (0.8, 0.8, 0.8)))
    # with a metal map the factor only scales it; many writers leave Pm out or at 0 beside the map
    return Material(
        name=name,
        base_color=(*color, alpha),
        metallic=1.0 if "map_pm" in lines and surface else _scalar(lines, "pm", 0.0),
        roughness=1.0 if "map_pr" in lines and surface else _roughness(lines),
        emissive=_triple(lines, "ke", (1.0, 1.0, 1.0) if emissive else (0.0, 0.0, 0.0)),
        base_color_texture=base,
        metallic_roughness_texture=surface,
        normal_texture=load.get(lines, "norm") or load.bump(lines),
        emissive_texture=emissive,
        alpha_mode="BLEND" if alpha < 1.0 else "OPAQUE",
    )


def _roughness(lines: Statements) -> float:
    """Pr, else from the Blinn-Phong exponent: α = √(2 / (Ns + 2)) (Walter et al. 2007), and glTF's roughness is √α."""
    if "pr" in lines or "ns" not in lines:
        return _scalar(lines, "pr", 0.8)
    return math.sqrt(math.sqrt(2.0 / (_scalar(lines, "ns", 0.0, high=1e6) + 2.0)))


def _scalar(lines: Statements, key: str, default: float, high: float = 1.0) -> float:
    try:
        value = float(lines[key].split()[-1])  # `d -halo 0.5`
    except (KeyError, ValueError, IndexError):
        return default
    return min(max(value, 0.0), high) if math.isfinite(value) else default


def _triple(lines: Statements, key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
    try:
        r, g, b = (min(max(float(word), 0.0), 1.0) for word in (lines[key].split() * 3)[:3])
    except (KeyError, ValueError):
        return default
    return (r, g, b) if math.isfinite(r + g + b) else default


@dataclass
class _TextureLoader:
    """Loads the maps a library names, each once."""

    library: Source
    notes: list[str]
    _loaded: dict[str, Texture | None] = field(default_factory=dict)

    def get(self, lines: Statements, key: str) -> Texture | None:
        """The map of a statement, or None when it has none or the file is missing (noted)."""
        name = _file_name(_without_options(lines.get(key, "")))
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

    def metallic_roughness(self, lines: Statements) -> Texture | None:
        """The grey maps map_Pr and map_Pm packed as glTF wants them: G roughness, B metallic, the larger size."""
        maps = [self.get(lines, key) for key in ("map_pr", "map_pm")]
        present = [texture for texture in maps if texture is not None]
        if not present:
            return None
        size = max(texture.size for texture in present)
        grey = [Image.new("L", size, 255) if t is None else _grey(t, size) for t in maps]
        pixels = np.stack([np.full(size[::-1], 255, np.uint8), *(np.asarray(g) for g in grey)], axis=2)
        return Texture.from_pixels(pixels, "metallic_roughness")


def _grey(texture: Texture, size: tuple[int, int]) -> Image.Image:
    channel = Image.fromarray(texture.pixels()[..., 0])
    return channel if channel.size == size else channel.resize(size)


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
