"""The node tree of a glTF file: which meshes it places where, with world transforms, and what it claims to hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import F32, InputError
from ml.readers.gltf_animation import first_pose
from ml.readers.gltf_buffers import Document, Json
from ml.readers.gltf_instances import instances

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """One mesh at one place: its index, the node's name, (4, 4) world matrix, skin, level of detail by MSFT_lod, and
    the weights of its morph targets, None where nobody names them."""

    mesh: object
    name: object
    world: Matrix
    skin: object = None
    level: int = 0
    weights: object = None


def place_meshes(document: Document) -> tuple[list[Placement], dict[int, Matrix]]:
    """Every mesh the scene shows, in document order, and the world matrix of every node reached, at frame 0 of the
    first animation where there is one.

    Raises InputError `mesh.broken` for a node reached twice: glTF nodes form strict trees (§3.5.2), and a shared or
    cyclic child would multiply without end.
    """
    worlds: dict[int, Matrix] = {}
    placements: list[Placement] = []
    pose = first_pose(document)
    pending: list[tuple[object, Matrix, int]] = [(root, np.eye(4), 0) for root in reversed(_roots(document))]
    lower: list[tuple[object, Matrix, int]] = []
    while pending:
        index, parent, level = pending.pop()
        node = document.item("nodes", index)
        assert isinstance(index, int)
        if index in worlds:
            raise InputError("mesh.broken", f"node {index} is reached twice: the node tree has a cycle or shared child")
        posed = node | pose.get(index, {})
        worlds[index] = world = parent @ _local(posed)
        if "mesh" in node:
            weights = posed.get("weights", document.item("meshes", node["mesh"]).get("weights"))
            placements += [
                Placement(node["mesh"], node.get("name"), world @ _local(each), node.get("skin"), level, weights)
                for each in instances(document, node)
            ]
        lower += [(other, parent, at) for at, other in enumerate(_lower_levels(node), start=1) if level == 0]
        pending += [(child, world, level) for child in reversed(node.get("children", []))]
        if not pending:  # levels that are in the scene all the same have been met by now
            pending, lower = [entry for entry in reversed(lower) if entry[0] not in worlds], []
    return placements, worlds


def _lower_levels(node: Json) -> list[Any]:
    """The nodes that MSFT_lod names in place of this one farther away; they stand where it stands."""
    extension = node.get("extensions", {}).get("MSFT_lod", {})
    ids = extension.get("ids", []) if isinstance(extension, dict) else []
    return ids if isinstance(ids, list) else []


def _roots(document: Document) -> list[Any]:
    if document.json.get("scenes"):
        return list(document.item("scenes", document.json.get("scene", 0)).get("nodes", []))
    nodes = document.json.get("nodes", [])
    children = {child for node in nodes for child in node.get("children", [])}
    return [index for index in range(len(nodes)) if index not in children]


def _local(node: Json) -> Matrix:
    if "matrix" in node:
        return _numbers(node["matrix"], 16).reshape(4, 4).T
    local = np.eye(4)
    x, y, z, w = _numbers(node.get("rotation", (0, 0, 0, 1)), 4)
    norm = math.sqrt(x * x + y * y + z * z + w * w) or 1.0
    x, y, z, w = x / norm, y / norm, z / norm, w / norm
    local[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    local[:3, :3] *= _numbers(node.get("scale", (1, 1, 1)), 3)
    local[:3, 3] = _numbers(node.get("translation", (0, 0, 0)), 3)
    return local


def _numbers(values: object, length: int) -> Matrix:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (length,) or not np.isfinite(array).all():
        raise InputError("mesh.broken", f"a node transform is not {length} finite numbers")
    return array


def is_mirrored(world: Matrix) -> bool:
    """Whether a transform turns a right hand into a left one, so that windings must be flipped."""
    return bool(np.linalg.det(world[:3, :3]) < 0)


def move(points: F32, directions: F32 | None, world: Matrix) -> tuple[F32, F32 | None]:
    """(n, 3) points and normals through a (4, 4) transform; normals by the inverse transpose, not re-normalised.

    The cofactor matrix stands for the inverse transpose because it also exists for a scale of zero.
    """
    if np.array_equal(world, np.eye(4)):
        return points, directions
    linear = world[:3, :3]
    moved = _through(points, linear, world[:3, 3])
    if directions is None:
        return moved, None
    a, b, c = linear
    cofactor = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
    sign = -1.0 if is_mirrored(world) else 1.0
    cofactor *= sign / (np.abs(cofactor).max() or 1.0)
    return moved, _through(directions, cofactor, np.zeros(3))


def _through(vectors: F32, linear: Matrix, offset: Matrix) -> F32:
    """(n, 3) `linear @ v + offset` in float64, column by column: 10 times faster than a product of n rows by 3."""
    made = np.empty((len(vectors), 3), np.float32)
    for row in range(3):
        column = np.full(len(vectors), offset[row])
        for axis in np.flatnonzero(linear[row]):
            column += vectors[:, axis] * linear[row, axis]
        made[:, row] = column
    return made
