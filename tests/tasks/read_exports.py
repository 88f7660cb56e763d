"""Reads exported files with other people's readers and prints all they hold, a line of JSON for each file.

`python -m tests.tasks.read_exports FORMAT FILE…`: every file is read in a forked child, because native readers crash
on broken ones; such a file's line is {"error": …}.
"""

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Held = dict[str, Any]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_fbx(path: str) -> Held:
    from tests.tasks.fbx_reader import read

    scene = read(path)
    meshes = scene.pop("meshes")
    for mesh in meshes:
        for key in ("normals", "colors"):
            mesh[key] = mesh[key] and [mesh[key]["values"][index] for index in mesh[key]["index"]]
        mesh["points"] = [mesh["vertices"][index] for index in mesh.pop("faces")]
        mesh["uv"] = {uv["name"]: [uv["values"][index] for index in uv["index"]] for uv in mesh["uv"]}
        del mesh["vertices"]
    return {"meshes": meshes, **scene}


def read_usdz(path: str) -> Held:
    from pxr import Sdf, Usd, UsdGeom

    from tests.tasks.arkit_rules import broken_rules

    broken = broken_rules(Path(path).read_bytes(), Path(path))
    stage = Usd.Stage.Open(path)
    meshes = []
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            mesh, primvars = UsdGeom.Mesh(prim), UsdGeom.PrimvarsAPI(prim)
            corners = np.asarray(mesh.GetFaceVertexIndicesAttr().Get())
            values = {"points": mesh.GetPointsAttr().Get(), "normals": mesh.GetNormalsAttr().Get()}
            values |= {"uv": primvars.GetPrimvar("st").Get(), "colors": mesh.GetDisplayColorAttr().Get()}
            found = {key: np.asarray(value)[corners].tolist() for key, value in values.items() if value is not None}
            meshes.append({"name": prim.GetDisplayName(), **found})
    with zipfile.ZipFile(path) as archive:
        images = {name: digest(archive.read(name)) for name in archive.namelist()[1:]}
    layer = Sdf.Layer.FindOrOpen(path).ExportToString()
    return {"meshes": meshes, "images": images, "layer": layer, "broken": broken}


def read_3mf(path: str) -> Held:
    import lib3mf

    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(path)
    meshes, names, held = [], {}, model.GetMeshObjects()
    while held.MoveNext():
        mesh = held.GetCurrentMeshObject()
        points = [list(position.Coordinates) for position in mesh.GetVertices()]
        corners = [index for triangle in mesh.GetTriangleIndices() for index in triangle.Indices]
        entries = [mesh.GetTriangleProperties(index) for index in range(mesh.GetTriangleCount())]
        properties = [[entry.ResourceID, *entry.PropertyIDs] for entry in entries]
        name, kind = mesh.GetName(), mesh.GetType().name
        meshes.append({"name": name, "kind": kind, "points": [points[i] for i in corners], "properties": properties})
    groups, images = model.GetTexture2DGroups(), {}
    while groups.MoveNext():
        group = groups.GetCurrentTexture2DGroup()
        coordinates = [group.GetTex2Coord(number) for number in group.GetAllPropertyIDs()]
        names[group.GetResourceID()] = [[c.U, c.V] for c in coordinates]
        texture = group.GetTexture2D()
        attached = texture.GetAttachment()
        images[attached.GetPath()] = [digest(bytes(attached.WriteToBuffer())), str(texture.GetTileStyleUV())]
    colors = model.GetColorGroups()
    while colors.MoveNext():
        palette = colors.GetCurrentColorGroup()
        found = [palette.GetColor(number) for number in palette.GetAllPropertyIDs()]
        names[palette.GetResourceID()] = [[c.Red, c.Green, c.Blue, c.Alpha] for c in found]
    bases = model.GetBaseMaterialGroups()
    while bases.MoveNext():
        base = bases.GetCurrentBaseMaterialGroup()
        shown = [(base.GetName(number), base.GetDisplayColor(number)) for number in base.GetAllPropertyIDs()]
        names[base.GetResourceID()] = [[name, c.Red, c.Green, c.Blue, c.Alpha] for name, c in shown]
    group = model.GetMetaDataGroup()
    entries = [group.GetMetaData(index) for index in range(group.GetMetaDataCount())]
    metadata = {entry.GetName(): entry.GetValue() for entry in entries}
    unit, warnings = model.GetUnit().name, reader.GetWarningCount()
    items = model.GetBuildItems()
    placed = []
    while items.MoveNext():
        placed.append(items.GetCurrent().GetObjectResource().GetName())
    facts = {"metadata": metadata, "unit": unit, "warnings": warnings, "build": placed}
    return {"meshes": meshes, "groups": {str(key): value for key, value in names.items()}, "images": images, **facts}


