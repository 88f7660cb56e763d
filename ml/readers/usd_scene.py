"""Reads USD and USDZ with Pixar's library, in the process that `apart` starts: meshes at the first frame."""

from __future__ import annotations

import posixpath
import zipfile
from typing import Any

import numpy as np

from ml.asset import InputError
from ml.readers.apart import Scene, SceneMaterial, ScenePart, Values
from ml.readers.limits import ReadLimits
from ml.readers.usd_skeleton import Posed, Skeletons

SLOTS = {"diffuseColor": "base_color", "roughness": "roughness", "metallic": "metallic", "normal": "normal",
         "occlusion": "occlusion", "emissiveColor": "emissive"}  # fmt: skip
GREY = (0.18, 0.18, 0.18)  # what UsdPreviewSurface has where nothing is said
MAX_IMAGE = 256 * 1024 * 1024  # bytes of an image in a package
Z_TO_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def read_scene(path: str, limits: ReadLimits) -> Scene:
    """Every mesh that is drawn, instances too, in metres and Y up at the start of the animation, with its
    UsdPreviewSurface, skins and blend shapes applied. Layers outside the file are not opened.

    Raises InputError `mesh.broken`, `mesh.too-large`, `mesh.unsupported`.
    """
    from pxr import Tf, Usd, UsdGeom

    _refuse_other_files(path)
    try:
        stage = Usd.Stage.Open(path)
    except Tf.ErrorException as error:
        raise InputError("mesh.broken", f"not a USD that can be read: {str(error)[:300]}") from error
    turn = Z_TO_Y if UsdGeom.GetStageUpAxis(stage) == "Z" else np.eye(3)
    time = _first_frame(stage)
    skeletons = Skeletons(stage, time)
    reader = _StageReader(path, UsdGeom.GetStageMetersPerUnit(stage) * turn, time, limits, skeletons)
    for prim in Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies()):
        if prim.HasAuthoredMetadata("clips"):  # other files again, which are opened where a value is asked for
            raise InputError("mesh.unsupported", f"{prim.GetPath()} takes its values from clips in other files")
        if prim.IsA(UsdGeom.Mesh) and _drawn(prim, reader.time):
            reader.add(prim)
    reader.scene.notes += skeletons.notes
    return reader.scene


def _refuse_other_files(path: str) -> None:
    """Raise InputError where the layer or one in its package is composed of files that are not in it."""
    from pxr import Sdf, Tf

    try:
        layer = Sdf.Layer.FindOrOpen(path)
    except Tf.ErrorException as error:
        raise InputError("mesh.broken", f"not a USD that can be read: {str(error)[:300]}") from error
    if layer is None:
        raise InputError("mesh.broken", "not a USD that can be read")
    inside = set(zipfile.ZipFile(path).namelist()) if zipfile.is_zipfile(path) else set()
    todo, seen = [(layer, "")], set()
    while todo:
        layer, folder = todo.pop()
        for name in layer.GetCompositionAssetDependencies():
            member = posixpath.normpath(posixpath.join(folder, name))
            if member not in inside:
                raise InputError("mesh.unsupported", f"the file is composed of another one, {name[:200]!r}")
            if member not in seen:
                seen.add(member)
                other = Sdf.Layer.FindOrOpen(f"{path}[{member}]")
                todo += [(other, posixpath.dirname(member))] if other else []


def _first_frame(stage: Any) -> Any:
    from pxr import Usd

    return Usd.TimeCode(stage.GetStartTimeCode()) if stage.HasAuthoredTimeCodeRange() else Usd.TimeCode.EarliestTime()


def _drawn(prim: Any, time: Any) -> bool:
    from pxr import UsdGeom

    imageable = UsdGeom.Imageable(prim)
    shown = imageable.ComputeVisibility(time) != UsdGeom.Tokens.invisible
    return bool(shown and imageable.ComputePurpose() in (UsdGeom.Tokens.default_, UsdGeom.Tokens.render))


