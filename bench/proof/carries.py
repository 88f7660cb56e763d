"""What each format can carry, which program reads it back, and how near it must come: one entry a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tasks.mtl import file_name

ALL = frozenset({"base_color", "roughness", "metallic", "normal", "occlusion", "emissive", "alpha"})
EXACT = 2e-6  # of the diagonal: what single precision leaves of a coordinate in another unit
TEXT = 2e-5  # formats that write decimals, and assimp's dump with 6 digits
QUANTISED = 1.5 / 2**13  # 14 bits over the diagonal in a shared box


@dataclass(frozen=True)
class Format:
    """A column of the table: the exporter with its options, the file to open, its reader and its limits."""

    exporter: str
    suffix: str
    reader: str
    options: dict[str, Any] = field(default_factory=dict)
    slots: frozenset[str] = ALL
    position: float = EXACT  # tolerance, share of the diagonal
    uv: float | None = 1e-6  # tolerance; None where the format has no coordinates
    mapped_uv: bool = False  # coordinates only where there is a base colour map
    normal: float | None = 1e-5
    names: Callable[[str], str] | None = lambda name: name  # how the format may change a name; None: it has none
    levels: bool = True
    unit: float = 1.0  # metres
    z_up: bool = False
    judged_by: str = "f3d"  # who draws it: f3d, blender, three
    plain: bool = False  # drawn grey: the format, or f3d's reader of it, has no material
    metadata: bool = False
    steepens: bool = False  # a normal map's scale goes into the map
    others: tuple[str, ...] = ()  # readers that must accept it too, with every map on its slot: assimp, blender


def safe(name: str) -> str:
    """A name with everything but letters, digits, `.`, `-` and `_` made `_`."""
    return file_name(name, "")


FORMATS: dict[str, Format] = {
    "glb": Format("glb", ".glb", "read_gltf"),
    "gltf": Format("gltf", ".gltf", "read_gltf"),
    "obj": Format("obj", ".obj", "read_obj", slots=ALL - {"occlusion"}, position=TEXT, normal=1e-4, names=safe),
    "fbx": Format("fbx", ".fbx", "read_fbx", unit=0.01, metadata=True),
    "usdz": Format(
        "usdz", ".usdz", "read_usd", {"lods": "separate"}, judged_by="blender", metadata=True, steepens=True
    ),
    "3mf": Format(
        "3mf", ".3mf", "read_3mf", {"lods": "separate"}, frozenset({"base_color"}), normal=None, mapped_uv=True,
        unit=1e-3, z_up=True, metadata=True,
    ),
    "stl": Format(
        "stl", ".stl", "read_plain", slots=frozenset(), uv=None, normal=None, names=None, levels=False, unit=1e-3,
        z_up=True, plain=True,
    ),
    "ply": Format(
        "ply", ".ply", "read_plain", slots=frozenset(), uv=None, names=None, levels=False, plain=True
    ),
}  # fmt: skip
