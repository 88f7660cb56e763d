"""The asset: parts with geometry, UVs, colours and a PBR material, which generators produce and steps transform."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from ml.looks import Looks

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]

# 8192² is the largest texture any target in our profiles accepts (Sketchfab); a PNG that claims more is a bomb.
MAX_TEXTURE_PIXELS = 8192 * 8192


class InputError(ValueError):
    """An input that cannot be used; `code` is the reason in the ledger (`mesh.truncated`, `image.too-large`, …)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message), vars(self)  # the stages that it passed come with it


@dataclass(frozen=True)
class Texture:
    """An encoded image, kept as the bytes it came in so that an untouched map is never re-encoded."""

    data: bytes
    mime: Literal["image/png", "image/jpeg"] = "image/png"
    name: str = ""

    @staticmethod
    def from_pixels(pixels: U8, name: str = "") -> Texture:
        """Encode (h, w, 1 | 3 | 4) uint8 pixels as PNG, in one channel where the image is grey."""
        from ml.png import encode_png  # brings numba, which reading an asset does not need

        grey = pixels.ndim == 3 and pixels.shape[2] == 3 and _is_grey(pixels)
        return Texture(encode_png(pixels[..., 0] if grey else pixels), "image/png", name)

    @staticmethod
    def from_photo(pixels: U8, name: str = "") -> Texture:
        """Encode (h, w, 3) uint8 pixels as JPEG of quality 92 with colour at full resolution: for colours, not data."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=92, subsampling=0)
        return Texture(buffer.getvalue(), "image/jpeg", name)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, read from the header alone."""
        return decode_header(self.data)

    def pixels(self) -> U8:
        """(h, w, 4) uint8 RGBA; raises InputError `image.*` for a broken or oversized image."""
        return decode_image(self.data)


