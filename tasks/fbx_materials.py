"""Materials and textures of an FBX document: Phong with a PBR map on each slot that importers look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml.asset import Material, Texture
from tasks.fbx_nodes import Id, Node, node
from tasks.fbx_scene import FbxScene, color_prop, number_prop, properties, text_prop
from tasks.grey_maps import grey_maps
from tasks.image_files import ImageFiles, file_name
from tasks.plain_names import distinct_name
from tasks.tinted_maps import tinted


@dataclass
class FbxMaterials:
    """Writes each material and each image once into a scene; `images` names the images, for all scenes of an export."""

    scene: FbxScene
    stem: str
    embed: bool
    images: ImageFiles
    _numbers: dict[Material, Id] = field(default_factory=dict)
    _images: dict[bytes, Id] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def number(self, material: Material) -> Id:
        """The material's object, written when it is first met."""
        if material not in self._numbers:
            self._numbers[material] = self._add(material)
        return self._numbers[material]

    def _add(self, material: Material) -> Id:
        name = distinct_name(material.name, self._names, "material")
        grey = grey_maps(material)
        strength = max(1.0, *material.emissive)
        # A map replaces its property's value in some importers and multiplies it in others: the factor goes into the
        # map, and the value beside it is 1.
        base = tinted(material.base_color_texture, material.base_color)
        glow = tinted(material.emissive_texture, (*(value / strength for value in material.emissive), 1.0))
        slots = {
            "DiffuseColor": base,
            "NormalMap": material.normal_texture,
            "ShininessExponent": grey.roughness,
            "ReflectionFactor": grey.metallic,
            "EmissiveColor": glow if any(material.emissive) else None,
            "AmbientColor": grey.occlusion,  # how much of the light from all around comes back
            "TransparencyFactor": None if material.alpha_mode == "OPAQUE" else base,
        }
        number = self.scene.add("Material", name, "", _phong(material, base is not None, glow is not None))
        for slot, texture in slots.items():
            if isinstance(texture, Texture):
                self.scene.connect(self._image(texture, f"{name}_{slot}"), number, slot)
        return number

    def _image(self, texture: Texture, role: str) -> Id:
        """The texture object that shows an image; its video object holds the bytes, or the name of their file."""
        if texture.data not in self._images:
            path = self.images.name(texture.data, texture.mime, f"{file_name(self.stem, 'asset')}_{role}")
            self._images[texture.data] = self._add_image(texture, path.rpartition(".")[0], path)
        return self._images[texture.data]

    def _add_image(self, texture: Texture, name: str, path: str) -> Id:
        content = [node("Content", texture.data)] if self.embed else []
        where = [node("Filename", path), node("RelativeFilename", path)]
        head = [node("Type", "Clip"), properties(text_prop("Path", path, "A")), node("UseMipMap", 0)]
        video = self.scene.add("Video", name, "Clip", [*head, *where, *content])
        children = [
            node("Type", "TextureVideoClip"),
            node("Version", 202),
            node("TextureName", f"{name}\0\1Texture"),
            properties(text_prop("UVSet", "UVMap"), _flag("UseMaterial", True)),
            node("Media", f"{name}\0\1Video"),
            node("FileName", path),
            node("RelativeFilename", path),
            node("ModelUVTranslation", 0.0, 0.0),
            node("ModelUVScaling", 1.0, 1.0),
            node("Texture_Alpha_Source", "None"),
            node("Cropping", 0, 0, 0, 0),
        ]
        number = self.scene.add("Texture", name, "", children)
        self.scene.connect(video, number)
        return number


def _flag(name: str, value: bool) -> Node:
    return node("P", name, "bool", "", "A", int(value))


def _phong(material: Material, mapped: bool, glowing: bool) -> list[Node]:
    """A Phong material's records, its values as importers turn them into metallic-roughness and back.

    Shininess is (10 · (1 − roughness))², ReflectionFactor the metallic value: what Blender's exporter writes and its
    importer, ufbx and assimp read.
    """
    r, g, b, alpha = (1.0, 1.0, 1.0, 1.0) if mapped else material.base_color
    opacity = 1.0 if material.alpha_mode == "OPAQUE" else alpha
    strength = max(1.0, *material.emissive)
    emissive = (
        (1.0, 1.0, 1.0) if glowing and any(material.emissive) else [value / strength for value in material.emissive]
    )
    grey = grey_maps(material)
    roughness = material.roughness if isinstance(grey.roughness, Texture) else grey.roughness
    metallic = material.metallic if isinstance(grey.metallic, Texture) else grey.metallic
    shininess = (10.0 * (1.0 - min(max(roughness, 0.0), 1.0))) ** 2
    entries = [
        color_prop("DiffuseColor", r, g, b),
        number_prop("DiffuseFactor", 1.0),
        color_prop("AmbientColor", 0.0, 0.0, 0.0),
        number_prop("AmbientFactor", 1.0),
        color_prop("EmissiveColor", *emissive),
        number_prop("EmissiveFactor", strength),
        color_prop("TransparentColor", 1.0, 1.0, 1.0),
        number_prop("TransparencyFactor", 1.0 - opacity),
        number_prop("Opacity", opacity),
        color_prop("SpecularColor", 1.0, 1.0, 1.0),
        number_prop("SpecularFactor", 0.25),
        number_prop("Shininess", shininess),
        number_prop("ShininessExponent", shininess),
        color_prop("ReflectionColor", 1.0, 1.0, 1.0),
        number_prop("ReflectionFactor", metallic),
    ]
    if material.normal_texture is not None:
        entries.append(number_prop("BumpFactor", material.normal_scale))
    return [node("Version", 102), node("ShadingModel", "Phong"), node("MultiLayer", 0), properties(*entries)]
