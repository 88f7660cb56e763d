"""Reads 3MF with the consortium's lib3mf in strict mode, back into metres with Y up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from facts import Z_UP, Facts, MaterialFacts, PartFacts, gathered, keep_image, linear_of
from lib3mf import Lib3MF, get_wrapper

UNITS = {"MicroMeter": 1e-6, "MilliMeter": 1e-3, "CentiMeter": 1e-2, "Inch": 0.0254, "Foot": 0.3048, "Meter": 1.0}


def read(path: Path, folder: Path) -> Facts:
    """Facts of every object on the plate; `warnings` are the strict reader's, and the objects that are not closed."""
    model = get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    warnings = [reader.GetWarning(index)[1] for index in range(reader.GetWarningCount())]
    unit = UNITS[Lib3MF.ModelUnit(model.GetUnit()).name]
    images = attachments(model, folder)
    pieces, parts, materials = [], [], {}
    for mesh, matrix in placed(model):
        piece, texture = mesh_piece(model, mesh, matrix, unit)
        pieces.append(piece)
        key = str(mesh.GetResourceID())
        materials[key] = MaterialFacts(maps={"base_color": [images[texture], "rgb"]} if texture else {})
        if not texture:
            materials[key].values = color_of(model, mesh)
        parts.append(PartFacts(mesh.GetName(), mesh.GetTriangleCount(), key))
        if mesh.GetType() == Lib3MF.ObjectType.Model and not mesh.IsManifoldAndOriented():
            warnings.append(f"{mesh.GetName()} is not manifold and oriented")
    facts = Facts(**gathered(pieces), parts=parts, materials=materials, warnings=warnings)
    facts.images = {sha: (folder / sha).stat().st_size for sha in images.values()}
    group = model.GetMetaDataGroup()
    for index in range(group.GetMetaDataCount()):
        entry = group.GetMetaData(index)
        facts.metadata[entry.GetName()] = entry.GetValue()
    return facts


def attachments(model: Any, folder: Path) -> dict[str, str]:
    """Part path -> digest of every image in the package."""
    found = {}
    for index in range(model.GetAttachmentCount()):
        attachment = model.GetAttachment(index)
        if attachment.GetPath().endswith((".png", ".jpg", ".jpeg")):
            found[attachment.GetPath()] = keep_image(folder, bytes(attachment.WriteToBuffer()))
    return found


def placed(model: Any) -> list[tuple[Any, np.ndarray]]:
    """(mesh object, 4×3 transform) of everything the build refers to, components included."""
    found: list[tuple[Any, np.ndarray]] = []

    def visit(item: Any, matrix: np.ndarray) -> None:
        if item.IsMeshObject():
            found.append((model.GetMeshObjectByID(item.GetUniqueResourceID()), matrix))
            return
        whole = model.GetComponentsObjectByID(item.GetUniqueResourceID())
        for index in range(whole.GetComponentCount()):
            component = whole.GetComponent(index)
            own = rows_of(component.GetTransform()) if component.HasTransform() else np.eye(4)
            visit(component.GetObjectResource(), own @ matrix)

    items = model.GetBuildItems()
    while items.MoveNext():
        item = items.GetCurrent()
        own = rows_of(item.GetObjectTransform()) if item.HasObjectTransform() else np.eye(4)
        visit(item.GetObjectResource(), own)
    return found


def rows_of(transform: Any) -> np.ndarray:
    """A 3MF transform (rows multiply from the left) as a 4×4 matrix."""
    matrix = np.eye(4)
    matrix[:, :3] = np.ctypeslib.as_array(transform.Fields)
    return matrix


def color_of(model: Any, mesh: Any) -> dict[str, list[float]]:
    """The linear colour of an object's base material, or the mark of a colour group."""
    group, index, _ = mesh.GetObjectLevelProperty()
    if model.GetPropertyTypeByID(group) != Lib3MF.PropertyType.BaseMaterial:
        return {"base_color.vertex": [1.0]}
    color = model.GetBaseMaterialGroupByID(group).GetDisplayColor(index)
    return {"base_color": linear_of(np.array([color.Red, color.Green, color.Blue]) / 255.0).tolist()}


def mesh_piece(model: Any, mesh: Any, matrix: np.ndarray, unit: float) -> tuple[tuple[Any, ...], str]:
    """((corners, uv, no normals, no second uv, colours made linear), path of the texture) of one mesh object; 3MF's v
    grows upward."""
    points = np.array([list(vertex.Coordinates) for vertex in mesh.GetVertices()], np.float64)
    order = np.array([list(face.Indices) for face in mesh.GetTriangleIndices()], np.int64).reshape(-1)
    points = (np.c_[points, np.ones(len(points))] @ matrix)[:, :3] @ Z_UP.T * unit
    properties = mesh.GetAllTriangleProperties()
    groups = {entry.ResourceID for entry in properties} - {0}
    uv, colors, texture = None, None, ""
    rows = np.array([list(entry.PropertyIDs) for entry in properties], np.int64).reshape(-1)
    for group in groups:
        if model.GetPropertyTypeByID(group) == Lib3MF.PropertyType.Colors:
            colors = palette(model.GetColorGroupByID(group))[rows]
        if model.GetPropertyTypeByID(group) != Lib3MF.PropertyType.TexCoord:
            continue
        textures = model.GetTexture2DGroupByID(group)
        texture = textures.GetTexture2D().GetAttachment().GetPath()
        ids = textures.GetAllPropertyIDs()
        table = np.full((max(ids) + 1, 2), np.nan)
        for index in ids:
            coordinate = textures.GetTex2Coord(index)
            table[index] = coordinate.U, 1.0 - coordinate.V
        uv = table[rows]
    return (points[order], uv, None, None, colors), texture


def palette(group: Any) -> np.ndarray:
    """(highest id + 1, 4) linear colours of a colour group by property id."""
    ids = group.GetAllPropertyIDs()
    table = np.full((max(ids) + 1, 4), np.nan)
    for index in ids:
        color = group.GetColor(index)
        table[index] = color.Red, color.Green, color.Blue, color.Alpha
    return linear_of(table / 255.0)
