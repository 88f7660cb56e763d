"""What ARKit asks of a USDZ beyond what UsdValidation checks ("Validating feature support for USD files", Apple)."""

import io
import struct
import zipfile
from pathlib import Path

from pxr import Sdf, Usd, UsdGeom, UsdShade

SHADERS = {"UsdPreviewSurface", "UsdUVTexture", "UsdTransform2d", "UsdPrimvarReader_float2", "UsdPrimvarReader_float3"}
PRIMS = {"Xform", "Scope", "Mesh", "Material", "Shader"}
IMAGES = {".png": b"\x89PNG", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff"}


def broken_rules(data: bytes, path: Path) -> list[str]:
    """One line for each rule that the package breaks; `path` is where it may be written."""
    found = container_rules(data)
    path.write_bytes(data)
    stage = Usd.Stage.Open(str(path))
    return found + (["no stage"] if stage is None else _stage(stage, set(zipfile.ZipFile(path).namelist())))


def container_rules(data: bytes) -> list[str]:
    """The rules of the package alone."""
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if archive.testzip():
            found.append("a checksum is wrong")
    if not entries[0].filename.endswith(".usdc"):
        found.append("the first file is no crate")
    for entry in entries:
        name_size, extra_size = struct.unpack_from("<HH", data, entry.header_offset + 26)
        start = entry.header_offset + 30 + name_size + extra_size
        suffix = Path(entry.filename).suffix.lower()
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            found.append(f"{entry.filename} is packed or encrypted")
        if start % 64:
            found.append(f"{entry.filename} begins at {start}")
        if suffix not in {".usd", ".usda", ".usdc", *IMAGES}:
            found.append(f"{entry.filename} is of no admitted kind")
        if suffix in IMAGES and not data[start : start + entry.file_size].startswith(IMAGES[suffix]):
            found.append(f"{entry.filename} is not what its name says")
    return found


def _stage(stage: Usd.Stage, names: set[str]) -> list[str]:
    found = []
    if not stage.GetDefaultPrim():
        found.append("no default prim")
    if UsdGeom.GetStageUpAxis(stage) != "Y" or UsdGeom.GetStageMetersPerUnit(stage) != 1.0:
        found.append("not Y up in metres")
    for prim in stage.Traverse():
        if prim.GetTypeName() not in PRIMS:
            found.append(f"{prim.GetPath()} is a {prim.GetTypeName()}")
        if prim.IsA(UsdGeom.Mesh):
            found += _mesh(UsdGeom.Mesh(prim))
        if prim.IsA(UsdShade.Shader):
            found += _shader(UsdShade.Shader(prim), names)
    return found


def _mesh(mesh: UsdGeom.Mesh) -> list[str]:
    points, indices = mesh.GetPointsAttr().Get(), mesh.GetFaceVertexIndicesAttr().Get()
    material = UsdShade.MaterialBindingAPI(mesh.GetPrim()).ComputeBoundMaterial()[0]
    rules = {
        "no points": len(points) > 0,
        "indices out of range": min(indices) >= 0 and max(indices) < len(points),
        "counts do not add up": sum(mesh.GetFaceVertexCountsAttr().Get()) == len(indices),
        "subdivided": mesh.GetSubdivisionSchemeAttr().Get() == "none",
        "normals do not fit": len(mesh.GetNormalsAttr().Get()) == len(points),
        "no material": bool(material),
        "no extent": len(mesh.GetExtentAttr().Get() or []) == 2,
    }
    return [f"{mesh.GetPath()}: {rule}" for rule, holds in rules.items() if not holds]


def _shader(shader: UsdShade.Shader, names: set[str]) -> list[str]:
    found = [] if shader.GetShaderId() in SHADERS else [f"{shader.GetPath()} is a {shader.GetShaderId()}"]
    for given in shader.GetInputs():
        value = given.Get()
        if isinstance(value, Sdf.AssetPath) and value.path.split("[")[-1].rstrip("]") not in names:
            found.append(f"{given.GetFullName()} names {value.path}, which is not inside")
    return found
