"""The outer surface of an asset: the boundary of all its closed solids together, and the part each face came from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ml.asset import I32, Asset, InputError
from tasks.topology import F64, Floats, weld


@dataclass(frozen=True)
class OuterSurface:
    """A closed surface that does not cross itself."""

    vertices: F64  # (n, 3) metres
    faces: I32  # (m, 3) outward
    owner: I32  # (m,) the asset's part


def outer_surface(asset: Asset) -> OuterSurface:
    """The union of the closed surfaces of all parts, by the manifold library's boolean operations (Lalish 2023).

    A part may hold several solids that overlap; parts that are closed only together, as those of one solid in several
    materials, are taken as one. A surface that looks inward bounds a cavity: where there is any, solids stay in one
    piece. About 18 CPU-ms for 3,300 faces in 16 solids. Raises InputError `mesh.no-faces`, `mesh.not-finite`,
    `shape.not-closed` where the surface has a boundary, and `shape.inside-out` where it encloses nothing.
    """
    from manifold3d import Error, Manifold, Mesh, OpType

    bounds = asset.bounds()
    if not np.isfinite(bounds).all():
        raise InputError("mesh.not-finite", "vertices are NaN or infinite")
    centre, size = bounds.mean(axis=0), max(float(np.ptp(bounds, axis=0).max()), 1e-300)
    first = int(Manifold.reserve_ids(len(asset.parts)))

    def manifold(vertices: Floats, faces: I32, owner: I32) -> Any:
        return Manifold(_mesh((vertices - centre) / size, faces, owner, first, Mesh))

    parts = [(part.vertices, part.faces, np.full(len(part.faces), k)) for k, part in enumerate(asset.parts)]
    whole = [manifold(*part) for part in parts if len(part[1])]
    if any(each.status() != Error.NoError for each in whole):
        whole = [manifold(*asset.merged())]
    if whole[0].status() != Error.NoError:
        raise InputError("shape.not-closed", "the surface is not closed, part by part or as a whole")
    if any(each.volume() <= 0.0 for each in whole):
        raise InputError("shape.inside-out", "a surface encloses no volume, or looks inward")
    solids = [solid for each in whole for solid in each.decompose()]
    if any(solid.volume() < 0.0 for solid in solids):
        solids = whole
    joined = Manifold.batch_boolean(solids, OpType.Add).to_mesh()
    return _outer(joined, centre, size, first)


def _mesh(vertices: Floats, faces: I32, owner: I32, first: int, mesh: Any) -> Any:
    """The library's mesh, its vertices joined by position; each part's faces are a run with a number of its own."""
    points, joined, _ = weld(vertices.astype(np.float32), faces)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    runs = 3 * np.append(starts, len(faces)).astype(np.uint32)
    numbers = (first + owner[starts]).astype(np.uint32)
    return mesh(points, joined.astype(np.uint32), run_index=runs, run_original_id=numbers)


def _outer(mesh: Any, centre: F64, size: float, first: int) -> OuterSurface:
    """The library's mesh in metres; its triangles come in runs, each of one original."""
    faces = np.asarray(mesh.tri_verts).astype(np.int32)
    owner = np.empty(len(faces), np.int32)
    for (start, end), number in zip(pairwise(mesh.run_index), mesh.run_original_id, strict=True):
        owner[int(start) // 3 : int(end) // 3] = int(number) - first
    vertices = np.asarray(mesh.vert_properties)[:, :3].astype(np.float64) * size + centre
    return OuterSurface(vertices, faces, owner)
