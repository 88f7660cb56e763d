"""Reads USDZ with Pixar's library, runs its validators, and holds the package to Apple's ARKit rules."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from facts import Z_UP, Facts, MaterialFacts, PartFacts, gathered, keep_image
from pxr import Usd, UsdGeom, UsdShade, UsdValidation

SLOTS = {"diffuseColor": "base_color", "roughness": "roughness", "metallic": "metallic", "normal": "normal",
         "occlusion": "occlusion", "emissiveColor": "emissive", "opacity": "alpha"}  # fmt: skip
DEFAULTS = {
    "base_color": (0.18, 0.18, 0.18),
    "emissive": (0, 0, 0),
    "metallic": (0,),
    "roughness": (0.5,),
    "alpha": (1,),
}
ALLOWED = (".usdc", ".usda", ".usd", ".png", ".jpg", ".jpeg")
CHANNELS = ("r", "g", "b", "a", "rgb")


def read(path: Path, folder: Path) -> Facts:
    """Facts of every mesh that is drawn; `warnings` are what the validators and the ARKit rules complain of."""
    complaints = package_complaints(path)
    stage = Usd.Stage.Open(str(path))
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    for error in UsdValidation.ValidationContext(validators).Validate(stage):
        complaints.append(f"{error.GetName()}: {error.GetMessage()}")
    archive = zipfile.ZipFile(path)
    scale = UsdGeom.GetStageMetersPerUnit(stage)
    turn = Z_UP if UsdGeom.GetStageUpAxis(stage) == "Z" else np.eye(3)
    pieces, parts, materials = [], [], {}
    for prim in stage.Traverse():
        if not prim.IsA(UsdGeom.Mesh):
            continue
        material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
        key = str(material.GetPath()) if material else ""
        if material and key not in materials:
            materials[key] = material_facts(material, archive, folder)
        piece = mesh_piece(UsdGeom.Mesh(prim), scale, turn)
        pieces.append(piece)
        parts.append(PartFacts(name_of(prim), len(piece[0]) // 3, key))
    images = {keep_image(folder, archive.read(name)) for name in archive.namelist() if not name.endswith("usdc")}
    facts = Facts(**gathered(pieces), parts=parts, materials=materials, warnings=complaints)
    facts.images = {sha: (folder / sha).stat().st_size for sha in images}
    layer = stage.GetRootLayer()
    facts.metadata = {key: str(value) for key, value in layer.customLayerData.items()} | {"comment": layer.comment}
    facts.metadata |= {"unit_m": str(scale), "up": UsdGeom.GetStageUpAxis(stage)}
    return facts


def name_of(prim: Any) -> str:
    """The name for people, where the identifier could not hold it."""
    return prim.GetDisplayName() or prim.GetName()


def package_complaints(path: Path) -> list[str]:
    """Apple's and Pixar's package rules: usdc first, only its kinds of file, stored, each at a multiple of 64 bytes."""
    found, data = [], path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for index, entry in enumerate(archive.infolist()):
            name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
            if (entry.header_offset + 30 + name + extra) % 64:
                found.append(f"arkit: {entry.filename} is not aligned to 64 bytes")
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                found.append(f"arkit: {entry.filename} is compressed or encrypted")
            if Path(entry.filename).suffix.lower() not in ALLOWED:
                found.append(f"arkit: {entry.filename} is no kind that belongs in a USDZ")
            if index == 0 and not entry.filename.endswith(".usdc"):
                found.append("arkit: the first file is not a .usdc")
    return found


def mesh_piece(mesh: Any, scale: float, turn: np.ndarray) -> tuple[Any, ...]:
    """(corners, uv, normals, second uv, colours without alpha) of a mesh of triangles in metres."""
    counts = np.array(mesh.GetFaceVertexCountsAttr().Get())
    if (counts != 3).any():
        raise ValueError("not all faces are triangles")
    order = np.array(mesh.GetFaceVertexIndicesAttr().Get())
    matrix = np.array(UsdGeom.Imageable(mesh).ComputeLocalToWorldTransform(Usd.TimeCode.Default()))
    points = (np.array(mesh.GetPointsAttr().Get(), np.float64) @ matrix[:3, :3] + matrix[3, :3]) * scale @ turn.T
    api = UsdGeom.PrimvarsAPI(mesh)
    uv, uv1 = (downward(corner_values(api.GetPrimvar(name), order)) for name in ("st", "st1"))
    colors = corner_values(api.GetPrimvar("displayColor"), order)
    normals = corner_values(api.GetPrimvar("normals"), order)
    if normals is None and mesh.GetNormalsAttr().HasAuthoredValue():
        rows = np.array(mesh.GetNormalsAttr().Get(), np.float64)
        normals = rows if mesh.GetNormalsInterpolation() == "faceVarying" else rows[order]
    colors = None if colors is None else np.c_[colors, np.full(len(colors), np.nan)]
    return points[order], uv, None if normals is None else normals @ turn.T, uv1, colors


def downward(st: np.ndarray | None) -> np.ndarray | None:
    """Coordinates whose v grows downward."""
    return None if st is None else np.stack([st[:, 0], 1.0 - st[:, 1]], axis=1)


def corner_values(primvar: Any, order: np.ndarray) -> np.ndarray | None:
    """A primvar, one row a corner; None where it is absent."""
    if not primvar or not primvar.HasAuthoredValue():
        return None
    rows = np.array(primvar.ComputeFlattened(), np.float64)
    return rows if primvar.GetInterpolation() == "faceVarying" else rows[order]


def material_facts(material: Any, archive: zipfile.ZipFile, folder: Path) -> MaterialFacts:
    """UsdPreviewSurface's inputs; a connected one names its image and the output channel it reads."""
    facts = MaterialFacts(name_of(material.GetPrim()), {key: list(value) for key, value in DEFAULTS.items()})
    shader = material.ComputeSurfaceSource()[0]
    for entry in shader.GetInputs():
        name = entry.GetBaseName()
        slot = SLOTS.get(name, name)
        if not entry.HasConnectedSource():
            value = entry.Get()
            if not isinstance(value, str):
                facts.values[slot] = [float(x) for x in np.atleast_1d(value)]
            continue
        facts.values[slot] = [1.0, 1.0, 1.0]  # a connection takes the value's place
        source = entry.GetConnectedSources()[0][0]
        output, texture = source.sourceName, UsdShade.Shader(source.source.GetPrim())
        if texture.GetIdAttr().Get() != "UsdUVTexture":  # a reader of vertex colours
            facts.values[f"{slot}.vertex"] = [1.0]
            continue
        file = texture.GetInput("file").Get().path.removeprefix("./")
        facts.maps[slot] = [keep_image(folder, archive.read(file)), output]
        for part in ("scale", "bias"):
            if texture.GetInput(part) and texture.GetInput(part).Get() is not None:
                facts.values[f"{slot}.{part}"] = [float(x) for x in texture.GetInput(part).Get()]
        if output not in CHANNELS:
            raise ValueError(f"{name} reads the output {output}")
    return facts
