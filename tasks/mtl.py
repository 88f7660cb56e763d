"""Writes Wavefront MTL with the PBR extension (Pr, Pm, norm), and the texture files it names, each once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from ml.asset import U8, Material, Texture
from tasks.outputs import OutputFile

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


def file_name(text: str, default: str) -> str:
    """`text` with everything but letters, digits, `.`, `-` and `_` made `_`: safe in an MTL line and on every disk."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip("._") or default


def unique_name(text: str, taken: set[str], default: str) -> str:
    """`file_name(text)`, numbered where it is taken already; case does not distinguish names on every disk."""
    base = name = file_name(text, default)
    count = 1
    while name.lower() in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name.lower())
    return name


@dataclass
class MtlWriter:
    """The one material library of an asset and all its LODs."""

    stem: str
    names: dict[Material, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    files: list[OutputFile] = field(default_factory=list)
    _by_content: dict[bytes, str] = field(default_factory=dict)
    _split: dict[tuple[bytes, int, float], float | str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _taken_files: set[str] = field(default_factory=set)

    def name(self, material: Material) -> str:
        """The material's name in the library, written when it is first met."""
        if material not in self.names:
            self.names[material] = unique_name(material.name, self._taken, "material")
            self.blocks.append(self._block(material, self.names[material]))
        return self.names[material]

    def library(self) -> OutputFile:
        """`stem.mtl`."""
        return OutputFile(f"{self.stem}.mtl", "mtl", 0, "\n".join(self.blocks).encode("utf-8"))

    def _block(self, material: Material, name: str) -> str:
        r, g, b, alpha = material.base_color
        rough, metal = self._surface(material, name, 1), self._surface(material, name, 2)
        lines = [f"newmtl {name}", f"Kd {r:.6g} {g:.6g} {b:.6g}", f"d {alpha:.6g}", "illum 2"]
        lines += [f"Ke {' '.join(f'{value:.6g}' for value in material.emissive)}"] if any(material.emissive) else []
        lines += [f"map_Pr {rough}"] if isinstance(rough, str) else [f"Pr {rough:.6g}"]
        lines += [f"map_Pm {metal}"] if isinstance(metal, str) else [f"Pm {metal:.6g}"]
        maps = {
            "map_Kd": (material.base_color_texture, "basecolor"),
            "map_Ke": (material.emissive_texture, "emissive"),
            "norm": (material.normal_texture, "normal"),
        }
        for keyword, (texture, role) in maps.items():
            if texture is not None:
                lines.append(f"{keyword} {self._file(texture, f'{name}_{role}')}")
        if material.base_color_texture is not None and material.alpha_mode != "OPAQUE":
            lines.append(f"map_d {self._file(material.base_color_texture, '')}")
        return "\n".join(lines) + "\n"

    def _surface(self, material: Material, name: str, channel: int) -> float | str:
        """Roughness (channel 1) or metallic (2): a number, or the grey map that MTL readers expect in place of glTF's
        packed one, the factor multiplied in."""
        texture, factor = material.metallic_roughness_texture, (0.0, material.roughness, material.metallic)[channel]
        if texture is None or factor == 0.0:
            return factor
        key = (texture.data, channel, factor)
        if key not in self._split:
            values = np.rint(texture.pixels()[..., channel] * factor).astype(np.uint8)
            self._split[key] = self._grey(values, f"{name}_{('', 'roughness', 'metallic')[channel]}")
        return self._split[key]

    def _grey(self, values: U8, role: str) -> float | str:
        if values.min() == values.max():
            return float(values.flat[0]) / 255.0
        return self._file(Texture.from_pixels(values), role)

    def _file(self, texture: Texture, role: str) -> str:
        if texture.data not in self._by_content:
            kind = EXTENSIONS[texture.mime]
            name = f"{unique_name(f'{self.stem}_{role}', self._taken_files, 'texture')}.{kind}"
            self._by_content[texture.data] = name
            self.files.append(OutputFile(name, kind, 0, texture.data))
        return self._by_content[texture.data]
