"""Reads Wavefront OBJ with its MTL: objects, groups and materials become parts, polygons become triangles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import Asset, Material, Part, make_part
from ml.normals import repaired_normals
from ml.readers.colors import linear_bytes
from ml.readers.coordinates import flipped_uv
from ml.readers.limits import ReadLimits, clean_name, parsing
from ml.readers.mtl import read_libraries
from ml.readers.obj_faces import Corners, read_corners
from ml.readers.polygons import distinct_rows, triangulate
from ml.readers.text import I64, Lines, Mask
from ml.sources import Source

MAX_PARTS = 1024  # some exporters open a group for every face; beyond this only materials divide the mesh
Key = tuple[str, str, str]  # object, group, material


def read_obj(data: bytes, source: Source, limits: ReadLimits = ReadLimits()) -> Asset:
    """The asset in the bytes of an .obj; MTL and textures are read beside `source`, missing ones noted.

    Raises InputError `mesh.broken`, `mesh.bad-index`, `mesh.not-finite`, `mesh.too-large`, `image.*` or `input.*`.
    """
    with parsing("OBJ"):
        lines = Lines(data)
        tables = (lines.begins_with(b"v "), lines.begins_with(b"vt "), lines.begins_with(b"vn "))
        faces = lines.begins_with(b"f ")
        for table in tables:
            limits.check(vertices=int(table.sum()))
        limits.check(faces=int(faces.sum()))
        notes: list[str] = []
        corners = read_corners(lines, faces, tables)
        limits.check(faces=int(np.maximum(corners.counts - 2, 0).sum()))
        keys, segment, libraries = _states(lines, faces)
        geometry = _Geometry(lines, tables, corners)
        materials = read_libraries(source, libraries, notes) if libraries else {}
        if (lines.begins_with(b"l ") | lines.begins_with(b"p ")).any():
            notes.append("points and lines left out")
        parts = geometry.parts(keys, segment, materials)
        return Asset(tuple(parts), notes={"import_notes": "; ".join(dict.fromkeys(notes))} if notes else {})


def _states(lines: Lines, faces: Mask) -> tuple[list[Key], I64, list[str]]:
    """The distinct (object, group, material) keys in order, the key of each face, and the material libraries."""
    starts = [lines.begins_with(word) for word in (b"o ", b"g ", b"use", b"mtl")]
    changes = np.flatnonzero(np.logical_or.reduce(starts) | (lines.begins_with(b"g\n")))
    state = {b"o": "", b"g": "", b"usemtl": ""}
    numbers: dict[Key, int] = {("", "", ""): 0}
    after, libraries = [0], []
    for index in changes.tolist():
        word, _, rest = lines.line(index).partition(b" ")
        text = rest.strip().decode("utf-8", "replace")
        if word == b"mtllib":
            libraries.append(text)
        elif word in state:
            state[word] = clean_name(text)
        after.append(numbers.setdefault((state[b"o"], state[b"g"], state[b"usemtl"]), len(numbers)))
    keys = list(numbers)
    segment = np.array(after)[np.searchsorted(changes, np.flatnonzero(faces))]
    if len(keys) > MAX_PARTS:
        merged: dict[Key, int] = {}
        number = [merged.setdefault(("", "", key[2]), len(merged)) for key in keys]
        return list(merged), np.array(number)[segment], libraries
    return keys, segment, libraries


class _Geometry:
    """The vertex tables and triangles of the whole file, from which each part takes its share."""

    def __init__(self, lines: Lines, tables: tuple[Mask, Mask, Mask], corners: Corners) -> None:
        rows = lines.vectors(tables[0], 1, 3, 7)
        self.points = rows[:, :3]
        self.colors = _vertex_colors(rows[:, 3:])
        self.uv = flipped_uv(lines.vectors(tables[1], 2, 1, 2))
        self.normals = lines.vectors(tables[2], 2, 3, 3)
        at, self.owner = triangulate(self.points[corners.indices[:, 0]], corners.counts)
        self.corners = corners.indices[at]  # (t, 3, 3): triangle, corner, table

    def parts(self, keys: list[Key], segment: I64, materials: dict[str, Material]) -> list[Part]:
        """One part for each key that has triangles."""
        part_of = segment[self.owner]
        order = np.argsort(part_of, kind="stable")
        bounds = np.searchsorted(part_of[order], np.arange(len(keys) + 1))
        return [
            self._part(self.corners[order[bounds[k] : bounds[k + 1]]], key, materials)
            for k, key in enumerate(keys)
            if bounds[k] < bounds[k + 1]
        ]

    def _part(self, corners: I64, key: Key, materials: dict[str, Material]) -> Part:
        """Corners that agree in all three indices become one vertex; a table some corner lacks is left out."""
        flat = corners.reshape(-1, 3)
        flat = np.where((flat >= 0).all(axis=0), flat, -1)
        first, inverse = distinct_rows(flat)
        rows = flat[first]
        normals = self.normals[rows[:, 2]].astype(np.float32) if rows[0, 2] >= 0 else None
        part = make_part(
            self.points[rows[:, 0]],
            inverse.reshape(-1, 3),
            materials.get(key[2], Material(name=key[2] or "material")),
            name=key[1] or key[0] or key[2] or "part",
            uv=self.uv[rows[:, 1]] if rows[0, 1] >= 0 else None,
            colors=self._part_colors(rows[:, 0]),
        )
        if normals is None:
            return part
        return replace(part, normals=repaired_normals(normals, part.vertices, part.faces))

    def _part_colors(self, vertices: I64) -> npt.NDArray[Any] | None:
        """Colours of a part's vertices, white where some have none; None where none has any."""
        srgb = self.colors[vertices]
        bare = np.isnan(srgb[:, 0] + srgb[:, 1] + srgb[:, 2])
        return None if bare.all() else linear_bytes(np.where(bare[:, None], 1.0, srgb))


def _vertex_colors(extra: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`v x y z r g b` in [0, 1] (or to 255, as some scanners write); a lone fourth number is a weight, not a colour."""
    colors = extra[:, :3]
    return np.asarray(colors / (255.0 if np.nanmax(colors, initial=0.0) > 1.0 else 1.0))