def read_obj(path: str) -> Held:
    """Every statement ("Object Files", Wavefront appendix B1), corners resolved, and the library that it names."""
    rows: dict[str, list[list[float]]] = {"v": [], "vt": [], "vn": []}
    meshes: list[Held] = []
    library = ""
    for line in Path(path).read_text().splitlines():
        keyword, *words = line.split()
        if keyword in rows:
            rows[keyword].append([float(word) for word in words])
        elif keyword == "o":
            meshes.append({"name": words[0], "material": "", "points": [], "uv": [], "normals": []})
        elif keyword == "usemtl":
            meshes[-1]["material"] = words[0]
        elif keyword == "f":
            for corner in words:
                for kind, key, index in zip(
                    ("v", "vt", "vn"), ("points", "uv", "normals"), corner.split("/"), strict=True
                ):
                    meshes[-1][key] += [rows[kind][int(index) - 1]] if index else []
        elif keyword == "mtllib":
            library = Path(path).with_name(words[0]).read_text()
        elif keyword != "#":
            raise ValueError(line)
    images = {file.name: digest(file.read_bytes()) for file in Path(path).parent.glob("*.png")}
    return {"meshes": meshes, "library": library, "images": images}


def read_stl(path: str) -> Held:
    """Binary STL: 80 bytes of text, a count, 50 bytes a facet."""
    data = Path(path).read_bytes()
    record = np.dtype([("normal", "<f4", (3,)), ("points", "<f4", (3, 3)), ("attribute", "<u2")])
    facets = np.frombuffer(data, record, count=int.from_bytes(data[80:84], "little"), offset=84)
    points, normals = facets["points"].reshape(-1, 3).tolist(), facets["normal"].tolist()
    if len(data) != 84 + 50 * len(facets):
        raise ValueError("the count is wrong")
    mesh = {"points": points, "normals": normals, "attributes": facets["attribute"].tolist()}
    return {"meshes": [mesh], "header": data[:80].decode()}


def read_ply(path: str) -> Held:
    """Binary PLY by its header (G. Turk, "The PLY Polygon File Format")."""
    head, _, body = Path(path).read_bytes().partition(b"end_header\n")
    kinds = {"float": "<f4", "uchar": "u1", "int": "<i4"}
    lines = [line.split() for line in head.decode().splitlines() if not line.startswith("comment")]
    count = {words[1]: int(words[2]) for words in lines if words[0] == "element"}
    columns = [(words[2], kinds[words[1]]) for words in lines if words[0] == "property" and words[1] != "list"]
    vertices = np.frombuffer(body, np.dtype(columns), count["vertex"])
    record = np.dtype([("count", "u1"), ("corners", "<i4", (3,))])
    faces = np.frombuffer(body, record, count["face"], vertices.nbytes)
    if lines[:2] != [["ply"], ["format", "binary_little_endian", "1.0"]] or set(faces["count"]) != {3}:
        raise ValueError("not the PLY that was meant")
    if len(body) != vertices.nbytes + faces.nbytes:
        raise ValueError("the counts are wrong")
    corners = vertices[faces["corners"].reshape(-1)]
    names = {"points": ("x", "y", "z"), "normals": ("nx", "ny", "nz"), "colors": ("red", "green", "blue", "alpha")}
    return {"meshes": [{key: [corners[name].tolist() for name in axes] for key, axes in names.items()}]}


READERS: dict[str, Callable[[str], Held]] = {
    "fbx": read_fbx, "usdz": read_usdz, "3mf": read_3mf, "obj": read_obj, "stl": read_stl, "ply": read_ply,
}  # fmt: skip


def read_in_child(read: Callable[[str], Held], path: str) -> None:
    """Print the line of a file, whatever happens to the process that reads it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            line = json.dumps(read(path))
        except BaseException as error:
            line = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(line, flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        print(json.dumps({"error": f"the reader died: {status}"}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "usdz":
        from pxr import Sdf, Usd, UsdGeom, UsdShade  # noqa: F401
    elif sys.argv[1] == "3mf":
        import lib3mf

        lib3mf.get_wrapper()  # loads the library once, before the forks
    for name in sys.argv[2:]:
        read_in_child(READERS[sys.argv[1]], name)
