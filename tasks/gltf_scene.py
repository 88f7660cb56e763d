"""Lays levels of detail and collision bodies out as the nodes of a glTF scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ml.asset import F32, Asset, Material, Part
from tasks.engine_names import Engine, collision_name, level_name
from tasks.gltf_document import GltfDocument, Json
from tasks.png_chunks import with_plain_maps
from tasks.surface import drawable
from tasks.tangents import with_tangents

Lods = Literal["separate", "none", "msft", "scene"]
COVERAGE = "lod{}.coverage"  # metric: share of the screen's height below which level k takes over


@dataclass(frozen=True)
class Level:
    """One level of detail as it is written: its parts, and (n, 4) tangents by part where normal maps need them."""

    asset: Asset
    tangents: Mapping[int, F32] = field(default_factory=dict)


# (part, its tangents or None) → mesh index and the transform of every node that shows it
AddMesh = Callable[[Part, F32 | None], tuple[int, Json]]


def prepared(asset: Asset) -> Level:
    """The level ready to write; raises InputError `mesh.no-faces`.

    The validator warns of a normal map without tangents, because viewers then disagree on its orientation.
    """
    asset = drawable(asset)
    parts, tangents = list(asset.parts), dict[int, F32]()
    for index, part in enumerate(parts):
        material = with_plain_maps(part.material)
        parts[index] = part if material is part.material else replace(part, material=material)
        if material.normal_texture is not None:
            parts[index], tangents[index] = with_tangents(parts[index])
    return Level(replace(asset, parts=tuple(parts)), tangents)


def lay_out(document: GltfDocument, levels: Sequence[Level], lods: Lods, engine: Engine, add_mesh: AddMesh) -> None:
    """The nodes of all levels: side by side under the names engines read, or as MSFT_lod, and collision bodies.

    Collision bodies are written where an engine is named, as without its naming rule a viewer would draw them.
    """
    if lods == "msft" and len(levels) > 1:
        _as_msft_lod(document, levels, add_mesh)
    else:
        named = engine if lods == "scene" and len(levels) > 1 else "none"
        for index, level in enumerate(levels):
            _parts(document, level, lambda name, k=index: level_name(name, k, named), add_mesh, True)  # type: ignore[misc]
    if engine != "none":
        base = str(document.nodes[document.roots[0]]["name"])
        for index, body in enumerate(_bodies(levels, engine)):
            name = collision_name(base, index, engine)
            _show(document, name, add_mesh(replace(body, name=name), None), True)


def reading_order(levels: Sequence[Level], lods: Lods, engine: Engine) -> list[Part]:
    """The parts in the order in which a reader meets them: the scene first, then what MSFT_lod keeps outside it."""
    parts = [[part for part in level.asset.parts if len(part.faces)] for level in levels]
    inside = 1 if lods == "msft" else len(parts)
    flat = [[part for group in groups for part in group] for groups in (parts[:inside], parts[inside:])]
    return [*flat[0], *_bodies(levels, engine), *flat[1]]


def _bodies(levels: Sequence[Level], engine: Engine) -> list[Part]:
    """Collision bodies as they are written: bare triangles."""
    if engine == "none":
        return []
    bodies = levels[0].asset.collision
    return [Part(body.vertices, body.faces, Material("collision"), body.name) for body in bodies if len(body.faces)]


def _as_msft_lod(document: GltfDocument, levels: Sequence[Level], add_mesh: AddMesh) -> None:
    """MSFT_lod: the node of LOD0 lists those of its lower levels, which stay outside the scene."""
    groups = []
    for index, level in enumerate(levels):
        name = level_name(level.asset.name if index == 0 else levels[0].asset.name, index, "none")
        children = _parts(document, level, lambda part: part, add_mesh, False)
        groups.append(document.node(name, root=index == 0, children=children))
    document.used.add("MSFT_lod")
    top = document.nodes[groups[0]]
    top["extensions"] = {"MSFT_lod": {"ids": groups[1:]}}
    metrics = levels[0].asset.metrics
    covers = [metrics.get(COVERAGE.format(index)) for index in range(1, len(levels))] + [0.0]  # the last never vanishes
    if None not in covers:
        top["extras"] = {"MSFT_screencoverage": covers}


def _parts(
    document: GltfDocument, level: Level, rename: Callable[[str], str], add_mesh: AddMesh, root: bool
) -> list[int]:
    return [
        _show(document, rename(part.name), add_mesh(part, level.tangents.get(index)), root)
        for index, part in enumerate(level.asset.parts)
        if len(part.faces)
    ]


def _show(document: GltfDocument, name: str, mesh: tuple[int, Json], root: bool) -> int:
    return document.node(name, root=root, mesh=mesh[0], **mesh[1])
