"""Materials of a USD stage: UsdPreviewSurface with each map on its input, packed maps by channel."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ml.asset import Material, Texture
from tasks.image_files import ImageFiles
from tasks.plain_names import numbered, plain_name
from tasks.tinted_maps import steepened

FOLDER = "textures"
Four = tuple[float, float, float, float]
PLAIN: tuple[Four, Four] = ((1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0))


@dataclass
class UsdMaterials:
    """Writes each material under `scope` and each image into `images` once ("UsdPreviewSurface Specification" 2.6)."""

    stage: Any
    scope: str
    images: ImageFiles = field(default_factory=ImageFiles)
    _made: dict[tuple[Material, bool], Any] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def material(self, material: Material, colored: bool) -> Any:
        """The UsdShade material; `colored` parts without a base colour map show their vertex colours."""
        key = (material, colored and material.base_color_texture is None)
        if key not in self._made:
            self._made[key] = self._add(material, key[1])
        return self._made[key]

    def _add(self, material: Material, colored: bool) -> Any:
        from pxr import Sdf, UsdShade

        name = identifier(material.name, self._taken, "material")
        made = UsdShade.Material.Define(self.stage, f"{self.scope}/{name}")
        made.GetPrim().SetDisplayName(plain_name(material.name, "material"))
        surface = UsdShade.Shader.Define(self.stage, made.GetPath().AppendChild("Surface"))
        surface.CreateIdAttr("UsdPreviewSurface")
        made.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
        surface.CreateInput("useSpecularWorkflow", Sdf.ValueTypeNames.Int).Set(0)
        maps = _Maps(self, made, surface, name)
        _base(maps, material, colored)
        _surface(maps, material)
        _emissive_and_normal(maps, material)
        return made


def identifier(text: str, taken: set[str], default: str) -> str:
    """A prim's name: ASCII letters, digits and `_`, no digit first, none twice among its siblings.

    OpenUSD reads Unicode names since 24.03, ARKit does not say: the whole name goes into `displayName`.
    """
    base = re.sub(r"[^0-9A-Za-z_]+", "_", text).strip("_") or default
    return numbered(f"_{base}" if base[0].isdigit() else base, taken)


@dataclass
class _Maps:
    """The inputs of one material's surface, and the texture shaders that feed them."""

    materials: UsdMaterials
    made: Any
    surface: Any
    name: str
    _reader: Any = None

    def value(self, name: str, kind: str, value: Any) -> None:
        """Set an input."""
        self.input(name, kind).Set(value)

    def input(self, name: str, kind: str) -> Any:
        """The surface's input of a type."""
        from pxr import Sdf

        return self.surface.CreateInput(name, getattr(Sdf.ValueTypeNames, kind))

    def connect(self, name: str, kind: str, shader: Any, channel: str) -> None:
        """Feed an input from a texture shader's output."""
        from pxr import Sdf

        width = Sdf.ValueTypeNames.Float3 if channel == "rgb" else Sdf.ValueTypeNames.Float
        self.input(name, kind).ConnectToSource(shader.CreateOutput(channel, width))

    def texture(self, texture: Texture, role: str, space: str, levels: tuple[Four, Four] = PLAIN) -> Any:
        """The shader that reads an image as scale · texel + bias."""
        from pxr import Gf, Sdf, UsdShade

        shader = UsdShade.Shader.Define(self.materials.stage, self.made.GetPath().AppendChild(role))
        shader.CreateIdAttr("UsdUVTexture")
        path = f"{FOLDER}/{self.materials.images.name(texture.data, texture.mime, f'{self.name}_{role}')}"
        shader.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(path))
        shader.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
        for axis in ("wrapS", "wrapT"):
            shader.CreateInput(axis, Sdf.ValueTypeNames.Token).Set("repeat")
        for name, value, plain in zip(("scale", "bias"), levels, PLAIN, strict=True):
            if value != plain:
                shader.CreateInput(name, Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*value))
        shader.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(self.coordinates())
        return shader

    def coordinates(self) -> Any:
        """The output of the one reader of texture coordinates."""
        if self._reader is None:
            self._reader = self.reader("Coordinates", "float2", "st")
        return self._reader

    def reader(self, role: str, kind: str, primvar: str) -> Any:
        """The output of a new primvar reader."""
        from pxr import Sdf, UsdShade

        shader = UsdShade.Shader.Define(self.materials.stage, self.made.GetPath().AppendChild(role))
        shader.CreateIdAttr(f"UsdPrimvarReader_{kind}")
        shader.CreateInput("varname", Sdf.ValueTypeNames.String).Set(primvar)
        return shader.CreateOutput("result", getattr(Sdf.ValueTypeNames, kind.capitalize()))


