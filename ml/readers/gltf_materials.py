"""The materials of a glTF file: factors, maps, and the UV set and transform that the maps of one material use."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError, Material, Texture
from ml.readers.gltf_buffers import Document, Json, whole
from ml.readers.gltf_looks import read_looks
from ml.readers.images import load_texture
from ml.readers.limits import clean_name
from ml.readers.spec_gloss import SpecularGlossiness, metallic_roughness

Affine = tuple[float, float, float, float, float, float]  # u' = a·u + b·v + c, v' = d·u + e·v + f
IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SHARED_MAPS = {  # those that every shading model has
    "normal_texture": "normalTexture",
    "occlusion_texture": "occlusionTexture",
    "emissive_texture": "emissiveTexture",
}


@dataclass(frozen=True)
class Mapped:
    """A material with the texture-coordinate set its maps read and the transform to bake into it."""

    material: Material
    uv_set: int = 0
    uv_transform: Affine = IDENTITY

    def baked(self, uv: F32) -> F32:
        """(n, 2) coordinates with KHR_texture_transform applied."""
        if self.uv_transform == IDENTITY:
            return uv
        a, b, c, d, e, f = self.uv_transform
        return np.stack([a * uv[:, 0] + b * uv[:, 1] + c, d * uv[:, 0] + e * uv[:, 1] + f], axis=1).astype(np.float32)


@dataclass
class MaterialReader:
    """Reads each material and image of a document once, noting what our material model cannot hold."""

    document: Document
    notes: list[str]
    _materials: dict[int, Mapped] = field(default_factory=dict)
    _images: dict[int, Texture] = field(default_factory=dict)

    def read(self, index: object) -> Mapped:
        """Material `index`, or glTF's default material for None (white, metallic 1, roughness 1: §3.9.6)."""
        if index is None:
            return Mapped(Material(name="default", base_color=(1.0, 1.0, 1.0, 1.0), metallic=1.0, roughness=1.0))
        spec = self.document.item("materials", index)
        assert isinstance(index, int)
        if index not in self._materials:
            self._materials[index] = self._read(spec, clean_name(spec.get("name"), f"material_{index}"))
        return self._materials[index]

    def _read(self, spec: Json, name: str) -> Mapped:
        glossy = spec.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness")
        surface, own_maps = self._surface(spec) if glossy is None else self._glossy(glossy)
        infos = {slot: spec.get(key) for slot, key in SHARED_MAPS.items()}
        textures: dict[str, Any] = {slot: self._texture(info) for slot, info in infos.items() if info is not None}
        uv_set, transform = self._mapping([info for info in (*own_maps, *infos.values()) if info is not None], name)
        material = Material(
            name=name,
            emissive=_emissive(spec),
            normal_scale=_number(spec.get("normalTexture", {}).get("scale", 1.0)),
            occlusion_strength=_number(spec.get("occlusionTexture", {}).get("strength", 1.0), 0.0, 1.0),
            alpha_mode=_alpha_mode(spec),
            alpha_cutoff=_number(spec.get("alphaCutoff", 0.5), 0.0),
            double_sided=spec.get("doubleSided") is True,
            looks=read_looks(self.document, spec),
            **surface,
            **textures,
        )
        return Mapped(material, uv_set, transform)

    def _surface(self, spec: Json) -> tuple[dict[str, Any], list[Json | None]]:
        """Base colour, metallic and roughness, and the infos of their maps; an unlit material is a fully rough one."""
        pbr = spec.get("pbrMetallicRoughness", {})
        base, packed = pbr.get("baseColorTexture"), pbr.get("metallicRoughnessTexture")
        surface: dict[str, Any] = {
            "base_color": _vector(pbr.get("baseColorFactor", (1, 1, 1, 1)), 4, 1.0),
            "metallic": _number(pbr.get("metallicFactor", 1.0), 0.0, 1.0),
            "roughness": _number(pbr.get("roughnessFactor", 1.0), 0.0, 1.0),
        }
        if "KHR_materials_unlit" in spec.get("extensions", {}):
            self.notes.append("unlit read as fully rough")
            surface.update(metallic=0.0, roughness=1.0)
            packed = None
        if base is not None:
            surface["base_color_texture"] = self._texture(base)
        if packed is not None:
            surface["metallic_roughness_texture"] = self._texture(packed)
        return surface, [base, packed]

    def _glossy(self, spec: Json) -> tuple[dict[str, Any], list[Json | None]]:
        """The same from KHR_materials_pbrSpecularGlossiness."""
        self.notes.append("specular-glossiness converted to metallic-roughness")
        infos = [spec.get("diffuseTexture"), spec.get("specularGlossinessTexture")]
        diffuse, glossiness = (None if info is None else self._texture(info) for info in infos)
        given = SpecularGlossiness(
            _vector(spec.get("diffuseFactor", (1, 1, 1, 1)), 4, 1.0),
            _vector(spec.get("specularFactor", (1, 1, 1)), 3, 1.0),
            _number(spec.get("glossinessFactor", 1.0), 0.0, 1.0),
            diffuse,
            glossiness,
        )
        return metallic_roughness(given), infos

    def _texture(self, info: Json) -> Texture:
        spec = self.document.item("textures", info.get("index"))
        extensions = spec.get("extensions", {})
        for extension in ("EXT_texture_webp", "EXT_texture_avif", "KHR_texture_basisu"):
            if extension in extensions:
                return self._image(extensions[extension].get("source"))
        if "source" not in spec:
            raise InputError("mesh.unsupported", f"a texture needs {', '.join(map(str, extensions)) or 'an image'}")
        return self._image(spec["source"])

    def _image(self, index: object) -> Texture:
        spec = self.document.item("images", index)
        assert isinstance(index, int)
        if index not in self._images:
            uri = spec.get("uri")
            data = (
                self.document.external(str(uri)) if uri is not None else bytes(self.document.view(spec["bufferView"]))
            )
            name = spec.get("name", "" if uri is None or str(uri).startswith("data:") else uri)
            self._images[index] = load_texture(data, clean_name(name))
        return self._images[index]

    def _mapping(self, infos: list[Json], material: str) -> tuple[int, Affine]:
        """The UV set and transform of a material's maps; the base colour's where they differ, which is noted."""
        found = [_uv_of(info) for info in infos]
        if len(set(found)) > 1:
            self.notes.append(f"the maps of {material} use different UV sets or transforms; the first one's are kept")
        return found[0] if found else (0, IDENTITY)


