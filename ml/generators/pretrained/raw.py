"""From what a model returns to an asset in the house's frame; a placeholder for a failed item is told from a mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml.asset import U8, Asset, InputError, Material, Texture, make_part
from ml.generators.pretrained.card import Axis
from ml.generators.pretrained.frames import to_house
from ml.srgb import decode_table

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Several models answer with a mesh of one triangle, or of none, where they found no surface. A closed solid has 4.
FEWEST_FACES = 4
SEE_THROUGH = 0.001  # share of texels that are not opaque from which a material is taken to be meant so


@dataclass(frozen=True)
class RawMesh:
    """One mesh as a model gives it, in the model's frame; arrays or tensors on any device."""

    vertices: Any  # (n, 3)
    faces: Any  # (m, 3)
    colors: U8 | None = None  # (n, 4) linear RGBA
    uv: Any = None  # (n, 2), v growing upward as trimesh has it
    material: Material | None = None
    notes: Mapping[str, str] = field(default_factory=dict)  # what the ledger should know of how it came about


def to_numpy(values: Any) -> npt.NDArray[Any]:
    """An array, of a torch tensor as well: from its device, out of bfloat16, which numpy does not know."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values
        return np.asarray(values.numpy())
    return np.asarray(values)


def to_asset(raw: RawMesh | None, name: str, up: Axis = "+y", front: Axis = "+z") -> Asset | InputError:
    """One part, welded, wound outward and turned to Y up and front +Z; its size stays the model's.

    Returned, not raised, so that one failed item does not cost its batch: `model.no-surface` for None, an empty mesh
    or a placeholder, `mesh.*` for what `make_part` refuses.
    """
    try:
        return _built(raw, name, up, front)
    except InputError as error:
        return error


def _built(raw: RawMesh | None, name: str, up: Axis, front: Axis) -> Asset:
    if raw is None or raw.vertices is None or raw.faces is None:
        raise InputError("model.no-surface", "the model found no surface")
    vertices, faces = to_numpy(raw.vertices), to_numpy(raw.faces)
    if len(faces) < FEWEST_FACES or not (vertices != vertices[:1]).any():
        raise InputError("model.no-surface", f"the model answered with {len(faces)} faces, which is no object")
    uv = None if raw.uv is None else to_numpy(raw.uv).astype(np.float32) * (1, -1) + (0, 1)
    whole = make_part(vertices, faces, uv=uv, colors=raw.colors)  # checks before anything is multiplied or indexed
    merged, first = _welded(whole.vertices, whole.uv, whole.colors)
    turned = whole.vertices[first].astype(np.float64) @ to_house(up, front).T
    part = make_part(
        turned,
        _wound_outward(turned, merged[whole.faces]),
        raw.material or Material(name="generated", base_color=(1.0, 1.0, 1.0, 1.0) if raw.colors is not None else CLAY),
        name="generated",
        uv=None if whole.uv is None else np.ascontiguousarray(whole.uv[first], dtype=np.float32),
        colors=None if whole.colors is None else whole.colors[first],
    )
    return Asset((part,), name=name, notes=dict(raw.notes))


CLAY = (0.8, 0.8, 0.8, 1.0)


def _welded(vertices: F32, uv: F32 | None, colors: U8 | None) -> tuple[I64, I64]:
    """New index of each vertex, and one vertex of each group that agrees to the bit in all it carries.

    Stable Fast 3D gives each triangle corners of its own, and neighbours without a common edge are no surface.
    """
    columns = [np.ascontiguousarray(vertices + np.float32(0)).view(np.uint8).reshape(len(vertices), -1)]  # −0 is 0
    if uv is not None:
        columns.append(np.ascontiguousarray(uv.astype(np.float32)).view(np.uint8).reshape(len(vertices), -1))
    if colors is not None:
        columns.append(np.ascontiguousarray(colors))
    keys = np.ascontiguousarray(np.concatenate(columns, axis=1))
    rows = keys.view([("", np.void, keys.shape[1])]).reshape(-1)
    _, first, index = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)  # as the vertices came
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[index.reshape(-1)], first[order]


def _wound_outward(vertices: F64, faces: I64) -> I64:
    """The faces, all turned where they enclose a negative volume: marching cubes wind by the sign of their field."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    centre = vertices.mean(axis=0)  # an open surface's volume depends on where it is measured from
    volume = np.einsum("ij,ij->", a - centre, np.cross(b - centre, c - centre))
    return faces[:, ::-1] if volume < 0.0 else faces


def linear_colors(values: Any, space: Literal["srgb", "linear"]) -> U8:
    """(n, 4) linear RGBA bytes from (n, 3 | 4) floats in [0, 1] or bytes."""
    colors = to_numpy(values)
    if colors.dtype != np.uint8:
        colors = np.rint(np.clip(colors, 0.0, 1.0) * 255.0).astype(np.uint8)
    opaque = np.full((len(colors), 1), 255, np.uint8)
    rgb = colors[:, :3]
    if space == "srgb":
        rgb = np.rint(decode_table()[rgb] * 255.0).astype(np.uint8)
    return np.concatenate([rgb, colors[:, 3:4] if colors.shape[1] == 4 else opaque], axis=1)


def from_trimesh(mesh: Any) -> RawMesh | None:
    """A trimesh.Trimesh with its vertex colours (sRGB) or its texture coordinates and PBR material; None for None."""
    if mesh is None:
        return None
    visual: Any = getattr(mesh, "visual", None)
    kind = getattr(visual, "kind", None)
    if kind == "texture" and visual.uv is not None:
        return RawMesh(mesh.vertices, mesh.faces, uv=visual.uv, material=_material(visual.material))
    colors = linear_colors(visual.vertex_colors, "srgb") if kind == "vertex" else None
    return RawMesh(mesh.vertices, mesh.faces, colors)


def _material(pbr: Any) -> Material:
    """A trimesh PBRMaterial, or the SimpleMaterial with an image that Step1X-3D bakes; see-through where its base
    colour says so, whatever its mode (TRELLIS.2 always writes OPAQUE beside an alpha channel)."""
    base = getattr(pbr, "baseColorTexture", None) or getattr(pbr, "image", None)
    rough, metal = getattr(pbr, "roughnessFactor", None), getattr(pbr, "metallicFactor", None)
    packed = getattr(pbr, "metallicRoughnessTexture", None)
    return Material(
        name="generated",
        base_color=(1.0, 1.0, 1.0, 1.0),
        metallic=1.0 if packed is not None and metal is None else float(metal or 0.0),
        roughness=1.0 if rough is None else float(rough),
        base_color_texture=_texture(base, "base color"),
        metallic_roughness_texture=_texture(packed, "metallic roughness"),
        normal_texture=_texture(getattr(pbr, "normalTexture", None), "normal"),
        alpha_mode=_alpha_mode(base),
        double_sided=bool(getattr(pbr, "doubleSided", False)),
    )


def _texture(image: Any, name: str) -> Texture | None:
    if image is None:
        return None
    seen = image.mode == "RGBA" and _alpha_mode(image) != "OPAQUE"
    return Texture.from_pixels(np.asarray(image.convert("RGBA" if seen else "RGB")), name)


def _alpha_mode(image: Any) -> Literal["OPAQUE", "MASK", "BLEND"]:
    if image is None or image.mode != "RGBA":
        return "OPAQUE"
    alpha = np.asarray(image.getchannel("A"))
    clear, between = np.mean(alpha < 8), np.mean((alpha >= 8) & (alpha < 248))
    if between >= SEE_THROUGH:
        return "BLEND"
    return "MASK" if clear >= SEE_THROUGH else "OPAQUE"