def _is_grey(pixels: U8) -> bool:
    """Whether the three channels of every pixel agree; coloured images are told by their first rows already."""
    bands = np.array_split(pixels, max(1, len(pixels) // 64))
    return all(bool((band == band[..., :1]).all()) for band in bands)


def decode_header(data: bytes) -> tuple[int, int]:
    """(width, height) of an encoded image; raises InputError `image.unreadable` or `image.too-large`."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError("image.too-large", str(error)) from error
    except Exception as error:
        raise InputError("image.unreadable", f"not a readable image: {error}") from error
    if width * height > MAX_TEXTURE_PIXELS:
        raise InputError("image.too-large", f"image of {width}×{height} pixels; the limit is {MAX_TEXTURE_PIXELS}")
    return width, height


def decode_image(data: bytes) -> U8:
    """Encoded bytes to (h, w, 4) uint8 RGBA, its size checked before any pixel is decoded."""
    decode_header(data)
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGBA"), dtype=np.uint8)
    except Exception as error:
        raise InputError("image.truncated", f"image could not be decoded: {error}") from error


@dataclass(frozen=True)
class Material:
    """A glTF 2.0 metallic-roughness material; factors are linear, colour textures sRGB (specification §3.9)."""

    name: str = "material"
    base_color: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 1.0)
    metallic: float = 0.0
    roughness: float = 0.8
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    base_color_texture: Texture | None = None
    metallic_roughness_texture: Texture | None = None  # G roughness, B metallic
    normal_texture: Texture | None = None
    occlusion_texture: Texture | None = None  # R
    emissive_texture: Texture | None = None
    normal_scale: float = 1.0
    occlusion_strength: float = 1.0
    alpha_mode: Literal["OPAQUE", "MASK", "BLEND"] = "OPAQUE"
    alpha_cutoff: float = 0.5
    double_sided: bool = False
    looks: Looks | None = None  # a field that `bake` reads in place of factors and maps; no file but our own holds it

    @property
    def textures(self) -> tuple[Texture, ...]:
        """The maps present, base colour first."""
        maps = (
            self.base_color_texture,
            self.metallic_roughness_texture,
            self.normal_texture,
            self.occlusion_texture,
            self.emissive_texture,
        )
        return tuple(texture for texture in maps if texture is not None)


@dataclass(frozen=True)
class Part:
    """One primitive: triangles with one material, in the asset's frame (metres, Y up, front +Z, right-handed)."""

    vertices: F32  # (n, 3) metres
    faces: I32  # (m, 3) counter-clockwise seen from outside
    material: Material = field(default_factory=Material)
    name: str = "part"
    normals: F32 | None = None  # (n, 3) unit
    uv: F32 | None = None  # (n, 2), glTF convention: v grows downward
    uv1: F32 | None = None  # (n, 2) lightmap coordinates: nothing overlaps in them, no material reads them
    colors: U8 | None = None  # (n, 4) linear RGBA, multiplies base_color

    def with_faces(self, faces: I32) -> Part:
        """The part with other triangles over the same vertices."""
        return replace(self, faces=np.ascontiguousarray(faces, dtype=np.int32))


@dataclass(frozen=True)
class Finding:
    """One rule of the gate that did not hold: the value beside its limit."""

    code: str  # gate.<rule>, the reason in the ledger
    value: float
    limit: float
    severity: Literal["reject", "warn"]
    suggestion: str = ""


@dataclass(frozen=True)
class Provenance:
    """Whose an asset is and how it came about, for the metadata inside its files; what is empty is not written."""

    title: str = ""
    creator: str = ""
    copyright: str = ""
    license: str = ""  # an SPDX identifier or an address
    generator: str = ""
    ai_generated: bool = False
    prompt: str = ""  # only where the recipe lets it out
    seed: int | None = None


@dataclass(frozen=True)
class Asset:
    """A 3D asset between two steps. Immutable: a step returns a new one and shares what it did not touch."""

    parts: tuple[Part, ...]
    name: str = "asset"
    lods: tuple[Asset, ...] = ()  # LOD1, LOD2, …; this asset is LOD0
    collision: tuple[Part, ...] = ()  # closed convex bodies that stand in for the asset in physics
    provenance: Provenance = Provenance()
    source: Asset | None = None  # the detailed asset as it was before its geometry was replaced: what baking reads
    metrics: Mapping[str, float] = field(default_factory=dict)  # measured values, SI units, for gate and ledger
    notes: Mapping[str, str] = field(default_factory=dict)  # what steps did, for the ledger's `meta`
    findings: tuple[Finding, ...] = ()
    pictures: tuple[Texture, ...] = ()  # that a generator drew on the way from words to shape

    @property
    def face_count(self) -> int:
        """Triangles over all parts."""
        return sum(len(part.faces) for part in self.parts)

    @property
    def vertex_count(self) -> int:
        """Vertices over all parts."""
        return sum(len(part.vertices) for part in self.parts)

    def bounds(self) -> npt.NDArray[np.float64]:
        """(2, 3) min and max corner in metres over the vertices in use; raises InputError `mesh.no-faces`."""
        if not self.face_count:
            raise InputError("mesh.no-faces", "the mesh has no faces")
        in_use = []
        for part in self.parts:  # a mask: np.unique took 0.03 s on 456k faces
            used = np.zeros(len(part.vertices), np.bool_)
            used[part.faces] = True
            in_use.append(part.vertices[used])
        points = np.concatenate(in_use).astype(np.float64)
        return np.stack([points.min(axis=0), points.max(axis=0)])

    def noted(self, **notes: str) -> Asset:
        """The asset with notes added."""
        return replace(self, notes={**self.notes, **notes})

    def measured(self, metrics: Mapping[str, float]) -> Asset:
        """The asset with metrics added."""
        return replace(self, metrics={**self.metrics, **metrics})

    def merged(self) -> tuple[npt.NDArray[np.float64], I32, I32]:
        """All parts as one soup: vertices (n, 3) float64, faces (m, 3) int32, part index of each face (m,)."""
        offsets = np.cumsum([0, *(len(part.vertices) for part in self.parts)])
        vertices = np.concatenate([part.vertices for part in self.parts]).astype(np.float64)
        faces = np.concatenate([part.faces + offset for part, offset in zip(self.parts, offsets, strict=False)])
        owner = np.repeat(np.arange(len(self.parts), dtype=np.int32), [len(part.faces) for part in self.parts])
        return vertices, faces.astype(np.int32), owner


def make_part(
    vertices: npt.ArrayLike, faces: npt.ArrayLike, material: Material | None = None, **attributes: Any
) -> Part:
    """A checked part: raises InputError `mesh.bad-index`, `mesh.not-finite` or `mesh.bad-shape`.

    Native libraries crash on out-of-range indices and NaN (SIGSEGV in meshoptimizer, hang in pymeshfix), so every
    mesh enters the house through this door.
    """
    v = np.ascontiguousarray(vertices, dtype=np.float32).reshape(-1, 3)
    f = np.asarray(faces)
    if f.size and (f.ndim != 2 or f.shape[1] != 3):
        raise InputError("mesh.bad-shape", f"faces have shape {f.shape}, not (m, 3)")
    f = f.reshape(-1, 3)
    if f.size and (int(f.min()) < 0 or int(f.max()) >= len(v)):
        raise InputError("mesh.bad-index", f"face index {int(f.max())} (or {int(f.min())}) outside {len(v)} vertices")
    if not np.isfinite(v).all():
        raise InputError("mesh.not-finite", f"{int((~np.isfinite(v)).any(axis=1).sum())} vertices are NaN or infinite")
    for key in ("normals", "uv", "uv1", "colors"):
        values = attributes.get(key)
        if values is not None and len(values) != len(v):
            raise InputError("mesh.bad-shape", f"{len(values)} {key} for {len(v)} vertices")
    return Part(v, np.ascontiguousarray(f, dtype=np.int32), material or Material(), **attributes)