class _StageReader:
    """Collects the meshes of a stage."""

    def __init__(self, path: str, linear: Values, time: Any, limits: ReadLimits, skeletons: Skeletons) -> None:
        self._skeletons = skeletons
        self.scene = Scene()
        self.time = time
        self._linear = linear
        self._limits = limits
        self._faces = 0
        self._materials: dict[str, int] = {}
        self._images: dict[str, int | str] = {}
        self._archive = zipfile.ZipFile(path) if zipfile.is_zipfile(path) else None

    def add(self, prim: Any) -> None:
        """A part for each material of a mesh."""
        from pxr import UsdGeom

        mesh = UsdGeom.Mesh(prim)
        counts = np.array(mesh.GetFaceVertexCountsAttr().Get(self.time) or [], np.int64)
        corners = np.array(mesh.GetFaceVertexIndicesAttr().Get(self.time) or [], np.int64)
        points = np.array(mesh.GetPointsAttr().Get(self.time) or [], np.float64).reshape(-1, 3)
        if not len(counts) or int(counts.sum()) != len(corners) or counts.min() < 0:
            return
        self._faces += int(np.maximum(counts - 2, 0).sum())
        self._limits.check(self._faces)
        posed = self._skeletons.pose(prim, points)
        points = posed.points if posed else points
        matrix = posed.world if posed else np.array(UsdGeom.Imageable(mesh).ComputeLocalToWorldTransform(self.time))
        world = self._linear @ matrix[:3, :3].T
        moved = points @ world.T + self._linear @ matrix[3, :3]
        turned = (np.linalg.det(world) < 0.0) != (mesh.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded)
        attributes = _attributes(mesh, counts, corners, self.time)
        if posed and posed.reshaped:
            attributes.pop("normals", None)  # made anew from the faces
        if "normals" in attributes:
            attributes["normals"] = _placed_normals(*attributes["normals"], corners, world, posed)
        for chosen, material in self._subsets(mesh, len(counts)):
            at = _corners_of(counts, chosen, turned)
            mine = {
                name: (values, index[at]) for name, (values, index) in attributes.items() if len(index) == len(corners)
            }
            name = prim.GetDisplayName() or prim.GetName()
            self.scene.parts.append(ScenePart(name, material, moved, corners[at], counts[chosen], mine))

    def _subsets(self, mesh: Any, count: int) -> list[tuple[Values, int]]:
        """The faces of each material, and its number; −1 for none."""
        from pxr import UsdShade

        left = np.ones(count, np.bool_)
        found = []
        for subset in UsdShade.MaterialBindingAPI(mesh.GetPrim()).GetMaterialBindSubsets():
            faces = np.array(subset.GetIndicesAttr().Get(self.time) or [], np.int64)
            faces = faces[(faces >= 0) & (faces < count)]
            faces = faces[left[faces]]
            left[faces] = False
            found.append((faces, self._material(subset.GetPrim())))
        return [*found, (np.flatnonzero(left), self._material(mesh.GetPrim()))]

    def _material(self, prim: Any) -> int:
        from pxr import UsdShade

        material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
        if not material:
            return -1
        key = str(material.GetPath())
        if key not in self._materials:
            self._materials[key] = len(self.scene.materials)
            self.scene.materials.append(self._read_material(material))
        return self._materials[key]

    def _read_material(self, material: Any) -> SceneMaterial:
        found = SceneMaterial(material.GetPrim().GetName(), [*GREY, 1.0], 0.0, 0.5)
        shader = material.ComputeSurfaceSource()[0]
        for entry in shader.GetInputs() if shader else ():
            name = entry.GetBaseName()
            if entry.HasConnectedSource():
                if name in SLOTS and (image := self._image(entry)) is not None:
                    found.maps[SLOTS[name]] = image
                elif name == "diffuseColor":  # a reader of vertex colours
                    found.base_color[:3] = [1.0, 1.0, 1.0]
            elif (value := entry.Get()) is not None and not isinstance(value, str):
                _set(found, name, np.atleast_1d(np.array(value, np.float64)))
        return found

    def _image(self, entry: Any) -> int | str | None:
        """The number of an image in the package, or the name of one beside the file."""
        from pxr import UsdShade

        texture = UsdShade.Shader(entry.GetConnectedSources()[0][0].source.GetPrim())
        file = texture.GetInput("file").Get() if texture.GetInput("file") else None
        if file is None or not file.path:
            return None
        name = posixpath.normpath(file.path)
        if name not in self._images:
            self._images[name] = self._packed(name)
        return self._images[name]

    def _packed(self, name: str) -> int | str:
        if self._archive is None or name not in self._archive.namelist():
            return name
        with self._archive.open(name) as stream:
            data = stream.read(MAX_IMAGE + 1)
        if len(data) > MAX_IMAGE:
            raise InputError("input.too-large", f"{name} of the package has more than {MAX_IMAGE} bytes")
        self.scene.images.append(data)
        return len(self.scene.images) - 1


