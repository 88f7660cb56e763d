"""Writes materials and their textures into a glTF document, each once, however many parts use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ml.asset import Material, Texture
from tasks.gltf_document import GltfDocument, Json
from tasks.gltf_looks import looks_extension
from tasks.quantize import MOST, Grid

SLOTS_IN_ORDER = {  # the maps of a material, and whether their colours are sRGB
    "base_color_texture": True,
    "metallic_roughness_texture": False,
    "normal_texture": False,
    "occlusion_texture": False,
    "emissive_texture": True,
}
# How an image other than PNG or JPEG hangs on a texture: by the extension that names it.
TEXTURE_EXTENSIONS = {"image/webp": "EXT_texture_webp", "image/ktx2": "KHR_texture_basisu"}


@dataclass(frozen=True)
class Encoded:
    """An image as a file will hold it."""

    data: bytes
    mime: str


# (texture, whether its colours are sRGB) → the image to write; (image, name) → its JSON, wherever its bytes went.
Encode = Callable[[Texture, bool], Encoded]
Place = Callable[[Encoded, str], Json]


def as_it_is(texture: Texture, srgb: bool) -> Encoded:
    """The texture's own bytes."""
    return Encoded(texture.data, texture.mime)


@dataclass
class MaterialWriter:
    """The materials of one document."""

    document: GltfDocument
    place: Place
    encode: Encode = as_it_is
    uv_grids: dict[Material, Grid] = field(default_factory=dict)  # of materials whose coordinates are quantised
    _materials: dict[Material, int] = field(default_factory=dict)
    images: dict[tuple[bytes, bool], int] = field(default_factory=dict)  # place of (texture bytes, sRGB)

    def index(self, material: Material) -> int:
        """The index of a material, written when it is first met."""
        if material not in self._materials:
            self._materials[material] = len(self.document.materials)
            self.document.materials.append(self._spec(material))
        return self._materials[material]

    def _spec(self, material: Material) -> Json:
        """Every factor explicit, so that a reader's defaults never matter."""
        surface: Json = {
            "baseColorFactor": list(material.base_color),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        }
        spec: Json = {"name": material.name, "pbrMetallicRoughness": surface, "alphaMode": material.alpha_mode}
        normal, occlusion = {"scale": material.normal_scale}, {"strength": material.occlusion_strength}
        self._put(surface, "baseColorTexture", material.base_color_texture, True)
        self._put(surface, "metallicRoughnessTexture", material.metallic_roughness_texture, False)
        self._put(spec, "normalTexture", material.normal_texture, False, **normal)
        self._put(spec, "occlusionTexture", material.occlusion_texture, False, **occlusion)
        self._put(spec, "emissiveTexture", material.emissive_texture, True)
        if material.alpha_mode == "MASK":
            spec["alphaCutoff"] = material.alpha_cutoff
        if material.double_sided:
            spec["doubleSided"] = True
        self._scale_back(material, [*surface.values(), *spec.values()])
        strength = max(1.0, *material.emissive)
        if any(material.emissive):
            spec["emissiveFactor"] = [value / strength for value in material.emissive]
        if strength > 1.0:
            self.document.used.add("KHR_materials_emissive_strength")
            spec["extensions"] = {"KHR_materials_emissive_strength": {"emissiveStrength": strength}}
        if material.looks is not None:
            spec["extensions"] = {**spec.get("extensions", {}), **looks_extension(self.document, material.looks)}
        return spec

    def _scale_back(self, material: Material, references: list[Any]) -> None:
        """Undo the grid of the material's coordinates, normalised 16-bit integers, in each reference to a texture."""
        grid = self.uv_grids.get(material)
        if grid is None:
            return
        name = "KHR_texture_transform"
        self.document.required.add(name)
        for reference in references:
            if isinstance(reference, dict) and "index" in reference:
                scale = [float(f"{grid.step * MOST:.9g}")] * 2  # as many digits as float32 holds
                reference["extensions"] = {name: {"offset": list(grid.origin), "scale": scale}}

    def _put(self, owner: Json, slot: str, texture: Texture | None, srgb: bool, **extra: float) -> None:
        if texture is not None:
            owner[slot] = {"index": self._texture(texture, srgb), **extra}

    def _texture(self, texture: Texture, srgb: bool) -> int:
        """Keyed by content, so that the same bytes lie in a file once: texture k shows image k."""
        # PNG and JPEG bytes do not depend on what they mean, so both kinds of slot share them.
        key = (texture.data, srgb and self.encode is not as_it_is)
        if key not in self.images:
            document, image = self.document, self.encode(texture, srgb)
            self.images[key] = at = len(document.images)
            document.images.append(self.place(image, texture.name))
            extension = TEXTURE_EXTENSIONS.get(image.mime)
            if extension:
                document.required.add(extension)
                document.textures.append({"sampler": 0, "extensions": {extension: {"source": at}}})
            else:
                document.textures.append({"sampler": 0, "source": at})
        return self.images[key]


# What readers take where nothing is written (§5.19, §5.22, §5.20); `scale` and `strength` are of textures.
DEFAULTS = {
    "baseColorFactor": [1.0, 1.0, 1.0, 1.0],
    "metallicFactor": 1.0,
    "roughnessFactor": 1.0,
    "alphaMode": "OPAQUE",
    "scale": 1.0,
    "strength": 1.0,
}


def without_defaults(spec: Json) -> Json:
    """A material's JSON without what readers assume anyway, for files that should be small."""
    kept = {key: value for key, value in spec.items() if key == "name" or DEFAULTS.get(key) != value}
    return {key: without_defaults(value) if isinstance(value, dict) else value for key, value in kept.items()}


def embedded(document: GltfDocument) -> Place:
    """Images as buffer views of the document itself."""

    def place(image: Encoded, name: str) -> Json:
        spec: Json = {"bufferView": document.view(image.data), "mimeType": image.mime}
        return {**spec, "name": name} if name else spec

    return place