def _base(maps: _Maps, material: Material, colored: bool) -> None:
    """Base colour and opacity; a base colour map's factor becomes its scale.

    Opacity then has a reader of its own: Blender 4.2 takes a scaled reader's alpha for the colour as well.
    """
    r, g, b, alpha = material.base_color
    opaque, texture = material.alpha_mode == "OPAQUE", material.base_color_texture
    if texture is not None:
        shader = maps.texture(texture, "BaseColor", "sRGB", (material.base_color, PLAIN[1]))
        maps.connect("diffuseColor", "Color3f", shader, "rgb")
        if not opaque:
            scaled, levels = material.base_color != PLAIN[0], ((1.0, 1.0, 1.0, alpha), PLAIN[1])
            see_through = maps.texture(texture, "Opacity", "sRGB", levels) if scaled else shader
            maps.connect("opacity", "Float", see_through, "a")
    elif colored:
        maps.input("diffuseColor", "Color3f").ConnectToSource(maps.reader("VertexColor", "float3", "displayColor"))
    else:
        maps.value("diffuseColor", "Color3f", (r, g, b))
    if opaque or texture is None:
        maps.value("opacity", "Float", 1.0 if opaque else alpha)
    if material.alpha_mode == "MASK":
        maps.value("opacityThreshold", "Float", material.alpha_cutoff)


def _surface(maps: _Maps, material: Material) -> None:
    """Roughness, metallic and occlusion from the channels of one packed map where they share it."""
    packed, shade, strength = (
        material.metallic_roughness_texture,
        material.occlusion_texture,
        material.occlusion_strength,
    )
    together = packed is not None and shade is not None and packed.data == shade.data
    fade = strength if together else 1.0
    if packed is not None:
        levels = ((fade, material.roughness, material.metallic, 1.0), (1.0 - fade, 0.0, 0.0, 0.0))
        shader = maps.texture(packed, "Orm" if together else "MetallicRoughness", "raw", levels)
        maps.connect("roughness", "Float", shader, "g")
        maps.connect("metallic", "Float", shader, "b")
        if together:
            maps.connect("occlusion", "Float", shader, "r")
    else:
        maps.value("roughness", "Float", material.roughness)
        maps.value("metallic", "Float", material.metallic)
    if shade is not None and not together:
        faded = ((strength,) * 3 + (1.0,), (1.0 - strength,) * 3 + (0.0,))
        maps.connect("occlusion", "Float", maps.texture(shade, "Occlusion", "raw", faded), "r")


def _emissive_and_normal(maps: _Maps, material: Material) -> None:
    if material.emissive_texture is not None and any(material.emissive):
        levels = ((*material.emissive, 1.0), PLAIN[1])
        shader = maps.texture(material.emissive_texture, "Emissive", "sRGB", levels)
        maps.connect("emissiveColor", "Color3f", shader, "rgb")
    elif any(material.emissive):
        maps.value("emissiveColor", "Color3f", material.emissive)
    if material.normal_texture is not None:
        # The validators admit this scale and bias alone, so another strength goes into the map.
        texture = steepened(material.normal_texture, material.normal_scale)
        unpack = ((2.0, 2.0, 2.0, 1.0), (-1.0, -1.0, -1.0, 0.0))
        maps.connect("normal", "Normal3f", maps.texture(texture, "Normal", "raw", unpack), "rgb")