def _uv_of(info: Json) -> tuple[int, Affine]:
    transform = info.get("extensions", {}).get("KHR_texture_transform")
    if transform is None:
        return whole(info, "texCoord", 0), IDENTITY
    uv_set = whole(transform, "texCoord", whole(info, "texCoord", 0))
    (tx, ty), (sx, sy) = _vector(transform.get("offset", (0, 0)), 2), _vector(transform.get("scale", (1, 1)), 2)
    angle = _number(transform.get("rotation", 0.0))
    cos, sin = math.cos(angle), math.sin(angle)
    # counter-clockwise as seen with v downward: the reading under which the extension's own test model comes out right
    return uv_set, (cos * sx, sin * sy, tx, -sin * sx, cos * sy, ty)


def _emissive(spec: Json) -> tuple[float, float, float]:
    strength = spec.get("extensions", {}).get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1.0)
    scale = _number(strength, 0.0)
    r, g, b = _vector(spec.get("emissiveFactor", (0, 0, 0)), 3, 1.0)
    return r * scale, g * scale, b * scale


def _alpha_mode(spec: Json) -> Literal["OPAQUE", "MASK", "BLEND"]:
    match spec.get("alphaMode", "OPAQUE"):
        case "MASK":
            return "MASK"
        case "BLEND":
            return "BLEND"
        case _:
            return "OPAQUE"


def _number(value: object, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("mesh.broken", f"{str(value)[:40]!r} is not a finite number")
    return float(min(max(value, low), high))


def _vector(values: object, length: int, high: float | None = None) -> Any:
    """A tuple of `length` finite floats, clamped to [0, high] where `high` is given."""
    if not isinstance(values, list | tuple) or len(values) != length:
        raise InputError("mesh.broken", f"{str(values)[:40]!r} is not a list of {length} numbers")
    low, top = (-math.inf, math.inf) if high is None else (0.0, high)
    return tuple(_number(value, low, top) for value in values)


def color_bytes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """(n, 3|4) linear colours in [0, 1] as (n, 4) uint8; opaque where there was no alpha."""
    rgba = np.full((len(values), 4), 255, np.uint8)
    rgba[:, : values.shape[1]] = np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * np.float32(255))
    return rgba
