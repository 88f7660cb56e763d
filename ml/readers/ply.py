"""Reads PLY (ASCII and binary): vertices with normals, colours and texture coordinates, polygons of any size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, InputError, Material, make_part
from ml.normals import repaired_normals
from ml.readers.colors import linear_bytes
from ml.readers.coordinates import flipped_uv
from ml.readers.images import load_texture
from ml.readers.limits import ReadLimits, clean_name, parsing
from ml.readers.ply_elements import Element, read_elements
from ml.readers.polygons import triangulate
from ml.sources import Source

Scalars = dict[str, npt.NDArray[Any]]
UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("s0", "t0"))
COLOR_NAMES = (
    ("red", "green", "blue", "alpha"),
    ("r", "g", "b", "a"),
    ("diffuse_red", "diffuse_green", "diffuse_blue", ""),
)


def read_ply(data: bytes, source: Source, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in the bytes of a .ply, one part; the image of a `comment TextureFile` is its base colour.

    Raises InputError `mesh.truncated`, `mesh.broken`, `mesh.bad-index`, `mesh.not-finite`, `mesh.too-large`,
    `image.*` or `input.*`.
    """
    with parsing("PLY"):
        elements, comments = read_elements(data, limits)
        vertex = elements.get("vertex", Element("vertex", 0)).scalars
        points = _stacked(vertex, ("x", "y", "z"))
        if points is None:
            raise InputError("mesh.broken", "the PLY's vertices have no x, y and z")
        faces = _faces(elements, points, limits)
        normals, uv = _stacked(vertex, ("nx", "ny", "nz")), _uv(vertex)
        notes: dict[str, str] = {}
        part = make_part(points, faces, _material(source, comments, uv is not None, notes), uv=uv)
        part = replace(part, colors=_colors(vertex))
        if normals is not None:
            part = replace(part, normals=repaired_normals(normals.astype(np.float32), part.vertices, part.faces))
        return Asset((part,), notes=notes)


def _stacked(vertex: Scalars, names: tuple[str, ...]) -> npt.NDArray[np.float64] | None:
    if not all(name in vertex for name in names):
        return None
    return np.stack([vertex[name].astype(np.float64) for name in names], axis=1)


def _faces(elements: dict[str, Element], points: npt.NDArray[np.float64], limits: ReadLimits) -> npt.NDArray[np.int64]:
    lists = elements["face"].lists if "face" in elements else {}
    found = lists.get("vertex_indices", lists.get("vertex_index"))
    if found is None:
        return np.empty((0, 3), np.int64)
    values, counts = found
    limits.check(faces=int(np.maximum(counts - 2, 0).sum()))
    if len(values) and not (values.min() >= 0 and values.max() < len(points)):
        raise InputError("mesh.bad-index", f"face index {values.max()} (or {values.min()}) of {len(points)} vertices")
    corners = values.astype(np.int64)
    triangles, _ = triangulate(points[corners], counts)
    return corners[triangles]


def _uv(vertex: Scalars) -> npt.NDArray[np.float32] | None:
    for names in UV_NAMES:
        uv = _stacked(vertex, names)
        if uv is not None:
            return flipped_uv(uv)
    return None


def _colors(vertex: Scalars) -> npt.NDArray[np.uint8] | None:
    for names in COLOR_NAMES:
        if all(name in vertex for name in names[:3]):
            columns = [vertex[name] for name in names if name in vertex]
            stacked = np.nan_to_num(np.stack(columns, axis=1))
            if stacked.dtype == np.uint8:
                return linear_bytes(stacked)
            scale = 255.0 if stacked.size and stacked.max() > 1.0 else 1.0  # ASCII bytes, or floats
            return linear_bytes(stacked / scale)
    return None


def _material(source: Source, comments: list[str], mapped: bool, notes: dict[str, str]) -> Material:
    names = [text.partition(" ")[2].strip() for text in comments if text.lower().startswith("texturefile ")]
    if not names or not mapped:
        return Material()
    try:
        data = source.sibling(names[0]).read()
    except InputError as error:
        if error.code not in ("input.missing", "input.unreadable"):
            raise
        notes["import_notes"] = f"texture {clean_name(names[0])} is missing"
        return Material()
    return Material(base_color=(1.0, 1.0, 1.0, 1.0), base_color_texture=load_texture(data, clean_name(names[0])))
