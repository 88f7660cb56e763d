"""The chain of levels of detail: snapshots of one run of edge collapses that keeps UVs, normals, colours and parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.asset import Asset, InputError
from tasks.decimate import Decimated, collapse_levels
from tasks.normals import split_hard_edges
from tasks.replacement import replaced_part
from tasks.soup import Soup, attribute_table, dressed_part, join_parts, soup_wedges
from tasks.surface import compact


def lod_chain(asset: Asset, goals: Sequence[tuple[int, float]]) -> list[Asset]:
    """The asset after each of `goals`, (most faces, most metres that the surface moves), in falling order.

    One sequence of collapses gives every level (Hoppe 1996), so that a coarser one costs only what it has less, and
    each keeps LOD0's materials: UV seams, creases and borders between parts collapse along themselves alone. Where
    those hold a level above its target it comes out larger. Raises InputError `mesh.no-faces`.
    """
    if not goals:
        return []
    soup = _soup(asset)
    wedges, values = soup_wedges(soup, attribute_table(asset))
    levels = collapse_levels(soup.points, soup.faces, wedges, values, goals)
    return [_level(asset, soup, done) for done in levels]


def bare_level(asset: Asset, target: int) -> Asset:
    """The asset at `target` faces without UVs and maps, so that no seam holds it: what a new atlas is made for.

    Its `source` is the asset. Raises InputError `mesh.no-faces`.
    """
    soup = _soup(asset)
    wedges, values = soup_wedges(soup, None)
    done = collapse_levels(soup.points, soup.faces, wedges, values, [(target, 1e30)])[0]
    points, owner = done.points.astype(np.float32), soup.owner[done.origin]
    shares = [(part, done.faces[owner == index]) for index, part in enumerate(asset.parts)]
    parts = [split_hard_edges(compact(replaced_part(part, points, faces))) for part, faces in shares if len(faces)]
    return Asset(tuple(parts), asset.name, source=Asset(asset.parts, asset.name))


def _soup(asset: Asset) -> Soup:
    soup = join_parts(asset)
    if not len(soup.faces):
        raise InputError("mesh.no-faces", f"none of {asset.face_count} faces has an area")
    return soup


def _level(asset: Asset, soup: Soup, done: Decimated) -> Asset:
    """The parts that still have faces."""
    owner, parts = soup.owner[done.origin], []
    for index, part in enumerate(asset.parts):
        own = owner == index
        if own.any():
            parts.append(dressed_part(part, done.points, done.faces[own], done.wedges[own], done.values))
    return Asset(tuple(parts), asset.name)
