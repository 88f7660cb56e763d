"""Writes Wavefront MTL with the PBR extension (Pr, Pm, norm), and the texture files it names, each once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ml.asset import Material, Texture
from tasks.grey_maps import grey_maps
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
        grey = grey_maps(material)
        lines = [f"newmtl {name}", f"Kd {r:.6g} {g:.6g} {b:.6g}", f"d {alpha:.6g}", "illum 2"]
        lines += [f"Ke {' '.join(f'{value:.6g}' for value in material.emissive)}"] if any(material.emissive) else []
        for keyword, level, role in (("Pr", grey.roughness, "roughness"), ("Pm", grey.metallic, "metallic")):
            if isinstance(level, Texture):
                lines.append(f"map_{keyword} {self._file(level, f'{name}_{role}')}")
            else:
                lines.append(f"{keyword} {level:.6g}")
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

    def _file(self, texture: Texture, role: str) -> str:
        if texture.data not in self._by_content:
            kind = EXTENSIONS[texture.mime]
            name = f"{unique_name(f'{self.stem}_{role}', self._taken_files, 'texture')}.{kind}"
            self._by_content[texture.data] = name
            self.files.append(OutputFile(name, kind, 0, texture.data))
        return self._by_content[texture.data]
