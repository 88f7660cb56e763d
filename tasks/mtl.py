"""Writes Wavefront MTL with the PBR extension (Pr, Pm, norm), and the texture files it names, each once."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml.asset import Material, Texture
from tasks.grey_maps import grey_maps
from tasks.image_files import ImageFiles, unique_name
from tasks.outputs import OutputFile


@dataclass
class MtlWriter:
    """The one material library of an asset and all its LODs."""

    stem: str
    names: dict[Material, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    images: ImageFiles = field(default_factory=ImageFiles)
    _taken: set[str] = field(default_factory=set)

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
        alpha = 1.0 if material.alpha_mode == "OPAQUE" else alpha
        grey = grey_maps(material)
        # Ks: Blender takes a specular level of 1 without it and draws all too bright (oak chair: 1.2 % of the picture)
        lines = [f"newmtl {name}", f"Kd {r:.6g} {g:.6g} {b:.6g}", f"d {alpha:.6g}", "Ks 0.5 0.5 0.5", "illum 2"]
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
        return self.images.name(texture.data, texture.mime, f"{self.stem}_{role}")
