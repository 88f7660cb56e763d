"""Exports FBX 7.4 binary: centimetres and Y up, PBR maps embedded, LODs and collision bodies named for an engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ml.asset import Asset, Part
from tasks.engine_names import Engine, collision_name, level_name
from tasks.export_glb import files_of_levels
from tasks.fbx_materials import FbxMaterials
from tasks.fbx_mesh import body_children, geometry_children
from tasks.fbx_nodes import Id, node
from tasks.fbx_scene import ROOT, FbxScene, prop, properties
from tasks.image_files import ImageFiles
from tasks.outputs import OutputFile
from tasks.plain_names import distinct_name, plain_name
from tasks.surface import drawable


@dataclass(frozen=True)
class FbxOptions:
    """How an FBX is written."""

    lods: Literal["separate", "scene", "none"] = field(
        default="separate",
        metadata={
            "help": "each LOD as STEM_LODn.fbx, all in one file under the engine's names, or only the full asset"
        },
    )
    engine: Engine = field(default="none", metadata={"help": "whose names LODs and collision bodies get"})
    textures: Literal["embedded", "files"] = field(
        default="embedded", metadata={"help": "images inside the FBX, or as files beside it"}
    )


def export_fbx(asset: Asset, stem: str, options: FbxOptions = FbxOptions()) -> list[OutputFile]:
    """`stem.fbx`, its LODs, and its images where they stay files.

    Collision bodies go into LOD0's file when an engine is named. Raises InputError `mesh.no-faces`.
    """
    embed, images, meshes = options.textures == "embedded", ImageFiles(), list[OutputFile]()
    for lod, name, chain in files_of_levels(asset, stem, options.lods):
        scene = FbxScene()
        materials = FbxMaterials(scene, stem, embed, images)
        _Models(scene, materials, options.engine).add_all(asset, list(map(drawable, chain)), with_bodies=lod == 0)
        meshes.append(OutputFile(f"{name}.fbx", "fbx", lod, scene.encode(asset)))
    return meshes if embed else [*meshes, *images.files]


@dataclass
class _Models:
    """Puts the nodes of a chain of levels into a scene."""

    scene: FbxScene
    materials: FbxMaterials
    engine: Engine
    _taken: set[str] = field(default_factory=set)

    def add_all(self, asset: Asset, chain: list[Asset], with_bodies: bool) -> None:
        """Every level's parts, then the collision bodies, named after the first part."""
        first = ""
        group = self._group(asset.name, chain) if self.engine == "unreal" and len(chain) > 1 else ROOT
        for level, parts in enumerate(self._level_parts(chain)):
            parent = group
            if group != ROOT and len(parts) > 1:
                parent = self._empty(level_name(plain_name(asset.name, "asset"), level, self.engine), group)
            for name, part in parts:
                first = first or name
                self._mesh(name, part, parent)
        if with_bodies and self.engine != "none":
            for index, body in enumerate(asset.collision):
                self._body(collision_name(first, index, self.engine), body)

    def _level_parts(self, chain: list[Asset]) -> Iterator[list[tuple[str, Part]]]:
        """(node name, part) of each level; names end with their level only where there are several."""
        for level, asset in enumerate(chain):
            names = set[str]()
            plain = [(distinct_name(part.name, names, "part"), part) for part in asset.parts]
            yield [
                (
                    distinct_name(
                        level_name(name, level, self.engine) if len(chain) > 1 else name, self._taken, "part"
                    ),
                    part,
                )
                for name, part in plain
            ]

    def _mesh(self, name: str, part: Part, parent: Id) -> None:
        geometry = self.scene.add("Geometry", name, "Mesh", geometry_children(part))
        model = self._model(name, "Mesh", parent, culled=not part.material.double_sided)
        self.scene.connect(geometry, model)
        self.scene.connect(self.materials.number(part.material), model)

    def _body(self, name: str, body: Part) -> None:
        """Unity knows no name for bodies: there they come invisible, for a script to find."""
        name = distinct_name(name, self._taken, "body")
        geometry = self.scene.add("Geometry", name, "Mesh", body_children(body))
        self.scene.connect(geometry, self._model(name, "Mesh", ROOT, visible=self.engine != "unity"))

    def _group(self, name: str, chain: list[Asset]) -> Id:
        """The parent whose children are an Unreal mesh's levels, in order ("FBX Static Mesh Pipeline", LODs)."""
        name = distinct_name(name, self._taken, "asset")
        attribute = self.scene.add("NodeAttribute", name, "LodGroup", [node("TypeFlags", "LodGroup"), properties()])
        model = self._model(name, "LodGroup", ROOT)
        self.scene.connect(attribute, model)
        return model

    def _empty(self, name: str, parent: Id) -> Id:
        name = distinct_name(name, self._taken, "group")
        attribute = self.scene.add("NodeAttribute", name, "Null", [node("TypeFlags", "Null")])
        model = self._model(name, "Null", parent)
        self.scene.connect(attribute, model)
        return model

    def _model(self, name: str, kind: str, parent: Id, *, culled: bool = False, visible: bool = True) -> Id:
        entries = [
            prop("Lcl Translation", "Lcl Translation", "", 0.0, 0.0, 0.0),
            prop("Lcl Rotation", "Lcl Rotation", "", 0.0, 0.0, 0.0),
            prop("Lcl Scaling", "Lcl Scaling", "", 1.0, 1.0, 1.0),
            prop("Visibility", "Visibility", "", float(visible)),
            prop("DefaultAttributeIndex", "int", "Integer", 0, flags=""),
        ]
        children = [
            node("Version", 232),
            properties(*entries),
            node("Shading", True),
            node("Culling", "CullingOnCCW" if culled else "CullingOff"),
        ]
        model = self.scene.add("Model", name, kind, children)
        self.scene.connect(model, parent)
        return model
