"""A part as an FBX geometry: welded positions, and normals, UV sets and colours that corners index."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, I32, Part
from ml.srgb import to_srgb
from tasks.fbx_nodes import Node, node
from tasks.topology import F64, weld

CENTIMETRES = np.float32(100.0)
LARGE = 1e36  # metres; as centimetres a float32 ends at 3.4e38
UV_SETS = ("UVMap", "UVLightmap")


def geometry_children(part: Part) -> list[Node]:
    """The records inside a Geometry.

    Vertices that only seams split are written once, so that importers see a connected surface: all but positions is
    given by corner, through indices. Doubles, as every importer expects; scaled as floats, whose low bits are zero
    and deflate.
    """
    points, corners = _welded(part)
    index = np.ascontiguousarray(part.faces.reshape(-1))
    layers = _layers(part, index)
    return [
        node("GeometryVersion", 124),
        node("Vertices", points),
        node("PolygonVertexIndex", _polygons(corners)),
        *(layer for group in layers for layer in group),
        *(_layer(number, group) for number, group in enumerate(layers)),
    ]


def body_children(part: Part) -> list[Node]:
    """The records inside the Geometry of a collision body: positions and faces alone."""
    points, corners = _welded(part)
    return [
        node("GeometryVersion", 124),
        node("Vertices", points),
        node("PolygonVertexIndex", _polygons(corners)),
    ]


def _welded(part: Part) -> tuple[F64, I32]:
    """Positions in centimetres, and faces over them."""
    points, corners, _ = weld(part.vertices, part.faces)
    if len(points) and float(np.abs(points).max()) > LARGE:
        return points.astype(np.float64) * 100.0, corners
    return (points * CENTIMETRES).astype(np.float64), corners


def _polygons(faces: I32) -> I32:
    """Corner indices, each triangle's last one complemented, which ends a polygon."""
    corners = faces.copy()
    corners[:, 2] = ~corners[:, 2]
    return np.ascontiguousarray(corners.reshape(-1))


def _layers(part: Part, index: I32) -> list[list[Node]]:
    """Layer elements by layer: the first holds everything but the second UV set."""
    first: list[Node] = []
    if part.normals is not None:
        first.append(_by_corner("Normal", 0, "Normals", "NormalsIndex", part.normals, index))
    coordinates = [values for values in (part.uv, part.uv1) if values is not None]
    names = UV_SETS if part.uv is not None else UV_SETS[1:]
    maps = [_uv(number, name, uv, index) for number, (name, uv) in enumerate(zip(names, coordinates, strict=False))]
    if part.colors is not None:
        rgba = part.colors / 255.0
        rgba[:, :3] = to_srgb(rgba[:, :3])  # as Blender and Maya read them
        first.append(_by_corner("Color", 0, "Colors", "ColorIndex", rgba, index, "Color"))
    first.append(
        _element("Smoothing", 0, "ByPolygon", "Direct", [node("Smoothing", np.ones(len(part.faces), np.int32))])
    )
    first.append(_element("Material", 0, "AllSame", "IndexToDirect", [node("Materials", np.zeros(1, np.int32))]))
    return [[*first, *maps[:1]], *([uv] for uv in maps[1:])]


def _uv(number: int, name: str, uv: F32, index: I32) -> Node:
    """v grows upward in FBX."""
    upward = np.stack([uv[:, 0], np.float32(1.0) - uv[:, 1]], axis=1)
    return _by_corner("UV", number, "UV", "UVIndex", upward, index, name)


def _by_corner(
    kind: str, number: int, key: str, index_key: str, values: npt.NDArray[Any], index: I32, name: str = ""
) -> Node:
    arrays = [node(key, values.astype(np.float64)), node(index_key, index)]
    return _element(kind, number, "ByPolygonVertex", "IndexToDirect", arrays, name)


def _element(kind: str, number: int, mapping: str, reference: str, arrays: list[Node], name: str = "") -> Node:
    head = [
        node("Version", 102 if kind == "Smoothing" else 101),
        node("Name", name),
        node("MappingInformationType", mapping),
        node("ReferenceInformationType", reference),
    ]
    return node(f"LayerElement{kind}", number, children=[*head, *arrays])


def _layer(number: int, group: list[Node]) -> Node:
    entries = [
        node("LayerElement", children=[node("Type", element.name), node("TypedIndex", element.values[0])])
        for element in group
    ]
    return node("Layer", number, children=[node("Version", 100), *entries])
