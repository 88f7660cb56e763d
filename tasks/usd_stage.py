"""An asset as a USD stage: metres, Y up, a default prim with meshes and materials, provenance in the layer."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ml.asset import Asset, Part
from tasks.plain_names import plain_name
from tasks.provenance_fields import APPLICATION, provenance_fields
from tasks.usd_material import FOLDER, UsdMaterials, identifier


def encode_stage(asset: Asset) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The root layer as a crate (usdc), and the (path, data) of the images that it names.

    pxr is imported here, when it is first needed: 0.15 CPU-s.
    """
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, f"/{identifier(asset.name, set(), 'asset')}")
    root.GetPrim().SetDisplayName(plain_name(asset.name, "asset"))
    stage.SetDefaultPrim(root.GetPrim())
    Usd.ModelAPI(root).SetKind("component")
    _describe(stage.GetRootLayer(), asset)
    taken = {"Materials"}
    scope = UsdGeom.Scope.Define(stage, root.GetPath().AppendChild("Materials"))
    materials = UsdMaterials(stage, str(scope.GetPath()))
    for part in asset.parts:
        _mesh(stage, root.GetPath().AppendChild(identifier(part.name, taken, "part")), part, materials)
    return _crate(stage), [(f"{FOLDER}/{file.name}", file.data) for file in materials.images.files]


def _describe(layer: Any, asset: Asset) -> None:
    fields = provenance_fields(asset.provenance)
    layer.documentation = "; ".join(f"{key}: {value}" for key, value in fields.items()) or APPLICATION
    layer.customLayerData = {"creator": APPLICATION, **({"provenance": fields} if fields else {})}


def _mesh(stage: Any, path: Any, part: Part, materials: UsdMaterials) -> None:
    """Vertices stay as they are, split at seams: every attribute is per vertex."""
    from pxr import Sdf, UsdGeom, UsdShade, Vt

    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.GetPrim().SetDisplayName(plain_name(part.name, "part"))
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(part.vertices))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(part.faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(part.faces.reshape(-1)))
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([part.vertices.min(axis=0), part.vertices.max(axis=0)])))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateOrientationAttr(UsdGeom.Tokens.rightHanded)
    mesh.CreateDoubleSidedAttr(part.material.double_sided)
    if part.normals is not None:
        mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(part.normals))
        mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    primvars = UsdGeom.PrimvarsAPI(mesh)
    for name, uv in (("st", part.uv), ("st1", part.uv1)):
        if uv is not None:  # v grows upward in USD
            upward = np.stack([uv[:, 0], np.float32(1) - uv[:, 1]], axis=1)
            kind = Sdf.ValueTypeNames.TexCoord2fArray
            primvars.CreatePrimvar(name, kind, UsdGeom.Tokens.vertex).Set(Vt.Vec2fArray.FromNumpy(upward))
    if part.colors is not None:
        linear = part.colors[:, :3] / np.float32(255) * np.asarray(part.material.base_color[:3], np.float32)
        mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex).Set(Vt.Vec3fArray.FromNumpy(linear))
    binding = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim())
    binding.Bind(materials.material(part.material, part.colors is not None))


def _crate(stage: Any) -> bytes:
    """The root layer's bytes; USD writes crates to files alone."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stage.usdc"
        if not stage.GetRootLayer().Export(str(path)):
            raise OSError(f"USD did not write {path}")
        return path.read_bytes()