def _set(material: SceneMaterial, name: str, value: Values) -> None:
    clipped = [float(each) for each in np.clip(np.nan_to_num(value), 0.0, 1.0)]
    if name == "diffuseColor" and len(clipped) == 3:
        material.base_color[:3] = clipped
    elif name == "emissiveColor" and len(clipped) == 3:
        material.emissive = clipped
    elif name == "opacity":
        material.base_color[3] = clipped[0]
    elif name in ("roughness", "metallic"):
        setattr(material, name, clipped[0])


def _corners_of(counts: Values, faces: Values, turned: bool) -> Values:
    """Numbers of the corners of chosen polygons, in reverse order where they are wound the other way."""
    start, count = (np.cumsum(counts) - counts)[faces], counts[faces]
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    corners: Values = np.repeat(start, count) + (np.repeat(count, count) - 1 - step if turned else step)
    return corners


def _placed_normals(
    values: Values, index: Values, corners: Values, world: Values, posed: Posed | None
) -> tuple[Values, Values]:
    """Normals turned by the skin and into the world; such as do not fit the mesh stay as they are."""
    turns = None if posed is None else posed.turns
    if turns is not None and len(index) == len(corners) and index.max() < len(values) and corners.max() < len(turns):
        values, index = np.einsum("cij,cj->ci", turns[corners], values[index]), np.arange(len(corners))
    cofactor = np.linalg.det(world) * np.linalg.pinv(world).T
    return values @ cofactor.T, index


def _attributes(mesh: Any, counts: Values, corners: Values, time: Any) -> dict[str, tuple[Values, Values]]:
    """Normals as the file has them, the first texture coordinates and the display colour, by corner."""
    from pxr import UsdGeom

    api = UsdGeom.PrimvarsAPI(mesh)
    found: dict[str, tuple[Values, Values]] = {}
    normals = api.GetPrimvar("normals")
    if normals and normals.HasAuthoredValue():
        if (values := _primvar(normals, counts, corners, time)) is not None:
            found["normals"] = values
    elif (rows := mesh.GetNormalsAttr().Get(time)) is not None and len(rows):
        index = np.arange(len(corners)) if mesh.GetNormalsInterpolation() == "faceVarying" else corners
        found["normals"] = (np.array(rows, np.float64), index)
    sets = [each for each in api.GetPrimvarsWithAuthoredValues() if str(each.GetTypeName()).startswith("texCoord2")]
    named = [each for each in sets if each.GetPrimvarName() == "st"] or sets
    if named and (values := _primvar(named[0], counts, corners, time)) is not None:
        found["uv"] = values
    color = api.GetPrimvar("displayColor")
    if color and color.HasAuthoredValue() and (values := _primvar(color, counts, corners, time)) is not None:
        found["colors"] = values
    return found


def _primvar(primvar: Any, counts: Values, corners: Values, time: Any) -> tuple[Values, Values] | None:
    """Values and the index of each corner; None for what has no value a corner."""
    values = np.array(primvar.Get(time), np.float64)
    index = np.array(primvar.GetIndices(time) or np.arange(len(values)), np.int64)
    places = {
        "faceVarying": np.arange(len(corners)),
        "vertex": corners,
        "varying": corners,
        "uniform": np.repeat(np.arange(len(counts)), counts),
        "constant": np.zeros(len(corners), np.int64),
    }
    place = places.get(str(primvar.GetInterpolation()))
    if place is None or values.ndim != 2 or place.max(initial=0) >= len(index) or index.max(initial=0) >= len(values):
        return None
    return values, index[place]
