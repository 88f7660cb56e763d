"""Reads Wavefront MTL, Phong or with the PBR extension (Pr, Pm, norm), as glTF materials."""

from __future__ import annotations

import math
from dataclasses import replace

from ml.asset import InputError, Material
from ml.readers.limits import clean_name
from ml.readers.mtl_maps import Statements, TextureLoader, file_name
from ml.readers.phong import UNSAID_ROUGHNESS, Phong, surface
from ml.readers.phong import roughness as phong_roughness
from ml.sources import Source

MAX_LIBRARY_BYTES = 16 * 1024 * 1024


def read_libraries(source: Source, libraries: list[str], notes: list[str]) -> dict[str, Material]:
    """The materials of every `mtllib` line by name; what is missing is noted, what escapes the input folder raises."""
    materials: dict[str, Material] = {}
    for line in dict.fromkeys(libraries):
        for library in _library_files(source, line, notes):
            loader = TextureLoader(library, notes)
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
    try:
        probe = replace(source.sibling(file_name(name)), max_bytes=MAX_LIBRARY_BYTES)
        probe.read()
    except InputError as error:
        if error.code in ("input.missing", "input.unreadable"):
            return None
        raise
    return probe


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


def _material(name: str, lines: Statements, load: TextureLoader) -> Material:
    base, cut_out = load.base_color(lines)
    packed = load.metallic_roughness(lines, _scalar(lines, "ns", 1.0, high=1e6))
    metal_map = load.get(lines, "map_pm") is not None
    rough_map = (load.get(lines, "map_pr") or load.get(lines, "map_ns")) is not None
    alpha = _scalar(lines, "d", 1.0 - _scalar(lines, "tr", 0.0))
    emissive = load.get(lines, "map_ke")
    color, metallic, roughness = _surface(lines, base is not None)
    # with a metal map the factor only scales it; many writers leave Pm out or at 0 beside the map
    return Material(
        name=name,
        base_color=(*color, alpha),
        metallic=1.0 if metal_map else metallic,
        roughness=1.0 if rough_map else roughness,
        emissive=_triple(lines, "ke", (1.0, 1.0, 1.0) if emissive else (0.0, 0.0, 0.0)),
        base_color_texture=base,
        metallic_roughness_texture=packed,
        normal_texture=load.get(lines, "norm") or load.bump(lines),
        emissive_texture=emissive,
        alpha_mode="BLEND" if alpha < 1.0 or cut_out else "OPAQUE",
    )


def _surface(lines: Statements, textured: bool) -> tuple[tuple[float, float, float], float, float]:
    """Base colour, metallic and roughness: Pr and Pm where the file says one of them, else from Kd, Ks, Ns, illum."""
    color = _triple(lines, "kd", (1.0, 1.0, 1.0) if textured else _triple(lines, "ka", (0.8, 0.8, 0.8)))
    exponent = _scalar(lines, "ns", 0.0, high=1e6) if "ns" in lines else None
    if lines.keys() & {"pr", "pm", "map_pr", "map_pm"}:
        rough = UNSAID_ROUGHNESS if exponent is None else phong_roughness(exponent)
        return color, _scalar(lines, "pm", 0.0), _scalar(lines, "pr", rough)
    black = (0.0, 0.0, 0.0)
    specular = _triple(lines, "ks", black) if "ks" in lines else None
    illum = int(_scalar(lines, "illum", 2.0, high=10.0))
    return surface(Phong(color, specular, exponent, illum, textured, "map_ks" in lines))


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
