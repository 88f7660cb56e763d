"""What each format can carry, which program reads it back, and how near it must come: one entry a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.image_files import file_name

ALL = frozenset({"base_color", "roughness", "metallic", "normal", "occlusion", "emissive", "alpha"})
EXACT = 2e-6  # of the diagonal: what single precision leaves of a coordinate in another unit
TEXT = 2e-5  # formats that write decimals, and assimp's dump with 6 digits
STEP = 2.0**-14  # a step of the grid over the longest side, which is shorter than the diagonal

# How near the arrays of a glTF must come: floats as they are, colours in 8 bits as the asset has them
ATTRIBUTES = {"uv": 1e-6, "normals": 1e-5, "uv1": 1e-6, "colors": 1e-6, "tangents": 1e-4}
BYTE = 0.0045  # linear: half a step of 8 bits in sRGB, where it is widest


@dataclass(frozen=True)
class Format:
    """A column of the table: the exporter with its options, the file to open, its reader and its limits."""

    exporter: str
    suffix: str
    reader: str
    options: dict[str, Any] = field(default_factory=dict)
    slots: frozenset[str] = ALL
    position: float = EXACT  # tolerance, share of the diagonal
    limits: Mapping[str, float] = field(default_factory=dict)  # tolerances of the arrays of Facts that the format has
    colors: str = "own"  # vertex colours as the asset's, tinted by the base colour, or shown: with its map too
    opaque_colors: bool = False  # colours have no alpha
    mapped_uv: bool = False  # coordinates only where there is a base colour map, vertex colours only elsewhere
    pads_uv: bool = False  # coordinates 0 for a part without, where another part has some
    names: Callable[[str], str] | None = lambda name: name  # how the format may change a name; None: it has none
    levels: bool = True  # its files hold the lower levels of detail too
    metadata: bool = False  # a title, an author and the rest
    steepens: bool = False  # a normal map's scale goes into the map
    copies: bool = True  # maps keep their bytes
    collapsed: float = 0.0  # share of the faces that may be gone, being thinner than a step of the grid
    unit: float = 1.0  # metres, for those who draw the file and know no units
    z_up: bool = False
    alpha: bool = True  # the judge's reader of the format shows it
    judge: str = "f3d"  # who draws it: f3d, blender or three
    likeness: str = "full"  # what the judge's reader of the format shows: full, base (colour and its map) or grey
    others: tuple[str, ...] = ()  # readers that must find every map on its slot too: assimp, blender; or accept: viewer


def safe(name: str) -> str:
    """A name with everything but letters, digits, `.`, `-` and `_` made `_`."""
    return file_name(name, "")


def web(geometry: str) -> Format:
    """A delivery GLB as three.js decodes it: one level, 14 bits a coordinate, 12 a UV, 8 a normal, WebP."""
    return Format(
        "glb_web", ".glb", "browser", {"geometry": geometry}, position=STEP, levels=False, copies=False,
        collapsed=1e-3, judge="three", others=("viewer",),
        limits={"uv": 2.0**-11, "normals": 0.03, "uv1": 2.0**-11, "colors": 1e-6, "tangents": 0.03},
    )  # fmt: skip


NONE: frozenset[str] = frozenset()
FORMATS: dict[str, Format] = {
    "GLB": Format(
        "glb", ".glb", "read_gltf", metadata=True, limits=ATTRIBUTES, others=("blender", "viewer", "three")
    ),
    "glTF": Format("gltf", ".gltf", "read_gltf", metadata=True, limits=ATTRIBUTES, others=("viewer", "three")),
    "OBJ": Format(
        "obj", ".obj", "read_obj", slots=ALL - {"occlusion"}, position=TEXT, pads_uv=True, names=safe,
        limits={"uv": 1e-6, "normals": 1e-4, "colors": BYTE}, opaque_colors=True, likeness="base",
    ),
    "FBX": Format(
        "fbx", ".fbx", "read_fbx", unit=0.01, metadata=True, others=("assimp", "blender"),
        limits={"uv": 1e-6, "normals": 1e-5, "uv1": 1e-6, "colors": 1e-6},
    ),
    "USDZ": Format(
        "usdz", ".usdz", "read_usd", {"lods": "separate"}, judge="blender", metadata=True, steepens=True,
        others=("blender",), colors="tinted", opaque_colors=True,
        limits={"uv": 1e-6, "normals": 1e-5, "uv1": 1e-6, "colors": 1e-6},
    ),
    "3MF": Format(
        "3mf", ".3mf", "read_3mf", {"lods": "separate"}, frozenset({"base_color"}), mapped_uv=True,
        limits={"uv": 1e-6, "colors": BYTE}, colors="tinted",
        unit=1e-3, z_up=True, metadata=True, likeness="base", alpha=False,
    ),
    "STL": Format(
        "stl", ".stl", "read_plain", slots=NONE, names=None, levels=False, unit=1e-3, z_up=True,
        likeness="grey",
    ),
    "PLY": Format(
        "ply", ".ply", "read_plain", slots=NONE, names=None, levels=False, likeness="grey",
        limits={"normals": 1e-5, "colors": BYTE}, colors="shown",
    ),
    "quantised": web("quantized"),
    "meshopt": web("meshopt"),
    "Draco": web("draco"),
}  # fmt: skip
